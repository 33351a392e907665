using Flows.Contracts.Runs;
using Flows.Queue;

namespace Flows.Tests.Queue;

/// <summary>The Hangfire provider on a real Redis. What it does not promise is said by the members that are overridden, and in docs/queue.md.</summary>
[Collection(Platform.Queues)]
[Trait("Category", "Proof")]
public sealed class HangfireConformance(Platform platform) : QueueConformance
{
    /// <summary>Not Hangfire's, whose invisibility lasts fifteen minutes here: the time after which the Redis provider would have given up.</summary>
    protected override TimeSpan Lease => TimeSpan.FromSeconds(1);

    protected override bool RecoversByItself => false;

    // Test and Normal share a lane.
    protected override IEnumerable<RunPriority> InOrder(IEnumerable<RunPriority> given) =>
        given.OrderBy(priority => priority == RunPriority.Test ? RunPriority.Normal : priority);

    protected override QueueSituation NewSituation() => new(platform.RedisConnectionString,
        ("Flows:Queue:Provider", "Hangfire"), ("Flows:Queue:DrainLimit", "00:00:05"));

    [Fact]
    [Trait("Category", "Proof")]
    public async Task A_flush_in_the_middle_is_healed_by_enqueueing_again()
    {
        using var redis = new PrivateRedis();
        redis.Start();
        await using var queue = new QueueSituation(redis.ConnectionString, ("Flows:Queue:Provider", "Hangfire"));
        var jobs = QueueSituation.Jobs(60);
        var (seen, some, goOn) = (new Arrivals(jobs.Count), Signal.New(), Signal.New());
        await queue.StartConsumerAsync(async (job, stopping) =>
        {
            if (seen.Jobs.Count == 20)
            {
                some.TrySetResult();
                await goOn.Task;
            }
            return await seen.DoneAsync(job, stopping);
        }, concurrency: 1);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);

        await some.Task.WaitAsync(QueueSituation.Limit);
        Assert.StartsWith("+OK", await redis.CommandAsync("FLUSHALL"), StringComparison.Ordinal);
        goOn.SetResult();
        await queue.Producer.EnqueueAsync([.. jobs.Except(seen.Jobs)], CancellationToken.None);

        await QueueSituation.EventuallyAsync(() => Task.FromResult(seen.Runs == jobs.Count));
    }

    [Fact]
    public async Task A_restart_in_the_middle_loses_nothing_that_was_enqueued()
    {
        using var redis = new PrivateRedis();
        redis.Start();
        await using var queue = new QueueSituation(redis.ConnectionString, ("Flows:Queue:Provider", "Hangfire"));
        await QueueSituation.EventuallyAsync(async () => (await queue.Producer.GetStatisticsAsync(CancellationToken.None)).Active == 0);
        var jobs = QueueSituation.Jobs(60);
        var (seen, some, goOn) = (new Arrivals(jobs.Count), Signal.New(), Signal.New());
        await queue.StartConsumerAsync(async (job, stopping) =>
        {
            if (seen.Jobs.Count == 20)
            {
                some.TrySetResult();
                await goOn.Task;
            }
            return await seen.DoneAsync(job, stopping);
        }, concurrency: 1);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);

        await some.Task.WaitAsync(QueueSituation.Limit);
        redis.Kill();
        await Assert.ThrowsAsync<QueueUnavailableException>(() => queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), CancellationToken.None));
        redis.Start();
        goOn.SetResult();

        await QueueSituation.EventuallyAsync(() => Task.FromResult(seen.Runs == jobs.Count));
    }

    [Fact]
    [Trait("Category", "Proof")]
    public async Task A_burst_of_ten_thousand_is_worked_off()
    {
        await using var queue = NewSituation();
        var jobs = QueueSituation.Jobs(10_000);
        var seen = new Arrivals(jobs.Count);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);
        await queue.StartConsumerAsync(seen.DoneAsync, concurrency: 16);

        await seen.WithinAsync(TimeSpan.FromSeconds(120));

        Assert.Equal(jobs.Count, seen.Runs);
    }

    [Fact]
    public async Task A_wrong_password_is_the_queue_being_unavailable_and_not_a_failed_start()
    {
        using var redis = new PrivateRedis();
        redis.Start("--requirepass", "right");
        await using var queue = new QueueSituation(redis.ConnectionString + ",password=wrong", ("Flows:Queue:Provider", "Hangfire"));

        var error = await Assert.ThrowsAsync<QueueUnavailableException>(
            () => queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), CancellationToken.None));

        Assert.DoesNotContain("wrong", error.Message, StringComparison.Ordinal);
    }
}
