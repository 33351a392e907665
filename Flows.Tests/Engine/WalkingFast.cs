using System.Diagnostics;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Contracts.Runs;
using Flows.Engine.Pieces;
using Flows.Engine.Steps;
using Xunit.Abstractions;

namespace Flows.Tests.Engine;

/// <summary>How long the walker itself takes. The bounds are many times the figures of a quiet machine: they catch a change of kind, not of degree.</summary>
public sealed class WalkingFast(ITestOutputHelper output)
{
    private sealed class Silent : IRunHost
    {
        public ValueTask JournalAsync(JournalLines lines) => default;
        public Task DurableAsync(long sequence, CancellationToken cancel) => Task.CompletedTask;
        public ValueTask RespondAsync(RunResponse response) => default;
        public Task<CodeCompleted> RunCodeAsync(CodeRequested request, CancellationToken cancel) => throw new InvalidOperationException("There is no code here.");
    }

    private async Task<double> MillisecondsAsync(string steps, int warm, int times)
    {
        using var http = new OutboundHttp(new GuardedNetwork(new NetworkSettings(NetworkPolicy.Unrestricted)));
        var walk = new RunWalk(PieceCatalog.All, http, TimeProvider.System);
        var definition = RawJson.Parse($$"""{ "schema": 1, "trigger": { "piece": "manual", "event": "run" }, "steps": {{steps}} }""");
        var version = Guid.CreateVersion7();
        var start = new StartRun(
            Guid.CreateVersion7(), 1, Guid.CreateVersion7(), "fast", version, RunEnvironment.Production, definition, RawJson.Parse("""{ "n": 1, "items": [] }"""),
            [], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>(), EngineLimits.Default);
        for (var i = 0; i < warm; i++)
            Assert.Equal(RunStatus.Succeeded, (await walk.WalkAsync(start, new Silent(), CancellationToken.None)).Status);

        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < times; i++)
            await walk.WalkAsync(start, new Silent(), CancellationToken.None);
        var each = Stopwatch.GetElapsedTime(began).TotalMilliseconds / times;
        output.WriteLine($"{each:0.000} ms");
        return each;
    }

    [Fact]
    public async Task A_warm_engine_walks_ten_pure_steps_in_a_millisecond()
    {
        var steps = Enumerable.Range(0, 10).Select(i => i == 0
            ? """{ "name": "s0", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "n": "{{trigger.n + 1}}" } } }"""
            : $$$"""{ "name": "s{{{i}}}", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "n": "{{s{{{i - 1}}}.n + 1}}", "text": "step {{s{{{i - 1}}}.n}}" } } }""");
        Assert.InRange(await MillisecondsAsync($"[{string.Join(',', steps)}]", warm: 500, times: 1000), 0, 10);
    }

    [Fact]
    public async Task A_parallel_loop_of_a_thousand_items_is_walked_in_a_fraction_of_a_second()
    {
        const string steps = """
            [{ "name": "each", "kind": "loop", "items": "{{range(0, 1000)}}", "parallel": 16, "steps": [
               { "name": "s", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{each.item * 2}}" } } ] }]
            """;
        Assert.InRange(await MillisecondsAsync(steps, warm: 10, times: 20), 0, 500);
    }
}
