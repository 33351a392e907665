namespace Flows.Tests.Language;

public sealed class ReferencesInADefinition
{
    private static string Step(string name, string text) => $$"""{ "name": "{{name}}", "kind": "respond", "body": { "x": ["{{text}}"] } }""";

    private static string Loop(string name, string items, string steps) => $$"""{ "name": "{{name}}", "kind": "loop", "items": "{{items}}", "steps": [ {{steps}} ] }""";

    private static string Router(string name, string first, string second) =>
        $$"""{ "name": "{{name}}", "kind": "router", "branches": [ { "name": "A", "when": "{{"{{trigger.a}}"}}", "steps": [ {{first}} ] }, { "name": "B", "otherwise": true, "steps": [ {{second}} ] } ] }""";

    private static string Failing(string name, string steps) =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "http", "action": "request", "input": { "url": "x" }, "onError": { "steps": [ {{steps}} ] } }""";

    [Theory]
    [InlineData("{{resumeUrl('hook')}}", null)]
    [InlineData("{{approvalUrl('ok', 'anna')}}", null)]
    [InlineData("{{resumeUrl('hok')}}", "there is no step 'hok' that waits for a webhook. Did you mean 'hook'?")]
    [InlineData("{{resumeUrl('ok')}}", "there is no step 'ok' that waits for a webhook.")]
    [InlineData("{{approvalUrl('far')}}", "the step 'far' waits in every item of the loop 'each', so that its link can be made only inside that loop.")]
    public void A_link_needs_a_wait_that_is_one_from_there(string expression, string? problem)
    {
        var problems = Definitions.Problems($$$"""
            { "name": "send", "kind": "respond", "body": "{{{expression}}}" }, { "name": "hook", "kind": "wait", "for": "webhook" }, { "name": "ok", "kind": "wait", "for": "approval" },
            { "name": "each", "kind": "loop", "items": [1], "steps": [ { "name": "inside", "kind": "respond", "body": "{{approvalUrl('far')}}" }, { "name": "far", "kind": "wait", "for": "approval" } ] }
            """);
        Assert.Equal(problem is null ? [] : [problem], problems.Select(found => found[(found.IndexOf(": ", found.IndexOf(": ", StringComparison.Ordinal) + 2, StringComparison.Ordinal) + 2)..]));
    }

    [Fact]
    public void Earlier_steps_are_seen() => Assert.Empty(Definitions.Problems($"{Step("a", "{{trigger.x}}")}, {Step("b", "{{a.y + vars.z + run.id + flow.id}}")}"));

    [Fact]
    public void A_later_step_is_not() => Assert.Equal(
        ["$.steps[0].body.x[0]: 1:3: the step 'b' has not run when 'a' does: it comes later or lies on another branch."],
        Definitions.Problems($"{Step("a", "{{b.y}}")}, {Step("b", "")}"));

    [Fact]
    public void Nor_a_step_itself() => Assert.Equal(
        ["$.steps[0].body.x[0]: 1:7: the step 'a' cannot use its own output."], Definitions.Problems(Step("a", "is {{ a }}")));

    [Fact]
    public void A_name_that_does_not_exist_gets_a_suggestion() => Assert.Equal(
        ["$.steps[1].body.x[0]: 1:3: there is no step 'ordr'. Did you mean 'order'?"],
        Definitions.Problems($"{Step("order", "")}, {Step("b", "{{ordr.x}}")}"));

    [Fact]
    public void Parameters_of_arrow_functions_are_no_steps() => Assert.Empty(Definitions.Problems(Step("a", "{{trigger.l.map((x, { y }) => x.z + y)}}")));

    [Fact]
    public void Inside_a_loop_its_item_is_seen_and_outside_its_results()
    {
        Assert.Empty(Definitions.Problems($"{Loop("each", "{{trigger.l}}", $"{Step("a", "{{each.item + each.index}}")}, {Step("b", "{{a}}")}")}, {Step("c", "{{each.results}}")}"));
        Assert.Equal(["$.steps[1].body.x[0]: 1:3: the step 'a' runs once for each item of the loop 'each'; what it gave is in each.results."],
            Definitions.Problems($"{Loop("each", "{{trigger.l}}", Step("a", ""))}, {Step("c", "{{a}}")}"));
        Assert.Equal(["$.steps[0].items: 1:3: the step 'each' cannot use its own output."], Definitions.Problems(Loop("each", "{{each.item}}", "")));
    }

    [Fact]
    public void Behind_a_router_its_results_are_seen_and_no_branch_sees_another()
    {
        Assert.Empty(Definitions.Problems($"{Router("r", Step("a", ""), Step("b", ""))}, {Step("c", "{{r.results.A ?? r.branch}}")}"));
        Assert.Equal(["$.steps[1].body.x[0]: 1:3: the step 'a' runs on a branch of 'r'; what that branch gave last is in r.results.A, when it was taken."],
            Definitions.Problems($"{Router("r", Step("a", ""), Step("b", ""))}, {Step("c", "{{a}}")}"));
        Assert.Equal(["$.steps[0].branches[1].steps[0].body.x[0]: 1:3: the step 'a' has not run when 'b' does: it comes later or lies on another branch."],
            Definitions.Problems(Router("r", Step("a", ""), Step("b", "{{a}}"))));
    }

    [Fact]
    public void Errors_are_those_of_steps()
    {
        Assert.Empty(Definitions.Problems($"{Failing("a", Step("b", "{{errors.a.message}}"))}, {Step("c", "{{errors['a']?.code ?? a}}")}"));
        Assert.Equal(["$.steps[0].onError.steps[0].body.x[0]: 1:3: there is no step 'ordr' whose error could be meant. Did you mean 'order'?"], Definitions.Problems(Failing("order", Step("b", "{{errors.ordr}}"))));
        Assert.Equal(["$.steps[0].onError.steps[0].body.x[0]: 1:3: the step 'a' is not done here; its error, when it failed, is in errors.a."], Definitions.Problems(Failing("a", Step("b", "{{a.x}}"))));
        Assert.Equal(["$.steps[1].body.x[0]: 1:3: the step 'b' runs when 'a' fails; what that branch gave last is then the output of 'a'."],
            Definitions.Problems($"{Failing("a", Step("b", ""))}, {Step("c", "{{b}}")}"));
    }

    [Fact]
    public void Connections_belong_in_the_input_of_actions()
    {
        Assert.Empty(Definitions.Problems("""{ "name": "a", "kind": "action", "piece": "http", "action": "request", "input": { "url": "{{connections.crm.url}}" } }"""));
        Assert.Equal(["$.steps[0].body.x[0]: 1:3: connections can be named only in the input of an action, so that secrets stay out of everything else."],
            Definitions.Problems(Step("a", "{{connections.crm.key}}")));
    }

    [Fact]
    public void Functions_are_those_of_the_catalogue_and_without_one_only_the_shape_is_read()
    {
        Assert.Empty(Definitions.Of(Definitions.Read(Definitions.Flow(Step("a", "{{uper(nobody.x)}}")))));
        Assert.Equal(
        [
            "$.steps[0].body.x[0]: 1:3: there is no function 'uper'. Did you mean 'upper'?",
            "$.steps[1].body.x[0]: 1:16: slice() takes 1 to 3 arguments, found 4: slice(value, start?, end?).",
            "$.steps[2].body.x[0]: 1:3: upper() takes no arrow function as its 1st argument: upper(text).",
        ], Definitions.Problems($"{Step("a", "{{uper(trigger.x)}}")}, {Step("b", "{{trigger.xyzw.slice(1, 2, 3)}}")}, {Step("c", "{{upper(x => 1)}}")}", Definitions.Catalogue));
    }

    [Theory]
    [InlineData("""{ "method": "GET", "url": "https://x.example.com", "urll": 1 }""", "$.steps[0].input.urll: 'urll' is not an input of the action 'request' of 'http'. Did you mean 'url'?")]
    [InlineData("""{ "method": "GET" }""", "$.steps[0].input: The input 'url' (Address) of the action 'request' of 'http' is missing.")]
    [InlineData("""{ "url": null }""", "$.steps[0].input.url: 'url' (Address) is required; found null.")]
    [InlineData("""{ "url": "" }""", "$.steps[0].input.url: 'url' (Address) is required and is empty.")]
    [InlineData("""{ "url": 5, "method": "get" }""", "$.steps[0].input.url: 'url' (Address) has to be text; found the number 5.|$.steps[0].input.method: 'method' (Method) cannot be 'get'. Did you mean 'GET'?")]
    [InlineData("""{ "url": "x", "tries": 1.5, "follow": "yes", "headers": [] }""", "$.steps[0].input.tries: 'tries' (Tries) has to be a whole number; found the number 1.5.|$.steps[0].input.follow: 'follow' (Follow redirects) has to be true or false; found the text 'yes'.|$.steps[0].input.headers: 'headers' (Headers) has to be an object; found a list.")]
    [InlineData("""{ "url": "x{{trigger.a}}", "tries": "{{trigger.n}}", "follow": "{{trigger.f}}", "headers": "{{trigger.h}}", "body": [1, "{{trigger.b}}"], "method": "{{trigger.m}}" }""", "")]
    [InlineData("""{ "url": "x", "tries": "1{{trigger.n}}" }""", "$.steps[0].input.tries: 'tries' (Tries) has to be a whole number; found text with an expression in it.")]
    public void Inputs_are_compared_with_the_props_of_the_action(string input, string problems) =>
        Assert.Equal(problems, string.Join('|', Definitions.Problems($$"""{ "name": "a", "kind": "action", "piece": "http", "action": "request", "input": {{input}} }""", Definitions.Catalogue)));

    [Fact]
    public void Kinds_the_engine_does_not_have_are_not_available()
    {
        var older = Definitions.Catalogue with { Kinds = ["action"] };
        Assert.Equal(["$.steps[0].kind: Steps of the kind 'stop' are not available in this version."], Definitions.Problems("""{ "name": "s", "kind": "stop" }""", older));
    }
}
