using System.Net;
using Flows.Bench.Hosted;

namespace Flows.Tests.Proofs;

/// <summary>Two replicas of the API, two workers, and leases short enough for a test.</summary>
public sealed class ReplicatedPlatform : IAsyncLifetime
{
    internal LocalPlatform Flows { get; private set; } = null!;

    public async Task InitializeAsync() => Flows = await RollingBench.StartPlatformAsync("--Flows:Runs:Lease=00:00:03", "--Flows:Queue:Lease=00:00:02", "--Flows:Runs:MaxAttempts=100");
    public async Task DisposeAsync() => await Flows.DisposeAsync();
}

/// <summary>What callers who wait for an answer get when parts of Flows are restarted or die under them.</summary>
[Collection(Platform.Campaigns)]
[Trait("Category", "Proof")]
public sealed class AnsweringThroughCrashes(ReplicatedPlatform platform) : IClassFixture<ReplicatedPlatform>, IAsyncLifetime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly LocalPlatform _flows = platform.Flows;
    private Gate _gate = null!;
    private Guid _flow;

    public async Task InitializeAsync()
    {
        _gate = await Gate.StartAsync();
        _flow = await _flows.Target.PublishAsync("held", $$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "hold", "kind": "action", "piece": "http", "action": "request", "input": { "method": "GET", "url": "{{_gate.Address}}" } },
                         { "name": "answer", "kind": "respond", "body": "answered" } ] }
            """);
    }

    public async Task DisposeAsync() => await _gate.DisposeAsync();

    [Fact]
    public async Task A_worker_that_is_killed_costs_the_caller_time_and_not_the_answer()
    {
        var call = CallAsync();
        await _gate.ArrivalAsync();
        var (worker, run) = await HolderAsync();
        Assert.True(Signal.Send(worker, Signal.Kill));

        await _gate.ArrivalAsync(); // the same step, elsewhere
        _gate.Open();

        await AnsweredAsync(call, run);
        await _flows.UntilReplacedAsync("worker", worker);
    }

    [Fact]
    public async Task A_Redis_that_dies_while_a_caller_waits_keeps_no_answer_back()
    {
        var call = CallAsync();
        await _gate.ArrivalAsync();
        var (_, run) = await HolderAsync();
        var redis = Assert.Single(_flows.PidsOf("redis"));
        Assert.True(Signal.Send(redis, Signal.Kill));

        _gate.Open();

        await AnsweredAsync(call, run);
        await _flows.UntilReplacedAsync("redis", redis);
    }

    [Fact]
    public async Task The_death_of_the_other_replica_of_the_api_is_not_noticed_by_the_caller()
    {
        var replicas = _flows.AddressesOf("api");
        var (mine, other) = (replicas.First(), replicas.Last());
        Assert.NotEqual(mine.Key, other.Key);
        var call = CallAsync(mine.Value);
        await _gate.ArrivalAsync();
        var (_, run) = await HolderAsync();
        Assert.True(Signal.Send(other.Key, Signal.Kill));

        _gate.Open();

        await AnsweredAsync(call, run);
        await _flows.UntilReplacedAsync("api", other.Key);
    }

    [Fact]
    public async Task The_death_of_the_callers_own_replica_ends_the_call_and_not_the_run()
    {
        var mine = _flows.AddressesOf("api").First();
        var call = CallAsync(mine.Value);
        await _gate.ArrivalAsync();
        var (_, run) = await HolderAsync();
        Assert.True(Signal.Send(mine.Key, Signal.Kill));

        await Assert.ThrowsAsync<HttpRequestException>(() => call.WaitAsync(s_limit));
        _gate.Open();

        await FailoverBench.UntilAsync("the run has ended", () => FailoverBench.CountAsync(_flows, $"SELECT count(*) FROM runs WHERE id = '{run}' AND status = 4"), count => count == 1);
        await _flows.UntilReplacedAsync("api", mine.Key);
    }

    private async Task<HttpResponseMessage> CallAsync(Uri? at = null)
    {
        using var http = _flows.Client(s_limit, at);
        return await http.PostAsync($"/webhooks/{_flow}/sync", content: null);
    }

    private static async Task AnsweredAsync(Task<HttpResponseMessage> call, Guid run)
    {
        using var answer = await call.WaitAsync(s_limit);
        Assert.Equal((HttpStatusCode.OK, "answered"), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        Assert.Equal(run.ToString(), answer.Headers.GetValues("Flows-Run-Id").Single());
    }

    private async Task<(int Worker, Guid Run)> HolderAsync()
    {
        await using var command = _flows.Database.CreateCommand($"SELECT w.process_id, r.id FROM runs r JOIN workers w ON w.id = r.worker WHERE r.flow_id = '{_flow}' AND r.status = 1");
        await using var row = await command.ExecuteReaderAsync();
        Assert.True(await row.ReadAsync(), "No worker holds the run.");
        return (row.GetInt32(0), row.GetGuid(1));
    }
}
