using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine;

public sealed class FailingSteps
{
    private static string Fail(string more, string input = "\"times\": 99") =>
        $$"""{ "name": "pay", "kind": "action", "piece": "ledger", "action": "fail", "input": { {{input}} } {{more}} }""";

    private const string Show = """{ "name": "end", "kind": "stop", "output": { "pay": "{{pay}}", "code": "{{errors.pay.code}}" } }""";

    [Fact]
    public async Task A_failed_step_stops_the_run_and_says_which_it_was()
    {
        var run = await WalkedRun.OfAsync($"[ {Fail("")}, {Show} ]");
        Assert.Equal((RunStatus.Failed, "pay", "broken"), (run.Outcome!.Status, run.Outcome.FailedStep, run.Outcome.Error!.Code));
        Assert.Equal("Step 'pay': it is broken.", run.Outcome.Error.Message);
        Assert.Equal(["pay"], run.Journal.Select(line => line.Path));
    }

    [Fact]
    public async Task Continue_goes_on_with_null_and_the_error()
    {
        var run = await WalkedRun.OfAsync($$"""[ {{Fail(""", "onError": "continue" """)}}, {{Show}} ]""");
        Assert.Equal("""{"pay":null,"code":"broken"}""", run.Output);
        Assert.Equal(StepStatus.FailedAndContinued, run["pay"].Status);
    }

    [Fact]
    public async Task A_failure_branch_stands_in_for_the_step()
    {
        var run = await WalkedRun.OfAsync($$$"""
            [ {{{Fail(""", "onError": { "steps": [ { "name": "fix", "kind": "action", "piece": "data", "action": "set", "input": { "value": "instead of {{errors.pay.code}}" } } ] } """)}}}, {{{Show}}} ]
            """);
        Assert.Equal("""{"pay":"instead of broken","code":"broken"}""", run.Output);
        Assert.Equal(StepStatus.Succeeded, run["pay!fix"].Status);
    }

    [Fact]
    public async Task A_failure_in_the_failure_branch_stops_the_run()
    {
        var run = await WalkedRun.OfAsync($$$"""[ {{{Fail(""", "onError": { "steps": [ { "name": "fix", "kind": "stop", "output": "{{trigger.no.thing}}" } ] } """)}}}, {{{Show}}} ]""");
        Assert.Equal((RunStatus.Failed, "pay!fix"), (run.Outcome!.Status, run.Outcome.FailedStep));
    }

    [Fact]
    public async Task A_retry_waits_longer_each_time_and_keeps_the_number_of_the_try()
    {
        var clock = new ManualClock();
        var ledger = new LedgerPiece();
        var walking = WalkedRun.OfAsync(
            $$"""[ {{Fail(""", "retry": { "attempts": 4, "delay": "00:00:10", "backoff": 3 } """, "\"times\": 2")}} ]""", ledger: ledger, clock: clock);

        var first = await clock.TimerAsync(TimeSpan.FromSeconds(5));
        Assert.InRange(first.TotalSeconds, 8, 12);
        clock.Advance(first);
        var second = await clock.TimerAsync(TimeSpan.FromSeconds(20));
        Assert.InRange(second.TotalSeconds, 24, 36);
        clock.Advance(second);

        var run = await walking;
        Assert.Equal("3", run.Output);
        Assert.Equal(3, run["pay"].Attempt);
        Assert.Equal((first + second).TotalMilliseconds, run["pay"].DurationMs!.Value, 3);
    }

    [Theory]
    [InlineData("""[]""", true, 2)]
    [InlineData("""[]""", false, 1)]
    [InlineData("""["any"]""", false, 2)]
    [InlineData("""["broken"]""", false, 2)]
    [InlineData("""["timeout", "5xx", "429"]""", true, 1)]
    public async Task A_retry_covers_the_errors_it_names_or_those_that_may_get_better(string on, bool transient, int tries)
    {
        var run = await WalkedRun.OfAsync(
            $$"""[ {{Fail($$""", "retry": { "attempts": 2, "delay": "00:00:00", "on": {{on}} } """, $"\"times\": 9, \"transient\": {(transient ? "true" : "false")}")}} ]""");
        Assert.Equal(tries, run["pay"].Attempt);
    }

    [Fact]
    public async Task A_step_that_takes_longer_than_its_timeout_fails()
    {
        var clock = new ManualClock();
        var walking = WalkedRun.OfAsync("""[{ "name": "held", "kind": "action", "piece": "ledger", "action": "hold", "input": {}, "timeout": "00:00:30" }]""", clock: clock);
        clock.Advance(await clock.TimerAsync(TimeSpan.FromSeconds(30)));
        var run = await walking;
        Assert.Equal(("timeout", "Step 'held': it took longer than its timeout of 00:00:30."), (run.Outcome!.Error!.Code, run.Outcome.Error.Message));
    }

    [Fact]
    public async Task The_timeout_of_a_loop_ends_the_steps_in_it()
    {
        var clock = new ManualClock();
        var walking = WalkedRun.OfAsync("""
            [{ "name": "each", "kind": "loop", "items": [1, 2], "timeout": "00:00:30", "onError": "continue", "steps": [
               { "name": "held", "kind": "action", "piece": "ledger", "action": "hold", "input": {} } ] }]
            """, clock: clock);
        clock.Advance(await clock.TimerAsync(TimeSpan.FromSeconds(30)));
        var run = await walking;
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal((StepStatus.FailedAndContinued, "timeout"), (run["each"].Status, run["each"].Error!.Code));
    }

