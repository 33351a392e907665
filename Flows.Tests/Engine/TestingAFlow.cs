using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine;

/// <summary>Test runs: outputs that are given, and a run that ends behind a step.</summary>
public sealed class TestingAFlow
{
    private const string ThreeSteps = """
        [ { "name": "a", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{trigger.n}}" } },
          { "name": "b", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{a * 10}}" } },
          { "name": "c", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{b + 1}}" } } ]
        """;

    private const string Nested = """
        [ { "name": "list", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{[1, 2, 3]}}" } },
          { "name": "each", "kind": "loop", "items": "{{list}}", "parallel": 3, "steps": [
            { "name": "before", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.item}}" } },
            { "name": "size", "kind": "router", "mode": "all", "branches": [
              { "name": "Any", "when": "{{true}}", "steps": [ { "name": "other", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 0 } } ] },
              { "name": "Two", "when": "{{each.item == 2}}", "steps": [ { "name": "deep", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{before + each.index}}" } } ] } ] },
            { "name": "after", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ] },
          { "name": "end", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 2 } } ]
        """;

    private static Dictionary<string, RawJson> Given(params (string Step, string Output)[] outputs) => outputs.ToDictionary(pair => pair.Step, pair => RawJson.Parse(pair.Output));

    [Fact]
    public async Task What_is_given_is_not_done_and_has_a_line_like_any_other()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(ThreeSteps, """{ "n": 1 }""", ledger, test: new TestPlan(Outputs: Given(("a", "7"))));
        Assert.Equal((RunStatus.Succeeded, "71"), (run.Outcome!.Status, run.Output));
        Assert.Equal(["b", "c"], ledger.Done);
        Assert.Equal((StepStatus.Succeeded, "7", StepEffect.Pure), (run["a"].Status, run["a"].Output.ToString(), run["a"].Effect));
    }

    [Fact]
    public async Task The_run_ends_behind_the_step_that_is_tested()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(ThreeSteps, """{ "n": 4 }""", ledger, test: new TestPlan("b"));
        Assert.Equal((RunStatus.Succeeded, "40"), (run.Outcome!.Status, run.Output));
        Assert.Equal(["a", "b"], ledger.Done);
    }

    [Fact]
    public async Task One_step_alone_is_done_with_what_is_given_and_the_rest_is_left_out()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(ThreeSteps, """{ "n": 4 }""", ledger, test: new TestPlan("c", Only: true, Given(("b", "5"))));
        Assert.Equal("6", run.Output);
        Assert.Equal(["c"], ledger.Done);
        Assert.Equal(["b", "c"], run.Journal.Select(line => line.Path));
    }

    [Fact]
    public async Task Given_in_a_loop_it_stands_for_the_step_of_every_item()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(Nested, ledger: ledger, test: new TestPlan(Outputs: Given(("before", "9"), ("other", "0"), ("after", "1"))));
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal(["list", "each[1].size:Two.deep", "end"], ledger.Done);
        Assert.Equal(["9", "9", "9"], Enumerable.Range(0, 3).Select(i => run[$"each[{i}].before"].Output.ToString()));
        Assert.Equal("10", run["each[1].size:Two.deep"].Output.ToString());
    }

    [Fact]
    public async Task Inside_a_loop_and_a_branch_the_run_ends_at_the_first_item_that_gets_there_and_no_other_branch_is_walked()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(Nested, ledger: ledger, test: new TestPlan("deep"));
        Assert.Equal((RunStatus.Succeeded, "3"), (run.Outcome!.Status, run.Output));
        Assert.Equal(["list", "each[0].before", "each[1].before", "each[1].size:Two.deep"], ledger.Done);
    }

    [Fact]
    public async Task Alone_a_step_in_a_loop_is_done_with_the_first_item_whatever_the_conditions_around_it_say()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(Nested, ledger: ledger, test: new TestPlan("deep", Only: true, Given(("list", "[5, 6]"), ("before", "100"))));
        Assert.Equal((RunStatus.Succeeded, "100"), (run.Outcome!.Status, run.Output));
        Assert.Equal(["each[0].size:Two.deep"], ledger.Done);
    }

    [Fact]
    public async Task Alone_a_step_in_a_loop_is_done_with_the_item_that_is_given()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(Nested, ledger: ledger,
            test: new TestPlan("deep", Only: true, Given(("before", "100")), Items: Given(("each", """{ "item": 8, "index": 41 }"""))));
        Assert.Equal("141", run.Output);
        Assert.Single(ledger.Done);
    }

    [Fact]
    public async Task Alone_in_a_loop_without_items_there_is_nothing_to_test_with()
    {
        var run = await WalkedRun.OfAsync(Nested, test: new TestPlan("before", Only: true, Given(("list", "[]"))));
        Assert.Equal((RunStatus.Failed, "each"), (run.Outcome!.Status, run.Outcome.FailedStep));
        Assert.Contains("there is no item to test with", run.Outcome.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_whole_loop_can_be_tested_alone()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(Nested, ledger: ledger, test: new TestPlan("each", Only: true, Given(("list", "[2]"), ("other", "0"))));
        Assert.Equal("""{"results":[1],"errors":[]}""", run.Output);
        Assert.Equal(["each[0].before", "each[0].size:Two.deep", "each[0].after"], ledger.Done);
    }

    [Theory]
    [InlineData("deep", """{ "n": 0 }""", "no way inside 'each' led to it")]
    [InlineData("big", """{ "n": 0 }""", "the router 'choose' took another branch")]
    [InlineData("mend", """{ "n": 0 }""", "the step 'risky' did not fail")]
    public async Task A_way_that_is_not_taken_fails_the_run_before_anything_behind_it_is_done(string step, string trigger, string reason)
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync("""
            [ { "name": "risky", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": "{{trigger.n}}", "transient": false },
                "onError": { "steps": [ { "name": "mend", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{errors.risky.code}}" } } ] } },
              { "name": "choose", "kind": "router", "branches": [
                { "name": "Big", "when": "{{trigger.n > 5}}", "steps": [ { "name": "big", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ] },
                { "name": "Small", "otherwise": true, "steps": [ { "name": "small", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ] } ] },
              { "name": "each", "kind": "loop", "items": [1], "steps": [
                { "name": "inner", "kind": "router", "branches": [ { "name": "No", "when": "{{false}}", "steps": [ { "name": "deep", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ] } ] },
                { "name": "behind", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ] },
              { "name": "end", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ]
            """, trigger, ledger, test: new TestPlan(step, Outputs: step == "deep" ? Given(("choose", "{}")) : null));
        Assert.Equal((RunStatus.Failed, "not_reached"), (run.Outcome!.Status, run.Outcome.Error!.Code));
        Assert.Contains($"The step '{step}' was not reached: {reason}.", run.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal(["risky"], ledger.Done);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_failure_branch_is_tested_after_a_failure_or_alone(bool only)
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync("""
            [ { "name": "risky", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 9, "transient": false },
                "onError": { "steps": [ { "name": "mend", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{errors.risky.code}}" } }, { "name": "more", "kind": "stop" } ] } } ]
            """, ledger: ledger, test: new TestPlan("mend", only));
        Assert.Equal((RunStatus.Succeeded, only ? "\"test\"" : "\"broken\""), (run.Outcome!.Status, run.Output));
        Assert.Equal(["risky!mend"], ledger.Done);
        Assert.Equal(only ? 1 : 2, run.Journal.Count);
    }

    [Theory]
    [InlineData("\"continue\"")]
    [InlineData("""{ "steps": [ { "name": "mend", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ] }""")]
    public async Task A_tested_step_that_fails_fails_the_run_whatever_the_flow_would_do(string onError)
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync($$"""
            [ { "name": "each", "kind": "loop", "items": [1, 2], "onItemError": "continue", "steps": [
                { "name": "risky", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 9, "transient": false }, "onError": {{onError}} } ] },
              { "name": "end", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ]
            """, ledger: ledger, test: new TestPlan("risky"));
        Assert.Equal((RunStatus.Failed, "each[0].risky", "broken"), (run.Outcome!.Status, run.Outcome.FailedStep, run.Outcome.Error!.Code));
        Assert.Empty(ledger.Done);
    }

    [Fact]
    public async Task A_wait_a_call_and_an_answer_that_are_given_do_nothing()
    {
        var run = await WalkedRun.OfAsync("""
            [ { "name": "pause", "kind": "wait", "for": "delay", "value": "1.00:00:00" },
              { "name": "ask", "kind": "call", "flow": "other", "input": {} },
              { "name": "answer", "kind": "respond", "body": "sent" },
              { "name": "end", "kind": "stop", "output": "{{[pause, ask, answer]}}" } ]
            """, test: new TestPlan(Outputs: Given(("pause", "1"), ("ask", "2"), ("answer", "3"))));
        Assert.Equal("[1,2,3]", run.Output);
        Assert.Null(run.Response);
    }

    [Fact]
    public async Task A_test_that_is_cut_off_goes_on_as_any_run_does()
    {
        var ledger = new LedgerPiece();
        var plan = new TestPlan("deep", Outputs: Given(("list", "[1, 2]")));
        var whole = await WalkedRun.OfAsync(Nested, ledger: ledger, test: plan);
        for (var lines = 1; lines <= whole.LineCount; lines++)
        {
            var again = new LedgerPiece();
            var cut = await WalkedRun.OfAsync(Nested, ledger: again, test: plan, linesUntilCrash: lines);
            // What the crash has left uncertain a person decides; everything else goes on by itself.
            var rest = await WalkedRun.OfAsync(Nested, ledger: again, test: plan, journal: cut.Journal);
            Assert.True(rest.Outcome!.Status == RunStatus.NeedsDecision || (rest.Outcome.Status, rest.Output) == (RunStatus.Succeeded, whole.Output),
                $"Cut after {lines} lines it ended {rest.Outcome}.");
            Assert.Equal(again.Done.Distinct(), again.Done);
            Assert.DoesNotContain("list", again.Done);
        }
    }

    [Fact]
    public async Task A_secret_in_what_is_given_is_masked_and_what_is_too_deep_is_refused()
    {
        var run = await WalkedRun.OfAsync("""[ { "name": "a", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } } ]""",
            connections: new Dictionary<string, RawJson> { ["c"] = RawJson.Parse("""{ "token": "s3cret-token" }""") }, test: new TestPlan(Outputs: Given(("a", "\"has s3cret-token\""))));
        Assert.Equal("\"has ••••••\"", run["a"].Output.ToString());

        var deep = string.Concat(Enumerable.Repeat("[", 58)) + string.Concat(Enumerable.Repeat("]", 58));
        var refused = await WalkedRun.OfAsync(ThreeSteps, """{ "n": 1 }""", test: new TestPlan(Outputs: Given(("a", deep))));
        Assert.Equal((RunStatus.Failed, "limit"), (refused.Outcome!.Status, refused.Outcome.Error!.Code));
    }

    [Fact]
    public async Task What_is_given_counts_against_the_limits_of_the_run()
    {
        var run = await WalkedRun.OfAsync(ThreeSteps, """{ "n": 1 }""", limits: EngineLimits.Default with { LogBytes = 100 },
            test: new TestPlan(Outputs: Given(("a", $"\"{new string('x', 200)}\""))));
        Assert.Equal((RunStatus.Failed, "limit", "a"), (run.Outcome!.Status, run.Outcome.Error!.Code, run.Outcome.FailedStep));
    }
}
