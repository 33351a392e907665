using System.Text.Json;

namespace Flows.Tests.EndToEnd;

/// <summary>Steps that would go on for ever: a cancel ends the run, the process that works on it, and says where it stood.</summary>
[Collection(nameof(Platform))]
public sealed class CancellingARun(Platform platform)
{
    private const string Endless = """{ "name": "spin", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => { while (true) { } };" }""";

    [Fact]
    public async Task A_run_in_an_endless_step_ends_as_cancelled_and_frees_its_worker()
    {
        var run = await StartAsync($$"""{ "name": "before", "kind": "action", "piece": "data", "action": "set", "input": { "value": 1 } }, {{Endless}}""");
        await platform.UntilStepAsync(run, "spin", "Running");

        await CancelAsync(run);

        await platform.UntilIdleAsync();
        Assert.Equal(["before Succeeded", "spin Failed cancelled"], await StepsAsync(run));
    }

    [Fact]
    public async Task A_call_that_is_never_answered_is_given_up()
    {
        await using var gate = await Gate.StartAsync();
        var run = await StartAsync($$"""{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{gate.Address}}" } }""");
        await gate.ArrivalAsync();

        await CancelAsync(run);

        await gate.DepartureAsync(); // the connection went with the engine
        await platform.UntilIdleAsync();
        Assert.Equal(["call Failed cancelled"], await StepsAsync(run));
    }

    [Fact]
    public async Task Of_several_steps_at_once_each_that_was_under_way_says_so()
    {
        await using var gate = await Gate.StartAsync();
        var run = await StartAsync($$$"""
            { "name": "each", "kind": "loop", "items": [0, 1, 2], "parallel": 3, "steps": [
              { "name": "way", "kind": "router", "mode": "first", "branches": [
                { "name": "Code", "when": "{{each.item == 0}}", "steps": [ {{{Endless}}} ] },
                { "name": "Call", "when": "{{each.item == 1}}", "steps": [ { "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "method": "GET", "url": "{{{gate.Address}}}" } } ] },
                { "name": "Wait", "otherwise": true, "steps": [ { "name": "sign", "kind": "wait", "for": "approval" } ] } ] } ] }
            """);
        await gate.ArrivalAsync();
        await platform.UntilStepAsync(run, "each[0].way:Code.spin", "Running");
        await platform.UntilStepAsync(run, "each[2].way:Wait.sign", "Paused");

        await CancelAsync(run);

        await gate.DepartureAsync();
        await platform.UntilIdleAsync();
        var steps = await StepsAsync(run);
        Assert.Contains("each[0].way:Code.spin Failed cancelled", steps);
        Assert.Contains("each[1].way:Call.call Failed cancelled", steps);
        Assert.Contains("each[2].way:Wait.sign Failed cancelled", steps);
    }

    [Fact]
    public async Task A_caller_and_a_called_run_end_together()
    {
        await using var gate = await Gate.StartAsync();
        var child = await platform.Api.PublishAsync("Held", Flow($$"""{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "method": "GET", "url": "{{gate.Address}}" } }"""));
        var run = await StartAsync($$"""{ "name": "sub", "kind": "call", "flow": "{{child}}" }""");
        await gate.ArrivalAsync();

        await CancelAsync(run);

        await gate.DepartureAsync();
        var called = Assert.Single((await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/runs?flow={child}", null)).GetProperty("items").EnumerateArray().ToList());
        Assert.Equal("Cancelled", called.GetProperty("status").GetString());
        Assert.Equal(["sub Failed cancelled"], await StepsAsync(run));
    }

    private async Task<Guid> StartAsync(string steps) => await platform.Api.StartAsync(await platform.Api.PublishAsync("Endless", Flow(steps)));

    private static string Flow(string steps) =>
        $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} }, "steps": [ {{steps}} ] }""";

    private async Task CancelAsync(Guid run)
    {
        var cancelled = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/runs/{run}/cancel", null);
        Assert.Equal("Cancelled", cancelled.GetProperty("status").GetString());
    }

    private async Task<List<string>> StepsAsync(Guid run) => [.. (await platform.Api.StepsAsync(run)).Select(step => string.Join(' ', new[]
    {
        step.GetProperty("path").GetString(),
        step.GetProperty("status").GetString(),
        step.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object ? error.GetProperty("code").GetString() : "",
    }).Trim())];
}