    [Theory]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "data", "action": "merge", "input": {} }""", "input", "Step 'a': 'objects' is required; found nothing.")]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "data", "action": "merge", "input": { "objects": 5 } }""", "input", "Step 'a': 'objects' must be a list; found 5.")]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "data", "action": "merge", "input": { "objects": [], "x": 1 } }""", "input", "Step 'a': there is no input 'x'; known are objects.")]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "data", "action": "merge", "input": { "objects": [1] } }""", "input", "Step 'a': 'objects[0]' must be an object.")]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "data", "action": "pick", "input": { "from": {}, "names": [7] } }""", "input", "Step 'a': 'names[0]' has the wrong form.")]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "http", "action": "request", "input": { "url": "x", "method": "SING" } }""", "input", "Step 'a': 'method' must be one of GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS; found the text \"SING\".")]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "moon", "action": "land", "input": {} }""", "definition", "Step 'a': this engine has no action 'moon.land'.")]
    [InlineData("""{ "name": "a", "kind": "respond", "status": "{{99}}" }""", "input", "Step 'a': 'status' must be a whole number from 200 to 599; found 99.")]
    [InlineData("""{ "name": "a", "kind": "respond", "headers": { "X": "a\nb" } }""", "input", "Step 'a': the header 'X' has a line break or a colon where none may be.")]
    [InlineData("""{ "name": "a", "kind": "call", "flow": "x" }""", "definition", "Step 'a': the run was started where nobody could wake it, so that none of its steps can wait.")]
    public async Task A_mistake_is_told_with_step_and_field(string step, string code, string message)
    {
        var run = await WalkedRun.OfAsync($"[{step}]");
        Assert.Equal((code, message), (run.Outcome!.Error!.Code, run.Outcome.Error.Message));
    }

    [Fact]
    public async Task An_expression_that_fails_tells_field_and_place()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": "x {{trigger.no.thing}}" } }]""");
        Assert.Equal("expression", run.Outcome!.Error!.Code);
        Assert.StartsWith("Step 'a': $.input.value:1:", run.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.Contains("thing", run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_error_and_the_log_of_code_are_those_of_the_step()
    {
        var run = await WalkedRun.OfAsync(
            """[{ "name": "a", "kind": "code", "language": "javascript", "source": "x", "onError": "continue" }]""",
            code: request => new CodeCompleted(request.CallId, null, new StepError("code_error", "TypeError: x (a.js:1:2)", RawJson.Parse("""{"line":1}""")), "hello\n"));
        Assert.Equal(("code_error", "Step 'a': TypeError: x (a.js:1:2)", "hello\n"), (run["a"].Error!.Code, run["a"].Error!.Message, run["a"].Logs));
    }

    [Theory]
    [InlineData("Steps", "Step 's2': the run has walked 2 steps, which is all it may (limit: Steps)")]
    [InlineData("LogBytes", "Step 's1': the inputs and outputs of the run's steps have 266 bytes together; 200 are allowed (limit: Flows__Limits__RunLogMiB)")]
    [InlineData("OutputBytes", "Step 's0': the output has 82 bytes; 50 are allowed (limit: Flows__Limits__PayloadMiB)")]
    public async Task A_broken_limit_is_named_with_its_figure(string limit, string message)
    {
        var limits = limit switch
        {
            "Steps" => EngineLimits.Default with { Steps = 2 },
            "LogBytes" => EngineLimits.Default with { LogBytes = 200 },
            _ => EngineLimits.Default with { OutputBytes = 50 },
        };
        var steps = Enumerable.Range(0, 4).Select(i => $$"""{ "name": "s{{i}}", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{new string('x', 80)}}" }, "onError": "continue" }""");
        var run = await WalkedRun.OfAsync($"[{string.Join(',', steps)}]", limits: limits);
        var error = limit == "OutputBytes" ? run["s0"].Error! : run.Outcome!.Error!; // a step's own limit can be gone past, the run's cannot
        Assert.Equal(("limit", message), (error.Code, error.Message));
    }

    [Theory]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{fail(repeat('x', 100000))}}" } }""", "Step 'a': $.input.value:1:3: xxx")]
    [InlineData("""{ "name": "a", "kind": "stop", "asFailed": true, "message": "{{repeat('x', 100000)}}" }""", "xxx")]
    public async Task A_message_without_end_is_cut(string step, string start)
    {
        var run = await WalkedRun.OfAsync($"[{step}]");
        Assert.StartsWith(start, run.Outcome!.Error!.Message, StringComparison.Ordinal);
        Assert.Equal(4_001, run.Outcome.Error.Message.Length);
    }

    [Fact]
    public async Task A_detail_that_is_larger_than_an_error_may_be_is_left_out()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "a", "kind": "code", "language": "javascript", "source": "x" }]""",
            code: request => new CodeCompleted(request.CallId, null, new StepError("code_error", "no", RawJson.Parse($"\"{new string('x', 100_000)}\"")), null));
        Assert.Equal(("Step 'a': no", null), (run.Outcome!.Error!.Message, run.Outcome.Error.Detail));
    }

    [Fact]
    public async Task What_earlier_attempts_have_used_counts_against_the_log_limit()
    {
        const string Steps = """[{ "name": "s", "kind": "action", "piece": "data", "action": "set", "input": { "value": "x" } }]""";
        var limits = EngineLimits.Default with { LogBytes = 200 };
        Assert.Equal(RunStatus.Succeeded, (await WalkedRun.OfAsync(Steps, limits: limits, logBytes: 100)).Outcome!.Status);
        var error = (await WalkedRun.OfAsync(Steps, limits: limits, logBytes: 190)).Outcome!.Error!;
        Assert.Equal("limit", error.Code);
        Assert.EndsWith("200 are allowed (limit: Flows__Limits__RunLogMiB)", error.Message, StringComparison.Ordinal);
    }
}
