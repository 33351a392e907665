using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;

namespace Flows.Tests.Language;

public sealed class ReadingADefinition
{
    [Fact]
    public void A_good_one_gives_the_model_and_no_problems()
    {
        var reading = Definitions.Read(Definitions.Sample, Definitions.Catalogue);
        Assert.Equal(
            ["~$.trigger.connection: The trigger 'catch' of 'webhook' uses no connection.", "~$.steps[0].connection: The piece 'http' uses no connection."], Definitions.Of(reading));

        var steps = reading.Definition!.Steps;
        Assert.Equal(["action", "code", "router", "loop", "call", "respond", "stop"], steps.Select(step => step.Kind));
        var order = Assert.IsType<ActionStep>(steps[0]);
        Assert.Equal(("Fetch the order", "shop", TimeSpan.FromSeconds(30), OnErrorMode.Branch), (order.Title, order.Connection, order.Timeout, order.OnError.Mode));
        Assert.Equal((3, TimeSpan.FromSeconds(2), 2.0, "timeout 5xx network"), (order.Retry.Attempts, order.Retry.Delay, order.Retry.Backoff, string.Join(' ', order.Retry.On)));
        Assert.Equal(StepEffect.Pure, Assert.IsType<CodeStep>(steps[1]).Effect);
        var router = Assert.IsType<RouterStep>(steps[2]);
        Assert.True(router.Branches[2] is { Otherwise: true, When.ValueKind: JsonValueKind.Undefined });
        Assert.Equal(TimeSpan.FromDays(2), Assert.IsType<WaitStep>(router.Branches[0].Steps[0]).Expires);
        Assert.Equal((4, ItemError.Continue), (Assert.IsType<LoopStep>(steps[3]).Parallel, ((LoopStep)steps[3]).OnItemError));
        Assert.True(Assert.IsType<CallStep>(steps[4]).Await);
        Assert.Equal(("From the shop", new FlowNote("Ask Ida before you change this", 400, -20.5, NoteColor.Blue)), (order.Note, Assert.Single(reading.Definition.Notes)));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData(""", "onUncertain": "ask" """, UncertainPolicy.Ask)]
    [InlineData(""", "onUncertain": "retry" """, UncertainPolicy.Retry)]
    [InlineData(""", "onUncertain": "fail" """, UncertainPolicy.Fail)]
    public void A_step_that_does_not_say_what_becomes_of_an_uncertain_effect_leaves_it_to_its_project(string field, UncertainPolicy? policy)
    {
        var reading = Definitions.Read($$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ { "name": "c", "kind": "code", "language": "javascript", "source": "export default () => 1;"{{field}} } ] }
            """);
        Assert.True(reading.IsValid);
        Assert.Equal(policy, reading.Definition!.Steps[0].OnUncertain);
    }

    [Fact]
    public void It_outlives_the_document_it_was_read_from()
    {
        DefinitionReading reading;
        using (var document = JsonDocument.Parse(Definitions.Sample))
            reading = DefinitionReader.Read(document.RootElement, null);
        Assert.Equal("GET", ((ActionStep)reading.Definition!.Steps[0]).Input.GetProperty("method").GetString());
    }

    [Fact]
    public void All_problems_are_told_at_once()
    {
        var reading = Definitions.Read("""
            {
              "schema": 2, "titel": "x",
              "trigger": { "piece": "webhok", "event": "catch", "input": { "x": "{{vars.a}}" } },
              "steps": [
                { "name": "1st", "kind": "action", "piece": "http", "action": "reqest", "retry": { "attempts": 0, "delay": "5 s", "on": ["Timeout"] } },
                { "name": "run", "kind": "code", "language": "python", "source": "", "timeout": "2.00:00:00" },
                { "name": "a", "kind": "loop", "steps": [ { "name": "a", "kind": "respnd" } ] },
                { "name": "b", "kind": "router", "branches": [ { "name": "x", "otherwise": true, "steps": [] }, { "name": "x", "steps": [] } ] },
                { "name": "c", "kind": "stop" },
                { "name": "d", "kind": "respond", "status": 99, "body": "{{ c. }}", "retry": {} },
                { "name": "e", "kind": "wait", "for": "ever" },
                { "name": "f", "kind": "call", "flow": 5, "skip": "no" },
                7
              ]
            }
            """, Definitions.Catalogue);
        Assert.False(reading.IsValid);
        Assert.Equal(
        [
            "$.schema: 'schema' has to be 1, the version of the flow language this is written in.",
            "$.trigger.piece: There is no piece 'webhok'. Did you mean 'webhook'?",
            "$.steps[0].name: '1st' cannot be a name: it needs a letter or _ first, then letters, digits or _, 64 characters at most.",
            "$.steps[0].action: The piece 'http' has no action 'reqest'. Did you mean 'request'?",
            "$.steps[0].retry.on[0]: An error to retry on is 'timeout', 'network', '5xx', a status such as '429', 'any' or an error code such as 'smtp_busy'; found the text 'Timeout'.",
            "$.steps[0].retry.attempts: 'attempts' has to be a whole number from 1 to 20; found 0.",
            "$.steps[0].retry.delay: 'delay' has to be a time span written [d.]hh:mm:ss, such as 00:00:30; found the text '5 s'.",
            "$.steps[1].name: 'run' cannot be a name: expressions use it for something else.",
            "$.steps[1].source: 'source' is empty.",
            "$.steps[1].language: Code in 'python' cannot be run here. There is: javascript.",
            "$.steps[1].timeout: 'timeout' has to be from 00:00:00.0010000 to 1.00:00:00; found 2.00:00:00.",
            "$.steps[2]: 'items' is missing: a loop needs a list to go through.",
            "$.steps[2].steps[0].name: The name 'a' is taken by the step at $.steps[2]. Names are unique within a flow.",
            "$.steps[2].steps[0].kind: 'respnd' is not a kind of step. Did you mean 'respond'?",
            "$.steps[3].branches[0]: The otherwise branch has to be the last one.",
            "$.steps[3].branches[1].name: The router has two branches named 'x'.",
            "$.steps[3].branches[1]: 'when' is missing: a branch needs a condition, or \"otherwise\": true.",
            "$.steps[5].status: 'status' has to be a whole number from 200 to 599, or an expression that gives one; found the number 99.",
            "~$.steps[5].retry: 'retry' has no effect on a step of the kind 'respond'.",
            "~$.steps[5]: This step is never reached: 'c' ends the run.",
            "$.steps[6].for: A step cannot wait for 'ever'. There are: delay, until, webhook, approval.",
            "$.steps[7].flow: 'flow' has to be text; found the number 5.",
            "$.steps[7].skip: 'skip' has to be true or false; found the text 'no'.",
            "$.steps[8]: Expected a step, which is a JSON object; found the number 7.",
            "$.titel: 'titel' is not a field of a flow definition. There are: schema, trigger, steps, notes.",
            "$.trigger.input.x: The trigger starts the flow: nothing has run yet that an expression could name.",
            "$.steps[5].body: The expression cannot be read: 1:6: expected a name after '.'.",
        ], Definitions.Of(reading));
    }

    [Theory]
    [InlineData("5", "$: Expected a flow definition, which is a JSON object; found the number 5.")]
    [InlineData("{}", "$.schema: 'schema' has to be 1, the version of the flow language this is written in.|$: 'trigger' is missing: what starts the flow is required.|$: 'steps' is missing: a list is required in a flow definition.")]
    [InlineData("{\"schema\":1,\"trigger\":[],\"steps\":{}}", "$.trigger: Expected a trigger, which is a JSON object; found a list.|$.steps: 'steps' has to be a list; found an object.")]
    [InlineData("{\"schema\":1,\"trigger\":{\"piece\":\"p\",\"event\":\"e\"},\"steps\":[],\"notes\":[1,{\"text\":\"a\",\"x\":\"left\",\"color\":\"pink\",\"size\":1}]}", "$.notes[0]: Expected a note, which is a JSON object; found the number 1.|$.notes[1].x: 'x' has to be a number from -1000000 to 1000000; found the text 'left'.|$.notes[1].color: 'color' cannot be 'pink'. There are: yellow, blue, green, red.|$.notes[1].size: 'size' is not a field of a note. There are: text, x, y, color.")]
    [InlineData("{\"schema\":1,\"schema\":1,\"trigger\":{\"piece\":\"p\",\"event\":\"e\"},\"steps\":[]}", "$.schema: 'schema' is there twice.")]
    public void A_document_of_another_shape_is_refused(string json, string problems) =>
        Assert.Equal(problems, string.Join('|', Definitions.Of(Definitions.Read(json))));

    [Theory]
    [InlineData("{\"schema\":1,\"trigger\":{\"piece\":\"p\",\"event\":\"e\"},\"steps\":[],\"\\ud800\":1}")]
    [InlineData("{\"schema\":1,\"trigger\":{\"piece\":\"\\udc00\",\"event\":\"e\"},\"steps\":[]}")]
    public void Text_that_is_no_text_is_refused(string json) =>
        Assert.Equal(["$: The definition holds half a Unicode surrogate pair, or bytes that are not UTF-8."], Definitions.Of(Definitions.Read(json)));

    [Fact]
    public void Damaged_definitions_give_problems_and_never_an_exception()
    {
        var random = new Random(11);
        string[] parts = ["null", "[]", "{}", "0", "true", "\"x\"", "\"{{ a. }}\"", "\"{{each.item}}\"", "[[]]", "{\"steps\":[{}]}", "\"name\"", "-1e9"];
        for (var i = 0; i < 20_000; i++)
        {
            // A value is replaced: from a colon up to the next comma or closing bracket.
            var text = Definitions.Sample;
            for (var changes = random.Next(1, 4); changes > 0; changes--)
            {
                var colon = text.IndexOf(':', random.Next(text.Length));
                var end = colon < 0 ? -1 : text.IndexOfAny([',', '}', ']'], colon);
                if (end > 0)
                    text = string.Concat(text.AsSpan(0, colon + 1), parts[random.Next(parts.Length)], text.AsSpan(end));
            }
            try
            {
                Definitions.Read(text, Definitions.Catalogue);
            }
            catch (JsonException)
            {
                // The damage was to the JSON itself.
            }
        }
    }

    [Fact]
    public void An_undefined_element_is_refused() => Assert.False(DefinitionReader.Read(default, null).IsValid);

    [Fact]
    public void Steps_have_a_number_and_a_depth()
    {
        var many = string.Join(',', Enumerable.Range(0, 1_001).Select(i => $$"""{ "name": "s{{i}}", "kind": "stop", "skip": true }"""));
        Assert.Equal(["$.steps: The flow has more than 1000 steps."], Definitions.Problems(many));

        var deep = """{ "name": "end", "kind": "stop" }""";
        for (var i = 0; i < 32; i++)
            deep = $$"""{ "name": "s{{i}}", "kind": "loop", "items": [1], "steps": [ {{deep}} ] }""";
        var options = new JsonDocumentOptions { MaxDepth = 200 };
        var reading = DefinitionReader.Read(JsonDocument.Parse(Definitions.Flow(deep), options).RootElement, null);
        Assert.EndsWith("Steps are nested more than 32 levels deep.", Definitions.Of(reading).Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void Source_has_a_size() => Assert.Equal(
        ["$.steps[0].source: The source is larger than 256 KiB."],
        Definitions.Problems($$"""{ "name": "c", "kind": "code", "language": "javascript", "source": "{{new string('x', 300_000)}}" }"""));

    [Fact]
    public void Problems_end_at_500()
    {
        var reading = Definitions.Read(Definitions.Flow(string.Join(',', Enumerable.Range(0, 900).Select(_ => "1"))));
        Assert.Equal(500, reading.Problems.Count);
        Assert.False(reading.IsValid);
    }

    [Theory]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [ { "name": "a", "when": "{{trigger.x}}", "steps": [] } ] }""", "~$.steps[0]: The router has no otherwise branch: when no condition holds, nothing is done.")]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [] }""", "$.steps[0]: A router needs at least one branch.")]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [ { "name": "a", "when": true, "steps": [] }, { "name": "b", "otherwise": true, "steps": [] } ] }""", "~$.steps[0].branches[1]: This branch can never be reached: the condition of 'a' always holds.")]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [ { "name": "a", "when": "{{ false }}", "steps": [] }, { "name": "b", "otherwise": true, "steps": [] } ] }""", "~$.steps[0].branches[0]: This branch can never be reached: its condition never holds.")]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [ { "name": "a", "when": "{{trigger.x}}", "steps": [] }, { "name": "b", "when": "{{trigger.x}}", "steps": [] }, { "name": "c", "otherwise": true, "steps": [] } ] }""", "~$.steps[0].branches[1]: This branch can never be reached: 'a' has the same condition and comes first.")]
    [InlineData("""{ "name": "r", "kind": "router", "mode": "all", "branches": [ { "name": "a", "when": "{{trigger.x}}", "steps": [] }, { "name": "b", "when": "{{trigger.x}}", "steps": [] }, { "name": "c", "otherwise": true, "steps": [] } ] }""", "")]
    [InlineData("""{ "name": "r", "kind": "router", "mode": "parallel", "branches": [ { "name": "a", "when": true, "steps": [] }, { "name": "b", "when": "{{trigger.x}}", "steps": [] }, { "name": "c", "otherwise": true, "steps": [] } ] }""", "~$.steps[0].branches[2]: This branch can never be reached: the condition of 'a' always holds.")]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [ { "name": "a.b", "otherwise": true, "when": true, "steps": [] } ] }""", "$.steps[0].branches[0].name: The name of a branch has at most 64 characters, and none of . : [ ] /, because step paths are made of it.|$.steps[0].branches[0].when: The otherwise branch has no condition: it is taken when no other branch is.")]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [ { "name": "a", "when": "total > 5", "steps": [] }, { "name": "b", "otherwise": true, "steps": [] } ] }""", "$.steps[0].branches[0].when: A condition is one expression that gives true or false: write it between '{{' and '}}'.")]
    [InlineData("""{ "name": "r", "kind": "router", "branches": [ { "name": "a", "when": { "any": [ { "all": [ { "left": 1, "operator": "text_equal", "rigth": 2 } ] } ] }, "steps": [] }, { "name": "b", "otherwise": true, "steps": [] } ] }""", "$.steps[0].branches[0].when.any[0].all[0].operator: 'text_equal' is not an operator. Did you mean 'text_equals'?|$.steps[0].branches[0].when.any[0].all[0].rigth: 'rigth' is not a field of a test. Did you mean 'right'?")]
    [InlineData("""{ "name": "a", "kind": "action", "piece": "http", "action": "request", "input": { "url": "x" }, "retry": { "on": ["timeuot", "smtp_busy", "404", "4xx"] } }""", "~$.steps[0].retry.on[0]: Only steps that fail with the error code 'timeuot' are tried again. Did you mean 'timeout'?")]
    [InlineData("""{ "name": "l", "kind": "loop", "items": [1], "timeout": "00:01:00", "retry": {}, "steps": [] }""", "~$.steps[0].retry: 'retry' has no effect on a step of the kind 'loop'.")]
    [InlineData("""{ "name": "l", "kind": "loop", "items": [1], "onUncertain": "ask", "steps": [] }""", "~$.steps[0].onUncertain: 'onUncertain' has no effect on a step of the kind 'loop'.")]
    [InlineData("""{ "name": "c", "kind": "code", "language": "javascript", "source": "x", "onUncertain": "retyr" }""", "$.steps[0].onUncertain: 'onUncertain' cannot be 'retyr'. Did you mean 'retry'?")]
    [InlineData("""{ "name": "c", "kind": "code", "language": "javascript", "source": "x", "onUncertain": 1 }""", "$.steps[0].onUncertain: 'onUncertain' has to be text; found the number 1.")]
    [InlineData("""{ "name": "l", "kind": "loop", "items": "a list", "steps": [] }""", "$.steps[0].items: 'items' is one expression that gives a list: write it between '{{' and '}}'.")]
    [InlineData("""{ "name": "l", "kind": "loop", "items": 5, "steps": [] }""", "$.steps[0].items: 'items' has to be a list or an expression that gives one; found the number 5.")]
    [InlineData("""{ "name": "l", "kind": "loop", "items": [], "steps": [] }""", "~$.steps[0].items: The loop has no items: its steps are never reached.")]
    [InlineData("""{ "name": "w", "kind": "wait", "for": "delay", "value": "5 minutes" }""", "$.steps[0].value: 'value' has to be a time span written [d.]hh:mm:ss, at most 3650.00:00:00, or an expression that gives one; found the text '5 minutes'.")]
    [InlineData("""{ "name": "w", "kind": "wait", "for": "until" }""", "$.steps[0]: 'value' is missing: the date to wait for, such as '2026-03-01T10:00:00Z'.")]
    [InlineData("""{ "name": "typeof", "kind": "stop" }""", "$.steps[0].name: 'typeof' cannot be a name: it is a word of the expression language.")]
    public void A_step_that_makes_no_sense_is_named(string step, string problems) => Assert.Equal(problems, string.Join('|', Definitions.Problems(step)));

    [Theory]
    [InlineData("sk-proj-abcdefghijklmnopqrstuv")]
    [InlineData("sk_live_abcdefghijklmnopqrst")]
    [InlineData("xoxb-123456789012-abcdef")]
    [InlineData("ghp_abcdefghijklmnopqrstuvwxyz0123456789")]
    [InlineData("AKIAIOSFODNN7EXAMPLE")]
    [InlineData("Bearer abcdef0123456789abcdef")]
    [InlineData("-----BEGIN RSA PRIVATE KEY-----")]
    public void A_secret_in_the_definition_is_a_warning_that_does_not_repeat_it(string secret)
    {
        var problem = Assert.Single(Definitions.Problems($$"""{ "name": "a", "kind": "respond", "headers": { "x-key": "k {{secret}}" } }"""));
        Assert.StartsWith("~$.steps[0].headers['x-key']: This looks like a secret", problem, StringComparison.Ordinal);
        Assert.DoesNotContain(secret[..12], problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "url": "https://x", "headers": { "X-Api-Key": "hunter2" } }""", "~$.steps[0].input.headers['X-Api-Key']: 'X-Api-Key' looks like the name of a secret, and its value stands here where everybody who may see the flow can read it. Keep it in a connection, where it is encrypted and masked.")]
    [InlineData("""{ "url": "https://x", "body": { "user": "ada", "password": "hunter2" } }""", "~$.steps[0].input.body.password: 'password' looks like the name of a secret, and its value stands here where everybody who may see the flow can read it. Keep it in a connection, where it is encrypted and masked.")]
    [InlineData("""{ "url": "https://x", "pin": "hunter2" }""", "~$.steps[0].input.pin: 'pin' (PIN) is a secret, and stands here where everybody who may see the flow can read it. Keep it in a connection, where it is encrypted and masked.")]
    [InlineData("""{ "url": "https://x", "pin": "{{trigger.pin}}", "headers": { "Authorization": "Bearer {{connections.a.b}}", "x-key": "plain" }, "body": { "password": "", "token_type": "x" } }""", "")]
    public void A_secret_that_looks_like_any_text_is_known_by_where_it_stands(string input, string problem)
    {
        var http = Definitions.Catalogue.Pieces[0];
        var request = http.Actions[0] with { Props = [.. http.Actions[0].Props, new("pin", "PIN", "string", "secret", Required: false)] };
        var catalogue = Definitions.Catalogue with { Pieces = [http with { Actions = [request] }, .. Definitions.Catalogue.Pieces.Skip(1)] };
        Assert.Equal(problem, string.Join('|', Definitions.Problems($$"""{ "name": "a", "kind": "action", "piece": "http", "action": "request", "input": {{input}} }""", catalogue)));
    }

    /// <summary>As many mistakes as four megabytes hold: what is left out is not worked out.</summary>
    [Theory]
    [InlineData("{{abcdefgh(1)}}", "\"value\": \"MANY\"")]
    [InlineData("{{trigger}} ", "\"value\": \"MANY\"")]
    [InlineData("{{triger}}\\n", "\"value\": \"MANY\"")]
    [InlineData("-eyJ", "\"value\": \"MANY\"")]
    [InlineData("{ \"x\": \"{{triger}}\" },", "\"value\": [ MANY 1 ]")]
    public async Task A_definition_full_of_mistakes_is_read_in_bounded_time(string part, string input)
    {
        var many = string.Concat(Enumerable.Repeat(part, 3_900_000 / part.Length));
        var definition = Definitions.Flow($$"""{ "name": "a", "kind": "respond", "body": { {{input.Replace("MANY", many, StringComparison.Ordinal)}} } }""");
        var reading = await Task.Run(() => Definitions.Read(definition, Definitions.Catalogue)).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(part is "{{trigger}} " or "-eyJ", reading.IsValid);
        Assert.True(reading.Problems.Count <= 500);
    }

    [Fact]
    public void Warnings_that_fill_the_list_hide_no_error()
    {
        var secrets = string.Join(',', Enumerable.Range(0, 600).Select(i => $$"""{ "password": "x{{i}}" }"""));
        var reading = Definitions.Read(Definitions.Flow($$"""{ "name": "a", "kind": "respond", "body": [ {{secrets}}, "{{"{{nobody}}"}}" ] }"""), Definitions.Catalogue);
        Assert.Equal(500, reading.Problems.Count);
        Assert.False(reading.IsValid);
    }

    [Theory]
    [InlineData("Bearer {{connections.crm.token}}")]
    [InlineData("sk-short")]
    [InlineData("Order 12345678901234567890")]
    public void Ordinary_text_is_no_secret(string text) =>
        Assert.Empty(Definitions.Problems($$"""{ "name": "a", "kind": "action", "piece": "http", "action": "request", "input": { "url": "{{text}}" } }"""));
}
