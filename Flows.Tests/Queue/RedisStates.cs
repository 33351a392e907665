using Flows.Queue;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.Tests.Queue;

/// <summary>A Redis that is there and not fit for work: the queue says so, /health says why, and both recover by themselves.</summary>
[Trait("Category", "Proof")]
public sealed class RedisStates : IDisposable
{
    private readonly PrivateRedis _redis = new();
    private readonly PrivateRedis _other = new();
    private readonly PrivateRedis _sentinel = new();

    public void Dispose()
    {
        _sentinel.Dispose();
        _other.Dispose();
        _redis.Dispose();
    }

    [Fact]
    public async Task A_wrong_password_is_told_without_the_password()
    {
        _redis.Start("--requirepass", "right-word");
        await using var queue = NewSituation(_redis.ConnectionString + ",password=wrong-word");

        var error = await Assert.ThrowsAsync<QueueUnavailableException>(() => EnqueueAsync(queue));

        Assert.DoesNotContain("word", error.Message, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Unhealthy, (await HealthAsync(queue)).Status);
    }

    [Fact]
    public async Task The_right_password_lets_in()
    {
        _redis.Start("--requirepass", "right-word");
        await using var queue = NewSituation(_redis.ConnectionString + ",password=right-word");
        await QueueSituation.EventuallyAsync(() => WorksAsync(queue));
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(queue)).Status);
    }

    [Fact]
    public async Task A_replica_refuses_until_it_is_made_the_master()
    {
        _other.Start();
        _redis.Start("--replicaof", $"127.0.0.1 {_other.Port}");
        await using var queue = NewSituation(_redis.ConnectionString);
        await Assert.ThrowsAsync<QueueUnavailableException>(() => EnqueueAsync(queue));
        await QueueSituation.EventuallyAsync(async () =>
            await HealthAsync(queue) is { Status: HealthStatus.Unhealthy, Description: "a read-only replica" });

        Assert.StartsWith("+OK", await _redis.CommandAsync("REPLICAOF NO ONE"), StringComparison.Ordinal);

        await QueueSituation.EventuallyAsync(() => WorksAsync(queue));
        await QueueSituation.EventuallyAsync(async () => (await HealthAsync(queue)).Status == HealthStatus.Healthy);
    }

    [Fact]
    public async Task A_full_Redis_is_told_and_works_again_when_it_has_room()
    {
        _redis.Start("--maxmemory-policy", "noeviction");
        await using var queue = NewSituation(_redis.ConnectionString);
        await QueueSituation.EventuallyAsync(() => WorksAsync(queue));
        Assert.StartsWith("+OK", await _redis.CommandAsync("CONFIG SET maxmemory 1"), StringComparison.Ordinal);

        await Assert.ThrowsAsync<QueueUnavailableException>(() => EnqueueAsync(queue));
        var health = await HealthAsync(queue);
        Assert.Equal(HealthStatus.Degraded, health.Status);
        Assert.Contains("full", health.Description, StringComparison.Ordinal);

        Assert.StartsWith("+OK", await _redis.CommandAsync("CONFIG SET maxmemory 0"), StringComparison.Ordinal);
        await QueueSituation.EventuallyAsync(() => WorksAsync(queue));
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(queue)).Status);
    }

    [Fact]
    public async Task Behind_a_sentinel_the_queue_follows_the_new_master()
    {
        _redis.Start();
        _other.Start("--replicaof", $"127.0.0.1 {_redis.Port}");
        _sentinel.StartAsSentinelOf(_redis);
        await QueueSituation.EventuallyAsync(async () =>
            (await _sentinel.CommandAsync("SENTINEL REPLICAS flows")).Contains($"{_other.Port}", StringComparison.Ordinal)
            && (await _redis.CommandAsync("INFO replication")).Contains("state=online", StringComparison.Ordinal));
        await using var queue = NewSituation($"{_sentinel.ConnectionString},serviceName=flows");
        var seen = new Arrivals(1);
        await queue.StartConsumerAsync(seen.DoneAsync);
        await QueueSituation.EventuallyAsync(() => WorksAsync(queue));
        await seen.All;

        _redis.Kill();

        // Replication is asynchronous: a job told just before or after the change of masters may be lost with the old one, and is then
        // told again by the sweeper of the API. So one is told until one arrives.
        await QueueSituation.EventuallyAsync(async () =>
        {
            var job = QueueSituation.Job();
            await queue.Producer.EnqueueAsync([job], CancellationToken.None);
            for (var look = 0; look < 200; look++)
            {
                if (seen.Jobs.Any(other => other.RunId == job.RunId))
                    return true;
                await Task.Delay(10);
            }
            return false;
        });
    }

    private static QueueSituation NewSituation(string redis) => new(redis, ("Flows:Queue:CommandTimeout", "00:00:01"));

    private static Task EnqueueAsync(QueueSituation queue) => queue.Producer.EnqueueAsync([QueueSituation.Job()], CancellationToken.None);

    private static async Task<bool> WorksAsync(QueueSituation queue)
    {
        await EnqueueAsync(queue);
        return true;
    }

    private static async Task<HealthReportEntry> HealthAsync(QueueSituation queue)
    {
        var report = await queue.ProducerHost.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        return report.Entries["StackExchange.Redis"];
    }
}
