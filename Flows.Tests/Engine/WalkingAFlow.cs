using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine;

public sealed class WalkingAFlow
{
    private static string Set(string name, string value) =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "data", "action": "set", "input": { "value": {{value}} } }""";

    [Theory]
    [InlineData("[]", "null")]
    [InlineData("""[{ "name": "a", "kind": "stop", "output": { "n": "{{trigger.n + 1}}" } }]""", """{"n":6}""")]
    [InlineData("""[{ "name": "a", "kind": "stop", "message": "bye" }]""", "null")]
    [InlineData("""[{ "name": "a", "kind": "code", "language": "javascript", "source": "x", "input": { "n": "{{trigger.n}}" } }]""", """{"n":5}""")]
    [InlineData("""[{ "name": "a", "kind": "code", "language": "javascript", "source": "x" }]""", "{}")]
    [InlineData("""[{ "name": "a", "kind": "stop", "output": "{{vars.currency}} {{flow.name}} {{run.environment}}" }]""", "\"EUR test Production\"")]
    public async Task The_output_is_that_of_the_last_step(string steps, string output) =>
        Assert.Equal(output, (await WalkedRun.OfAsync(steps, """{ "n": 5 }""")).Output);

    [Fact]
    public async Task A_respond_step_answers_and_its_body_is_the_output_whatever_follows()
    {
        var run = await WalkedRun.OfAsync($$$"""
            [ { "name": "answer", "kind": "respond", "status": "{{200 + 1}}", "headers": { "X-Id": 7 }, "body": { "ok": true } },
              {{{Set("after", "1")}}} ]
            """);
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal(201, run.Response!.Status);
        Assert.Equal("7", run.Response.Headers!["X-Id"]);
        Assert.Equal("""{"ok":true}""", run.Response.Body.ToString());
        Assert.Equal("""{"ok":true}""", run.Output);
        Assert.Equal("1", run["after"].Output.ToString());
    }

    [Fact]
    public async Task Only_the_first_respond_step_answers()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "a", "kind": "respond", "body": 1 }, { "name": "b", "kind": "respond", "body": 2 }]""");
        Assert.Equal("1", run.Response!.Body.ToString());
        Assert.Equal("1", run.Output);
    }

    [Fact]
    public async Task A_skipped_step_is_null_and_is_written_down()
    {
        var run = await WalkedRun.OfAsync("""
            [ { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": 1 }, "skip": true },
              { "name": "b", "kind": "stop", "output": "{{a == null}}" } ]
            """);
        Assert.Equal("true", run.Output);
        Assert.Equal(StepStatus.Skipped, run["a"].Status);
    }

    [Fact]
    public async Task A_stop_that_fails_names_itself_and_its_message()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "end", "kind": "stop", "asFailed": true, "message": "No stock of {{trigger.sku}}" }]""", """{ "sku": "A-7" }""");
        Assert.Equal((RunStatus.Failed, "stopped", "No stock of A-7", "end"),
            (run.Outcome!.Status, run.Outcome.Error!.Code, run.Outcome.Error.Message, run.Outcome.FailedStep));
        Assert.Equal(StepStatus.Failed, run["end"].Status);
    }

    [Fact]
    public async Task Ten_pure_steps_cost_one_message()
    {
        var run = await WalkedRun.OfAsync($"[{string.Join(',', Enumerable.Range(0, 10).Select(i => Set($"s{i}", $"{i}")))}]");
        Assert.Equal(10, Assert.Single(run.Messages).Steps.Count);
        Assert.All(run.Journal, line => Assert.Equal(StepStatus.Succeeded, line.Status));
    }

    [Fact]
    public async Task Lines_that_wait_are_sent_after_fifty_milliseconds()
    {
        var clock = new ManualClock();
        var ledger = new LedgerPiece();
        var sent = new TaskCompletionSource<IReadOnlyList<StepRecord>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var walking = WalkedRun.OfAsync(
            $$"""[ {{Set("a", "1")}}, { "name": "held", "kind": "action", "piece": "ledger", "action": "hold", "input": {} } ]""",
            ledger: ledger, clock: clock, onLines: lines => sent.TrySetResult(lines.Steps));
        Assert.False(sent.Task.IsCompleted);

        clock.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal(["a Succeeded", "held Running"], (await sent.Task.WaitAsync(TimeSpan.FromSeconds(20))).Select(line => $"{line.Path} {line.Status}"));
        ledger.Gate.SetResult();
        Assert.Equal(RunStatus.Succeeded, (await walking).Outcome!.Status);
    }

    [Fact]
    public async Task An_effect_waits_until_everything_before_it_and_its_intent_are_durable()
    {
        var run = await WalkedRun.OfAsync($$"""
            [ {{Set("a", "1")}}, { "name": "pay", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 2 } } ]
            """);
        var first = run.Messages[0];
        Assert.True(first.Barrier);
        Assert.Equal(["a Succeeded", "pay Running"], first.Steps.Select(line => $"{line.Path} {line.Status}"));
        Assert.Equal(StepEffect.Effect, first.Steps[1].Effect);
        Assert.Equal([1L, 2L], run.Messages.Select(message => message.Sequence));
    }

    [Fact]
    public async Task A_secret_of_a_connection_shows_nowhere_also_when_it_comes_back()
    {
        var connections = new Dictionary<string, RawJson> { ["shop"] = RawJson.Parse("""{ "type": "secret", "secret": "sk-\"quoted\"-0123456789" }""") };
        var run = await WalkedRun.OfAsync("""
            [ { "name": "a", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "Bearer {{connections.shop.secret}}" } },
              { "name": "b", "kind": "stop", "output": { "echo": "{{a}}" } } ]
            """, connections: connections);
        Assert.Equal("""{"echo":"Bearer ••••••"}""", run.Output);
        Assert.DoesNotContain(run.Messages.SelectMany(message => message.Steps), line => line.ToString().Contains("0123456789", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Connections_are_named_only_in_inputs_of_actions()
    {
        var connections = new Dictionary<string, RawJson> { ["shop"] = RawJson.Parse("""{ "secret": "sk-0123456789" }""") };
        var run = await WalkedRun.OfAsync("""[{ "name": "b", "kind": "stop", "output": "{{connections.shop.secret}}" }]""", connections: connections);
        Assert.Equal("expression", run.Outcome!.Error!.Code);
        Assert.DoesNotContain("sk-", run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_payload_that_nests_too_deep_fails_the_run_and_not_the_engine()
    {
        var run = await WalkedRun.OfAsync("[]", new string('[', 60) + new string(']', 60));
        Assert.Equal((RunStatus.Failed, "limit"), (run.Outcome!.Status, run.Outcome.Error!.Code));
    }

    [Fact]
    public async Task A_definition_that_cannot_be_read_fails_the_run_with_its_path()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "a", "kind": "dance" }]""");
        Assert.Equal("definition", run.Outcome!.Error!.Code);
        Assert.StartsWith("$.steps[0].kind:", run.Outcome.Error.Message, StringComparison.Ordinal);
    }
}
