using System.Text.Json;
using Flows.Queue.Redis;
using Flows.Tests.EndToEnd;
using Flows.Tests.Queue;

namespace Flows.Tests.Api;

/// <summary>Redis is not there, goes, is full, refuses: runs are accepted all the same, /health says why, and what was accepted is queued by itself later.</summary>
[Collection(nameof(Platform))]
public sealed class RedisAwayFromTheApi(Platform platform) : IDisposable
{
    private readonly PrivateRedis _redis = new();
    private readonly PrivateRedis _other = new();

    public void Dispose()
    {
        _redis.Dispose();
        _other.Dispose();
    }

    [Fact]
    public async Task Runs_are_accepted_through_every_outage_and_are_queued_when_it_is_over()
    {
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database, _redis.ConnectionString);
        var api = new FlowsClient(host.Http, ApiHost.Key);
        var flow = await PublishAsync(api);

        // Away at the start.
        await UntilHealthAsync(host, 503, "Unhealthy", "cannot be reached");
        (await host.GetAsync("/ready", key: null)).Ok(); // a balancer goes on sending what can be accepted
        var first = await api.StartAsync(flow);
        var answer = await host.GetAsync("/api/v1/system/queue");
        answer.Problem(503);
        Assert.NotNull(answer.Headers.RetryAfter);
        answer = await host.GetAsync("/admin/queues");
        answer.Problem(503);
        Assert.NotNull(answer.Headers.RetryAfter);
        _redis.Start("--maxmemory-policy", "noeviction");
        await UntilQueuedAsync(host, first);
        await UntilHealthAsync(host, 200, "Healthy", null);

        // Away in the middle.
        _redis.Kill();
        var second = await api.StartAsync(flow);
        await UntilHealthAsync(host, 503, "Unhealthy", "cannot be reached");
        (await host.GetAsync("/ready", key: null)).Ok();
        _redis.Start("--maxmemory-policy", "noeviction");
        await UntilQueuedAsync(host, second);

        // Full: it can still be read, and takes nothing.
        await _redis.CommandAsync("CONFIG SET maxmemory 1");
        await UntilHealthAsync(host, 200, "Degraded", "full: it refuses writes (maxmemory)");
        var third = await api.StartAsync(flow);
        (await host.GetAsync("/api/v1/system/queue")).Ok();
        await _redis.CommandAsync("CONFIG SET maxmemory 0");
        await UntilQueuedAsync(host, third);

        // Made a replica of another, and a master again; how /health sees it is shown in RedisStates.
        _other.Start();
        await QueueSituation.EventuallyAsync(async () => (await _other.CommandAsync("PING")).StartsWith("+PONG", StringComparison.Ordinal));
        await _redis.CommandAsync($"REPLICAOF 127.0.0.1 {_other.Port}");
        var fourth = await api.StartAsync(flow);
        await QueueSituation.EventuallyAsync(async () => (await _redis.CommandAsync("SET x y")).StartsWith("-READONLY", StringComparison.Ordinal));
        await _redis.CommandAsync("REPLICAOF NO ONE");
        await UntilQueuedAsync(host, fourth);
    }

    [Fact]
    public async Task A_wrong_password_is_told_by_health_and_costs_no_run()
    {
        _redis.Start("--requirepass", "right-word");
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database, $"{_redis.ConnectionString},password=given-word");
        var api = new FlowsClient(host.Http, ApiHost.Key);

        var run = await api.StartAsync(await PublishAsync(api));
        var health = await UntilHealthAsync(host, 503, "Unhealthy", null);
        Assert.DoesNotContain("given-word", health, StringComparison.Ordinal);

        await PrivateRedis.CliAsync(["-p", $"{_redis.Port}", "-a", "right-word", "CONFIG", "SET", "requirepass", "given-word"]);
        await UntilQueuedAsync(host, run);
    }

    private static Task<Guid> PublishAsync(FlowsClient api) => api.PublishAsync("Any", """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [ { "name": "answer", "kind": "respond", "body": {} } ] }
        """);

    private static Task UntilQueuedAsync(ApiHost host, Guid run) => QueueSituation.EventuallyAsync(async () =>
    {
        var turn = await host.App.Services.Shard().TurnAsync("tests", [], 10, releaseExpired: false, CancellationToken.None);
        return turn.Taken.Any(taken => taken.Job.RunId == run);
    });

    /// <returns>The whole answer.</returns>
    private static async Task<string> UntilHealthAsync(ApiHost host, int status, string redis, string? reason)
    {
        var text = "";
        await QueueSituation.EventuallyAsync(async () =>
        {
            var answer = await host.GetAsync("/health", key: null);
            text = answer.Text;
            var check = answer.Json.GetProperty("checks").GetProperty("StackExchange.Redis");
            return answer.Status == status && check.GetProperty("status").GetString() == redis
                && (reason is null || (check.TryGetProperty("reason", out var told) && told.ValueKind == JsonValueKind.String && told.GetString() == reason));
        });
        return text;
    }

    private Task<ApiHost> StartAsync(TestDatabase database, string redis) => ApiHost.StartAsync(database.ConnectionString, platform, new()
    {
        ["ConnectionStrings:redis"] = redis,
        ["Flows:Queue:Provider"] = "Redis",
        ["Flows:Queue:CommandTimeout"] = "00:00:01",
        ["Flows:Runs:SweepEvery"] = "00:00:00.200",
        ["Flows:Runs:RingAgainAfter"] = "00:00:01",
    });
}
