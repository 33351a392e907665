using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine;

public sealed class ResumingARun
{
    private const string Trigger = """{ "items": [1, 2, 3], "vip": true }""";

    /// <summary>Flows whose effects are all done again when their result was lost, so that every crash can be resumed without a person.</summary>
    private static readonly string[] s_flows =
    [
        """
        [ { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": 1 } },
          { "name": "b", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{a + 1}}" }, "onUncertain": "retry" },
          { "name": "c", "kind": "action", "piece": "ledger", "action": "read", "input": { "value": "{{b + 1}}" } },
          { "name": "answer", "kind": "respond", "body": "{{[a, b, c]}}" },
          { "name": "d", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{c + 1}}" }, "onUncertain": "retry" } ]
        """,
        """
        [ { "name": "each", "kind": "loop", "items": "{{trigger.items}}", "steps": [
            { "name": "inner", "kind": "loop", "items": [10, 20], "steps": [
              { "name": "w", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.item * inner.item}}" }, "onUncertain": "retry" } ] },
            { "name": "r", "kind": "router", "mode": "all", "branches": [
              { "name": "Odd", "when": "{{each.item % 2 == 1}}", "steps": [ { "name": "odd", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{inner.results}}" }, "onUncertain": "retry" } ] },
              { "name": "Any", "when": true, "steps": [ { "name": "any", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{each.index}}" } } ] } ] } ] },
          { "name": "end", "kind": "stop", "output": "{{each.results}}" } ]
        """,
        """
        [ { "name": "each", "kind": "loop", "items": "{{trigger.items}}", "parallel": 3, "onItemError": "continue", "steps": [
            { "name": "w", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.item}}" }, "onUncertain": "retry" },
            { "name": "r", "kind": "router", "branches": [
              { "name": "Bad", "when": "{{each.item == 2}}", "steps": [ { "name": "boom", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 99 }, "onUncertain": "retry" } ] } ] },
            { "name": "again", "kind": "action", "piece": "ledger", "action": "read", "input": { "value": "{{w}}" } } ] },
          { "name": "end", "kind": "stop", "output": { "results": "{{each.results}}", "failed": "{{each.errors.map(e => e.step)}}" } } ]
        """,
        """
        [ { "name": "pay", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 99, "transient": false }, "onUncertain": "retry",
            "onError": { "steps": [ { "name": "refund", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{errors.pay.code}}" }, "onUncertain": "retry" } ] } },
          { "name": "skipped", "kind": "action", "piece": "ledger", "action": "write", "input": {}, "skip": true },
          { "name": "par", "kind": "router", "mode": "parallel", "branches": [
            { "name": "A", "when": true, "steps": [ { "name": "a", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{pay}}" }, "onUncertain": "retry" } ] },
            { "name": "B", "when": true, "steps": [ { "name": "b", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 2 }, "onUncertain": "retry" } ] } ] },
          { "name": "end", "kind": "stop", "output": "{{par.results}}" } ]
        """,
        """
        [ { "name": "random", "kind": "action", "piece": "data", "action": "set", "input": { "value": 7 } },
          { "name": "code", "kind": "code", "language": "javascript", "source": "x", "input": { "n": "{{random}}" } },
          { "name": "answer", "kind": "respond", "status": 202, "body": "{{code.n}}" },
          { "name": "w", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 }, "onUncertain": "retry" },
          { "name": "halt", "kind": "stop", "asFailed": true, "message": "sorry", "output": "{{w}}" } ]
        """,
        """
        [ { "name": "each", "kind": "loop", "items": "{{trigger.items}}", "steps": [
            { "name": "w", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.item}}" }, "onUncertain": "retry" },
            { "name": "r", "kind": "router", "branches": [
              { "name": "Two", "when": "{{each.item == 2}}", "steps": [ { "name": "enough", "kind": "stop", "output": "{{w}}" } ] } ] } ] },
          { "name": "behind", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 }, "onUncertain": "retry" } ]
        """,
    ];

    public static TheoryData<string> Flows => new(s_flows);

