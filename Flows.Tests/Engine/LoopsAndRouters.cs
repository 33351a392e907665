using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;

namespace Flows.Tests.Engine;

public sealed class LoopsAndRouters
{
    private const string Items = """{ "items": [1, 2, 3, 4], "vip": true }""";

    private static string Loop(string body, string more = "") =>
        $$$"""[{ "name": "each", "kind": "loop", "items": "{{trigger.items}}", {{{more}}} "steps": [ {{{body}}} ] }, { "name": "end", "kind": "stop", "output": "{{each}}" }]""";

    private const string Double = """{ "name": "double", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{each.item * 2 + each.index}}" } }""";
    private const string FailOnThree = """
        { "name": "choose", "kind": "router", "branches": [
          { "name": "Bad", "when": "{{each.item == 3}}", "steps": [ { "name": "boom", "kind": "action", "piece": "ledger", "action": "fail", "input": { "times": 99, "transient": false } } ] },
          { "name": "Good", "otherwise": true, "steps": [ { "name": "write", "kind": "action", "piece": "ledger", "action": "write", "input": { "value": "{{each.item}}" } } ] } ] }
        """;

    [Theory]
    [InlineData("")]
    [InlineData("\"parallel\": 3,")]
    [InlineData("\"parallel\": 100,")]
    public async Task Results_are_in_item_order(string more)
    {
        var run = await WalkedRun.OfAsync(Loop(Double, more), Items);
        Assert.Equal("""{"results":[2,5,8,11],"errors":[]}""", run.Output);
        Assert.Equal("8", run["each[2].double"].Output.ToString());
    }

