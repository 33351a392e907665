using Flows.Queue;

namespace Flows.Tests.Queue;

/// <summary>The Redis provider keeps every promise of the contract, a burst included.</summary>
[Collection(Platform.Queues)]
public sealed class RedisQueueConformance(Platform platform) : QueueConformance
{
    protected override TimeSpan Lease => TimeSpan.FromSeconds(2);

    protected override QueueSituation NewSituation() => new(platform.RedisConnectionString,
        ("Flows:Queue:Lease", "00:00:02"), ("Flows:Queue:PollInterval", "00:00:00.200"));

    [Fact]
    public async Task A_burst_of_fifty_thousand_is_worked_off()
    {
        await using var queue = NewSituation();
        var projects = Enumerable.Range(0, 50).Select(_ => Guid.CreateVersion7()).ToArray();
        var jobs = Enumerable.Range(0, 50_000).Select(i => QueueSituation.Job(projects[i % projects.Length])).ToArray();
        var seen = new Arrivals(jobs.Length);
        await queue.StartConsumerAsync(seen.DoneAsync, concurrency: 32);
        await queue.StartConsumerAsync(seen.DoneAsync, concurrency: 32);

        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);

        await seen.All;
        await queue.EmptyAsync();
        Assert.Equal(jobs.Length, seen.Runs);
    }
}