    [Theory]
    [MemberData(nameof(Flows))]
    public async Task A_crash_after_any_line_changes_nothing_and_repeats_nothing_that_is_finished(string steps)
    {
        var whole = await WalkedRun.OfAsync(steps, Trigger);
        Assert.NotNull(whole.Outcome);

        for (var lines = 0; lines < whole.LineCount; lines++)
        {
            var ledger = new LedgerPiece();
            var crashed = await WalkedRun.OfAsync(steps, Trigger, ledger, linesUntilCrash: lines);
            Assert.Null(crashed.Outcome);
            var doneBefore = ledger.Done.Count;

            var resumed = await WalkedRun.OfAsync(steps, Trigger, ledger, crashed.Journal);
            Assert.Equal(whole.Outcome, resumed.Outcome);

            var finished = crashed.Journal.Where(line => line.IsFinished).Select(line => line.Path).ToHashSet();
            Assert.DoesNotContain(ledger.Done.Skip(doneBefore), finished.Contains);
            Assert.DoesNotContain(resumed.Journal, line => finished.Contains(line.Path));

            // What is in the two journals together is what an unbroken run leaves.
            var together = crashed.Journal.Concat(resumed.Journal).GroupBy(line => line.Path).Select(group => group.Last()).OrderBy(line => line.Path);
            Assert.Equal(
                whole.Journal.OrderBy(line => line.Path).Select(line => (line.Path, line.Status, line.Output)),
                together.Select(line => (line.Path, line.Status, line.Output)));
        }

        // The last crash there can be: everything is written but how the run ended.
        var nothing = new LedgerPiece();
        var last = await WalkedRun.OfAsync(steps, Trigger, nothing, whole.Journal);
        Assert.Equal(whole.Outcome, last.Outcome);
        Assert.Empty(nothing.Done);
    }

    [Theory]
    [MemberData(nameof(Flows))]
    public async Task A_run_that_is_drained_stops_before_its_next_step_and_goes_on_elsewhere(string steps)
    {
        var whole = await WalkedRun.OfAsync(steps, Trigger);
        for (var lines = 0; lines < whole.LineCount; lines++)
        {
            var ledger = new LedgerPiece();
            var drained = await WalkedRun.OfAsync(steps, Trigger, ledger, linesUntilDrain: lines);
            if (drained.Outcome!.Status == RunStatus.Queued)
                Assert.Equal(new RunOutcome(RunStatus.Queued), drained.Outcome);
            else
                Assert.Equal(whole.Outcome, drained.Outcome);
            if (lines == 0)
                Assert.Empty(ledger.Done);

            var resumed = await WalkedRun.OfAsync(steps, Trigger, ledger, drained.Journal);
            Assert.Equal(whole.Outcome, resumed.Outcome);
            Assert.Equal(ledger.Done.Distinct(), ledger.Done);
        }
    }

    [Fact]
    public async Task A_finished_run_that_is_walked_again_does_nothing_and_ends_the_same()
    {
        foreach (var steps in s_flows)
        {
            var ledger = new LedgerPiece();
            var whole = await WalkedRun.OfAsync(steps, Trigger, ledger);
            var done = ledger.Done.Count;
            var again = await WalkedRun.OfAsync(steps, Trigger, ledger, whole.Journal);
            Assert.Equal(whole.Outcome, again.Outcome);
            Assert.Equal(done, ledger.Done.Count);
            Assert.Null(again.Response);
        }
    }