    [Fact]
    public async Task No_more_items_are_walked_at_once_than_the_limit_says()
    {
        var ledger = new LedgerPiece();
        var walking = WalkedRun.OfAsync(
            Loop("""{ "name": "held", "kind": "action", "piece": "ledger", "action": "hold", "input": { "value": "{{each.item}}" } }""", "\"parallel\": 3,"), Items, ledger);
        Assert.Equal(3, ledger.MostAtOnce); // the walk runs up to its first wait before it returns
        ledger.Gate.SetResult();
        Assert.Equal("""{"results":[1,2,3,4],"errors":[]}""", (await walking).Output);
        Assert.Equal(3, ledger.MostAtOnce);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"parallel\": 2,")]
    public async Task A_failed_item_stops_the_loop_and_names_the_innermost_step(string more)
    {
        var ledger = new LedgerPiece();
        var run = await WalkedRun.OfAsync(Loop(FailOnThree, more), Items, ledger);
        Assert.Equal((RunStatus.Failed, "each[2].choose:Bad.boom", "broken"), (run.Outcome!.Status, run.Outcome.FailedStep, run.Outcome.Error!.Code));
        Assert.Equal(StepStatus.Failed, run["each[2].choose:Bad.boom"].Status);
        Assert.Contains("each[2].choose:Bad.boom", run["each"].Error!.Message, StringComparison.Ordinal);
        Assert.Equal(["each[0].choose:Good.write", "each[1].choose:Good.write"], ledger.Done.Take(2));
    }

    [Fact]
    public async Task A_loop_that_continues_gives_null_and_an_error_for_the_failed_item()
    {
        var run = await WalkedRun.OfAsync(Loop(FailOnThree, "\"onItemError\": \"continue\", \"parallel\": 2,"), Items);
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        var output = run.Outcome.Output!.Value.ToElement();
        Assert.Equal([1, 2, 0, 4], output.GetProperty("results").EnumerateArray().Select(r => r.ValueKind == System.Text.Json.JsonValueKind.Null ? 0 : r.GetProperty("results").GetProperty("Good").GetInt32()));
        var error = Assert.Single(output.GetProperty("errors").EnumerateArray());
        Assert.Equal(2, error.GetProperty("index").GetInt32());
        Assert.Equal("each[2].choose:Bad.boom", error.GetProperty("step").GetString());
        Assert.Equal(StepStatus.FailedAndContinued, run["each[2].choose:Bad.boom"].Status);
    }

    [Theory]
    [InlineData("first", """["Vip"]""", """{"Vip":1}""")]
    [InlineData("all", """["Vip","Many"]""", """{"Vip":1,"Many":2}""")]
    [InlineData("parallel", """["Vip","Many"]""", """{"Vip":1,"Many":2}""")]
    public async Task A_router_names_the_branches_it_took(string mode, string branches, string results)
    {
        var run = await WalkedRun.OfAsync($$$"""
            [ { "name": "route", "kind": "router", "mode": "{{{mode}}}", "branches": [
                { "name": "Never", "when": false, "steps": [] },
                { "name": "Vip", "when": "{{trigger.vip}}", "steps": [ { "name": "x", "kind": "action", "piece": "data", "action": "set", "input": { "value": 1 } } ] },
                { "name": "Many", "when": "{{trigger.items.length > 3}}", "steps": [ { "name": "y", "kind": "action", "piece": "data", "action": "set", "input": { "value": 2 } } ] },
                { "name": "Else", "otherwise": true, "steps": [] } ] } ]
            """, Items);
        Assert.Equal($$"""{"branch":"Vip","branches":{{branches}},"results":{{results}}}""", run.Output);
        Assert.Equal("1", run["route:Vip.x"].Output.ToString());
    }

    [Fact]
    public async Task What_is_set_in_a_branch_is_not_seen_behind_it()
    {
        var run = await WalkedRun.OfAsync("""
            [ { "name": "route", "kind": "router", "branches": [ { "name": "A", "when": true, "steps": [ { "name": "x", "kind": "action", "piece": "data", "action": "set", "input": { "value": 1 } } ] } ] },
              { "name": "end", "kind": "stop", "output": "{{x}}" } ]
            """);
        Assert.Equal(("expression", "end"), (run.Outcome!.Error!.Code, run.Outcome.FailedStep));
    }

    [Fact]
    public async Task A_stop_in_an_item_ends_the_run_also_where_errors_are_gone_past()
    {
        var run = await WalkedRun.OfAsync(Loop("""
            { "name": "r", "kind": "router", "branches": [ { "name": "S", "when": "{{each.index == 1}}", "steps": [ { "name": "halt", "kind": "stop", "asFailed": true, "message": "enough" } ] } ] }
            """, "\"onItemError\": \"continue\","), Items);
        Assert.Equal((RunStatus.Failed, "each[1].r:S.halt"), (run.Outcome!.Status, run.Outcome.FailedStep));
        Assert.DoesNotContain(run.Journal, line => line.Path.StartsWith("each[2]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Loops_in_loops_have_their_own_items()
    {
        var run = await WalkedRun.OfAsync("""
            [ { "name": "outer", "kind": "loop", "items": [[1, 2], [3]], "parallel": 2, "steps": [
                { "name": "inner", "kind": "loop", "items": "{{outer.item}}", "parallel": 2, "steps": [
                  { "name": "v", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{outer.index}}-{{inner.index}}: {{inner.item}}" } } ] } ] },
              { "name": "end", "kind": "stop", "output": "{{outer.results}}" } ]
            """);
        Assert.Equal("""[{"results":["0-0: 1","0-1: 2"],"errors":[]},{"results":["1-0: 3"],"errors":[]}]""", run.Output);
        Assert.Equal("\"0-1: 2\"", run["outer[0].inner[1].v"].Output.ToString());
    }

    [Theory]
    [InlineData("""{ "items": "abc" }""", "input", "'items' must be a list; found the text \"abc\".")]
    [InlineData("""{ "items": null }""", "input", "'items' must be a list; found null.")]
    [InlineData("""{ "items": [1, 2, 3] }""", "limit", "the loop has 3 items; 2 are allowed (limit: LoopItems)")]
    public async Task Items_that_cannot_be_walked_fail_the_loop(string trigger, string code, string message)
    {
        var run = await WalkedRun.OfAsync(Loop(Double), trigger, limits: EngineLimits.Default with { LoopItems = 2 });
        Assert.Equal((code, $"Step 'each': {message}"), (run.Outcome!.Error!.Code, run.Outcome.Error.Message));
    }
}
