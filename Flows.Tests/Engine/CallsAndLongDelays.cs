using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine;

public sealed class CallsAndLongDelays
{
    private const string Call = """[{ "name": "audit", "kind": "call", "flow": "audit-flow", "input": { "n": "{{trigger.n + 1}}" }, "timeout": "00:30:00", "retry": { "attempts": 2, "delay": "00:00:00", "on": ["any"] } }]""";
    private static readonly PauseTerms s_terms = new((long)TimeSpan.FromDays(30).TotalMilliseconds, "https://flows.example.com", new byte[32]);
    private readonly ManualClock _clock = new(new DateTimeOffset(2026, 3, 1, 10, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task A_call_asks_for_a_run_of_the_flow_and_takes_its_output()
    {
        var paused = await WalkAsync(Call);
        var wait = Assert.Single(paused.Outcome!.Waits!);
        Assert.Equal(("audit", WaitKind.Call, _clock.GetUtcNow().AddMinutes(30)), (wait.Path, wait.Kind, wait.DueAt));
        Assert.Equal(("audit-flow", """{"n":2}""", true), (wait.Call!.Flow, wait.Call.Input.ToString(), wait.Call.Await));

        var resumed = await WalkAsync(Call, paused.Journal, new WaitState("audit", WaitStatus.Completed, RawJson.Parse("[1]")));
        Assert.Equal((RunStatus.Succeeded, "[1]"), (resumed.Outcome!.Status, resumed.Output));
    }

    [Fact]
    public async Task Each_try_of_a_call_is_a_run_of_its_own_and_the_last_failure_is_the_steps()
    {
        var first = await WalkAsync(Call);
        var failed = new StepError("call_failed", "the run 7 that it called failed: no stock.");

        var second = await WalkAsync(Call, first.Journal, new WaitState("audit", WaitStatus.Failed, Error: failed));
        Assert.Equal("audit@2", Assert.Single(second.Outcome!.Waits!).Path);
        Assert.Equal((StepStatus.Paused, 2), (second["audit"].Status, second["audit"].Attempt));

        var third = await WalkAsync(Call, second.Journal, new WaitState("audit", WaitStatus.Failed, Error: failed), new WaitState("audit@2", WaitStatus.Failed, Error: failed));
        Assert.Equal((RunStatus.Failed, "call_failed"), (third.Outcome!.Status, third.Outcome.Error!.Code));
        Assert.Equal("Step 'audit': the run 7 that it called failed: no stock.", third.Outcome.Error.Message);
    }

    [Fact]
    public async Task A_call_that_takes_too_long_is_a_timeout()
    {
        const string Steps = """[{ "name": "audit", "kind": "call", "flow": "x", "timeout": "00:30:00" }]""";
        var paused = await WalkAsync(Steps);
        var late = await WalkAsync(Steps, paused.Journal, new WaitState("audit", WaitStatus.Expired));
        Assert.Equal("timeout", late.Outcome!.Error!.Code);
        Assert.Contains("timeout of 00:30:00", late.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_delay_before_the_next_try_pauses_the_run_and_the_tries_are_counted_on()
    {
        const string Steps = """[{ "name": "pay", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 2 }, "retry": { "attempts": 3, "delay": "00:10:00", "backoff": 1 } }]""";
        var ledger = new LedgerPiece();
        var run = await WalkAsync(Steps, ledger: ledger);
        var journal = run.Journal;
        foreach (var number in new[] { 2, 3 })
        {
            var wait = Assert.Single(run.Outcome!.Waits!);
            Assert.Equal(($"pay#{number}", WaitKind.Retry), (wait.Path, wait.Kind));
            Assert.InRange((wait.DueAt - _clock.GetUtcNow()).TotalMinutes, 8, 12);
            Assert.Equal((StepStatus.Paused, number - 1, "broken"), (run["pay"].Status, run["pay"].Attempt, run["pay"].Error!.Code));

            // Still open: nothing is tried, nothing is asked for again.
            var early = await WalkAsync(Steps, journal, [new WaitState(wait.Path, WaitStatus.Open)], ledger);
            Assert.Equal((RunStatus.Paused, null), (early.Outcome!.Status, early.Outcome.Waits));
            Assert.Empty(early.Journal);

            run = await WalkAsync(Steps, journal, [new WaitState(wait.Path, WaitStatus.Completed)], ledger);
            journal = run.Journal;
        }
        Assert.Equal((RunStatus.Succeeded, "3", 3), (run.Outcome!.Status, run.Output, run["pay"].Attempt));
    }

    [Fact]
    public async Task The_intent_of_a_try_after_a_pause_is_durable_before_it_is_made()
    {
        const string Steps = """[{ "name": "pay", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 1 }, "retry": { "attempts": 2, "delay": "00:10:00" } }]""";
        var ledger = new LedgerPiece();
        var paused = await WalkAsync(Steps, ledger: ledger);
        var resumed = await WalkAsync(Steps, paused.Journal, [new WaitState("pay#2", WaitStatus.Completed)], ledger);
        Assert.Contains(resumed.Messages, message => message.Barrier && message.Steps.Any(line => line is { Path: "pay", Status: StepStatus.Running, Attempt: 2 }));
    }

    [Theory]
    [InlineData(429, "120", 120)]
    [InlineData(503, "Sun, 01 Mar 2026 10:05:00 GMT", 300)]
    [InlineData(503, "7200", 3600)] // an hour counts at most
    public async Task The_next_try_comes_no_sooner_than_the_service_asks(int status, string after, int seconds)
    {
        await using var server = EchoServer.Create();
        await server.StartAsync();
        var run = await WalkAsync($$"""
            [{ "name": "get", "kind": "action", "piece": "http", "action": "request", "retry": { "attempts": 2, "delay": "00:00:01" },
               "input": { "url": "{{EchoServer.UrlOf(server)}}/busy/{{status}}?after={{Uri.EscapeDataString(after)}}" } }]
            """);
        var wait = Assert.Single(run.Outcome!.Waits!);
        Assert.Equal(("get#2", WaitKind.Retry, _clock.GetUtcNow().AddSeconds(seconds)), (wait.Path, wait.Kind, wait.DueAt));
        Assert.Contains("it asks to wait", run["get"].Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_service_asks_for_does_not_shorten_the_policys_own_delay()
    {
        await using var server = EchoServer.Create();
        await server.StartAsync();
        var run = await WalkAsync($$"""
            [{ "name": "get", "kind": "action", "piece": "http", "action": "request", "retry": { "attempts": 2, "delay": "00:30:00" },
               "input": { "url": "{{EchoServer.UrlOf(server)}}/busy/429?after=2" } }]
            """);
        Assert.InRange((Assert.Single(run.Outcome!.Waits!).DueAt - _clock.GetUtcNow()).TotalMinutes, 24, 36);
    }

    private Task<WalkedRun> WalkAsync(string steps, IReadOnlyList<StepRecord>? journal = null, params WaitState[] waits) => WalkAsync(steps, journal, waits, null);

    private Task<WalkedRun> WalkAsync(string steps, IReadOnlyList<StepRecord>? journal = null, WaitState[]? waits = null, LedgerPiece? ledger = null) =>
        WalkedRun.OfAsync(steps, """{ "n": 1 }""", ledger, journal, _clock, waits: waits, pauses: s_terms);
}