    /// <summary>What the step says holds; where it says nothing, what its project says.</summary>
    [Theory]
    [InlineData("ask", UncertainPolicy.Ask, RunStatus.NeedsDecision, 0)]
    [InlineData("retry", UncertainPolicy.Ask, RunStatus.Succeeded, 1)]
    [InlineData("fail", UncertainPolicy.Ask, RunStatus.Failed, 0)]
    [InlineData(null, UncertainPolicy.Ask, RunStatus.NeedsDecision, 0)]
    [InlineData(null, UncertainPolicy.Retry, RunStatus.Succeeded, 1)]
    [InlineData(null, UncertainPolicy.Fail, RunStatus.Failed, 0)]
    [InlineData("ask", UncertainPolicy.Retry, RunStatus.NeedsDecision, 0)]
    [InlineData("fail", UncertainPolicy.Retry, RunStatus.Failed, 0)]
    [InlineData("retry", UncertainPolicy.Fail, RunStatus.Succeeded, 1)]
    [InlineData("ask", UncertainPolicy.Fail, RunStatus.NeedsDecision, 0)]
    public async Task An_effect_with_an_intent_and_no_result_is_uncertain(string? ofTheStep, UncertainPolicy ofTheProject, RunStatus status, int done)
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(
            $$"""[{ "name": "pay", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 }, "onError": "stop"{{(ofTheStep is null ? "" : $", \"onUncertain\": \"{ofTheStep}\"")}} }]""",
            ledger: ledger, journal: [Intent("pay", StepEffect.Effect)], onUncertain: ofTheProject);
        Assert.Equal((status, done), (run.Outcome!.Status, ledger.Done.Count));
        if (status != RunStatus.Succeeded)
            Assert.Equal("pay", run.Outcome.FailedStep);
        if (status == RunStatus.Failed)
        {
            Assert.Equal("uncertain", run.Outcome.Error!.Code);
            Assert.EndsWith($"the {(ofTheStep is null ? "project" : "step")}'s onUncertain says to fail.", run.Outcome.Error.Message, StringComparison.Ordinal);
        }
        if (status == RunStatus.NeedsDecision)
            Assert.Empty(run.Journal); // the intent stays what it is until somebody decides
    }

    [Fact]
    public async Task A_retry_on_any_error_does_not_do_again_what_is_to_fail_when_it_is_uncertain()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync("""
            [{ "name": "pay", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 }, "retry": { "attempts": 3, "delay": "00:00:00", "on": ["any"] } }]
            """, ledger: ledger, journal: [Intent("pay", StepEffect.Effect)], onUncertain: UncertainPolicy.Fail);
        Assert.Equal((RunStatus.Failed, "uncertain"), (run.Outcome!.Status, run.Outcome.Error!.Code));
        Assert.Empty(ledger.Done);
    }

    [Theory]
    [InlineData(StepEffect.Pure)]
    [InlineData(StepEffect.Idempotent)]
    public async Task What_may_be_repeated_is_repeated_with_the_same_key(StepEffect effect)
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync("""[{ "name": "get", "kind": "action", "piece": "ledger", "action": "read", "input": { "value": 1 } }]""",
            ledger: ledger, journal: [Intent("get", effect)]);
        Assert.Equal((RunStatus.Succeeded, "get"), (run.Outcome!.Status, Assert.Single(ledger.Done)));
    }

    [Fact]
    public async Task A_decision_in_a_parallel_item_ends_the_run_and_keeps_what_the_others_did()
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync("""
            [{ "name": "each", "kind": "loop", "items": [1, 2, 3], "parallel": 3, "onItemError": "continue", "steps": [
               { "name": "pay", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.item}}" } } ] }]
            """, ledger: ledger, journal: [Intent("each[2].pay", StepEffect.Effect)]);
        Assert.Equal((RunStatus.NeedsDecision, "each[2].pay"), (run.Outcome!.Status, run.Outcome.FailedStep));
        Assert.Equal(["each[0].pay", "each[1].pay"], ledger.Done.Order());
        Assert.Equal(StepStatus.Running, run["each"].Status);
    }

    [Fact]
    public async Task A_failed_step_is_done_again_only_when_a_retry_has_taken_its_line_away()
    {
        var ledger = new LedgerPiece();
        const string steps = """
            [ { "name": "w", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": 1 } },
              { "name": "pay", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 1 } } ]
            """;
        var failed = await WalkedRun.OfAsync(steps, ledger: ledger);
        var resumed = await WalkedRun.OfAsync(steps, ledger: ledger, journal: failed.Journal);
        Assert.Equal((failed.Outcome, 0), (resumed.Outcome, resumed.LineCount));
        var retried = await WalkedRun.OfAsync(steps, ledger: ledger, journal: failed.Journal.Where(line => line.Status != StepStatus.Failed));
        Assert.Equal((RunStatus.Failed, RunStatus.Succeeded), (failed.Outcome!.Status, retried.Outcome!.Status));
        Assert.Equal(["w", "pay"], ledger.Done);
    }

    [Fact]
    public async Task An_edited_input_stands_in_for_the_one_of_the_definition_at_its_path_alone()
    {
        var run = await WalkedRun.OfAsync("""
            [{ "name": "each", "kind": "loop", "items": [1, 2], "steps": [
               { "name": "w", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.item}}" } } ] }]
            """, inputs: new Dictionary<string, RawJson> { ["each[1].w"] = RawJson.Parse("""{"value":"{{edited}}"}""") });
        Assert.Equal("""{"value":1}""", run["each[0].w"].Input.ToString());
        Assert.Equal("""{"value":"{{edited}}"}""", run["each[1].w"].Input.ToString());
    }

    [Fact]
    public async Task A_router_goes_on_in_the_branch_it_was_in()
    {
        var run = await WalkedRun.OfAsync("""
            [{ "name": "r", "kind": "router", "branches": [
               { "name": "A", "when": true, "steps": [] },
               { "name": "B", "when": false, "steps": [ { "name": "b", "kind": "action", "piece": "ledger", "action": "write", "input": {} } ] } ] }]
            """, journal: [Intent("r", StepEffect.Pure) with { Kind = "router", Input = RawJson.Parse("""{"branches":["B"]}""") }]);
        Assert.Equal(["r", "r:B.b"], run.Journal.Select(line => line.Path));
    }

    private static StepRecord Intent(string path, StepEffect effect) =>
        new(path, path[(path.LastIndexOf('.') + 1)..], "action", StepStatus.Running, effect, 1, DateTimeOffset.UnixEpoch);
}
