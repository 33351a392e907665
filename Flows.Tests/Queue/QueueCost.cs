using System.Globalization;
using System.Text.RegularExpressions;
using Flows.Queue;

namespace Flows.Tests.Queue;

/// <summary>What a job costs in Redis, counted by Redis itself.</summary>
public sealed partial class QueueCost : IDisposable
{
    private readonly PrivateRedis _redis = new();

    public void Dispose() => _redis.Dispose();

    [Fact]
    public async Task A_job_into_an_idle_queue_costs_fifteen_commands_at_most_and_two_round_trips()
    {
        const int Jobs = 30;
        _redis.Start();
        // No poll and no renewal in between: what is counted are the jobs.
        await using var queue = new QueueSituation(_redis.ConnectionString, ("Flows:Queue:PollInterval", "00:01:00"), ("Flows:Queue:Lease", "00:10:00"));
        var arrived = new SemaphoreSlim(0);
        await queue.StartConsumerAsync((_, _) =>
        {
            arrived.Release();
            return Task.FromResult(JobSettlement.Done);
        });
        await QueueSituation.EventuallyAsync(() => ArriveAsync(2)); // the scripts are loaded, the consumer listens

        await _redis.CommandAsync("CONFIG RESETSTAT");
        await ArriveAsync(Jobs);

        var statistics = await _redis.CommandAsync("INFO commandstats");
        var calls = Line().Matches(statistics).ToDictionary(line => line.Groups[1].Value, line => int.Parse(line.Groups[2].Value, CultureInfo.InvariantCulture));
        foreach (var other in new[] { "ping", "info", "echo", "config|resetstat", "client|setinfo", "subscribe" })
            calls.Remove(other); // the connection's, and this test's own
        Assert.InRange(calls["evalsha"], 1, Jobs * 2 + 2); // the first settles what came before
        Assert.InRange(calls.Values.Sum(), 1, Jobs * 15);

        async Task<bool> ArriveAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                await queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), CancellationToken.None);
                Assert.True(await arrived.WaitAsync(QueueSituation.Limit));
            }
            return true;
        }
    }

    [GeneratedRegex(@"cmdstat_(\S+):calls=(\d+)")]
    private static partial Regex Line();
}
