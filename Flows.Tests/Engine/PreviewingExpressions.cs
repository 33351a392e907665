using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine;

/// <summary>What expressions give on sample data, as an engine answers it.</summary>
public sealed class PreviewingExpressions
{
    private static readonly PreviewContext s_context = new(
        RawJson.Parse("""{ "body": { "id": "A-7", "n": 2 } }"""),
        new Dictionary<string, RawJson> { ["order"] = RawJson.Parse("""{ "lines": [1, 2], "note": null }"""), ["each"] = RawJson.Parse("""{ "results": [] }""") },
        new Dictionary<string, RawJson> { ["each"] = RawJson.Parse("""{ "item": "x", "index": 3 }""") },
        Variables: new Dictionary<string, RawJson> { ["currency"] = RawJson.Parse("\"EUR\"") },
        Connections: new Dictionary<string, RawJson> { ["crm"] = RawJson.Parse("""{ "token": "••••••" }""") });

    private static async Task<IReadOnlyDictionary<string, ExpressionOutcome>> AskAsync(PreviewContext context, params string[] texts)
    {
        var question = System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(
            new ExpressionQuestion(texts.Index().ToDictionary(text => $"{text.Index}", text => text.Item), context), EngineJson.Default.ExpressionQuestion);
        using var http = new OutboundHttp(new GuardedNetwork(new NetworkSettings(NetworkPolicy.Unrestricted)));
        var answer = await new PieceCalls(PieceCatalog.All, http, new ManualClock()).AnswerAsync( // whatever a slow machine takes, what is counted decides
            new PieceRequest(Guid.CreateVersion7(), PieceCallKind.Expressions, null, "expressions", "", RawJson.FromUtf8(question), null, 10_000, 1 << 20), default);
        Assert.Null(answer.Error);
        return answer.Values!;
    }

    [Theory]
    [InlineData("Order {{trigger.body.id}}", "\"Order A-7\"", "string")]
    [InlineData("{{trigger.body.n * 2}}", "4", "number")]
    [InlineData("{{order.lines.map(x => x + 1)}}", "[2,3]", "array")]
    [InlineData("{{order.note}}", "null", "null")]
    [InlineData("{{each.item == 'x'}}", "true", "boolean")]
    [InlineData("{{ {a: each.index} }}", "{\"a\":3}", "object")]
    [InlineData("{{vars.currency}}", "\"EUR\"", "string")]
    [InlineData("{{connections.crm.token}}", "\"••••••\"", "string")]
    [InlineData("{{run.environment}}", "\"Test\"", "string")]
    [InlineData("plain", "\"plain\"", "string")]
    public async Task A_value_comes_with_its_type(string text, string value, string type)
    {
        var outcome = (await AskAsync(s_context, text))["0"];
        Assert.Null(outcome.Error);
        Assert.Equal((value, type), ((outcome.Value ?? RawJson.Null).ToString(), outcome.Type));
    }

    [Theory]
    [InlineData("Hi {{nobody.x}}", "nobody", 5, 6)]
    [InlineData("{{1 +}}", "", 5, 1)]
    [InlineData("a\nb {{trigger.body.}}", "", 19, 1)]
    [InlineData("{{uper('x')}}", "uper", 2, 4)]
    public async Task An_error_has_its_place_and_does_not_hide_the_others(string text, string names, int position, int length)
    {
        var outcomes = await AskAsync(s_context, text, "{{1}}");
        var error = outcomes["0"].Error!;
        Assert.Contains(names, error.Message, StringComparison.Ordinal);
        Assert.Equal((position, length), (error.Position, error.Length));
        Assert.Equal("1", outcomes["1"].Value.ToString());
    }

    [Fact]
    public async Task What_is_too_large_or_takes_too_long_is_an_error_that_names_the_limit()
    {
        var outcomes = await AskAsync(s_context, "{{repeat('x', 300000)}}", "{{range(0, 900).map(a => range(0, 900).map(b => range(0, 900).length)).length}}", "{{2}}");
        Assert.Contains("limit: value size", outcomes["0"].Error!.Message, StringComparison.Ordinal);
        Assert.Contains("(limit: ", outcomes["1"].Error!.Message, StringComparison.Ordinal);
        Assert.Equal("2", outcomes["2"].Value.ToString());
    }

    [Fact]
    public async Task Sample_data_that_cannot_be_taken_in_is_an_error_of_each()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 58)) + string.Concat(Enumerable.Repeat("]", 58));
        var outcomes = await AskAsync(new PreviewContext(RawJson.Parse(deep)), "{{1}}");
        Assert.Contains("the sample data cannot be taken in", outcomes["0"].Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_form_of_a_question_is_filled_from_samples_and_what_has_none_is_told_of_when_it_is_missed()
    {
        string[] asked = [];
        var piece = new FormPiece(form => asked = form);
        using var http = new OutboundHttp(new GuardedNetwork(new NetworkSettings(NetworkPolicy.Unrestricted)));
        var calls = new PieceCalls(new PieceCatalog([piece]), http, TimeProvider.System);
        var context = RawJson.FromUtf8(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(s_context, EngineJson.Default.PreviewContext));
        PieceRequest Ask(string input) => new(Guid.CreateVersion7(), PieceCallKind.Options, null, "form", "things", RawJson.Parse(input), null, 10_000, 1 << 20, Context: context);

        var answer = await calls.AnswerAsync(Ask("""{ "owner": "{{trigger.body.id}}", "count": "{{order.lines[1]}}", "lost": "{{nobody}}" }"""), default);
        Assert.Null(answer.Error);
        Assert.Equal(["owner=A-7", "count=2"], asked);

        var missed = await calls.AnswerAsync(Ask("""{ "owner": "{{nobody.x}}" }"""), default);
        Assert.Contains("the owner comes first", missed.Error!.Message, StringComparison.Ordinal);
        Assert.Contains("there is no sample for it: $.input.owner", missed.Error.Message, StringComparison.Ordinal);
    }

    private sealed class FormPiece(Action<string[]> asked) : Piece("form", "Form", "Has a source.")
    {
        public override IReadOnlyList<PieceAction> Actions => [];

        public override IReadOnlyList<OptionSource> Sources =>
        [
            new("things", (question, _, _) =>
            {
                var form = question.Input.AsObject;
                if (!form.TryGet("owner", out _))
                    throw PieceException.Input("the owner comes first.");
                asked([.. form.Keys.Zip(form.Values, (key, value) => $"{key}={value}")]);
                return Task.FromResult<IReadOnlyList<PropOption>>([]);
            }),
        ];
    }
}
