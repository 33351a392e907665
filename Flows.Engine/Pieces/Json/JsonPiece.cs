using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Json;

/// <summary>JSON as text. Whole numbers of 64 bits are exact; of a key that is there twice the last value counts.</summary>
internal sealed partial class JsonPiece() : Piece("json", "JSON", "Reads and writes JSON text, and takes values out of data.")
{
    public override IReadOnlyList<PieceAction> Actions => [new Get(), new ParseText(), new Stringify()];

    internal sealed record GetInput(Value From, string Path, Value Otherwise, bool Required);
    internal sealed record ParseInput(string Text);
    internal sealed record StringifyInput(Value Value, long Indent);

    private sealed class Get() : PieceAction<GetInput, Value>(
        "get", "Get by path", "What is at a path in data, such as lines[0].sku.", StepEffect.Pure, JsonPieceJson.Default)
    {
        private static readonly Formula s_has = new("has(from, path)");
        private static readonly Formula s_get = new("get(from, path, otherwise)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Any("from", "From", help: "Data, not JSON text: read that with parse first."),
            Prop.Text("path", "Path", required: true, help: "Names separated by dots, positions from 0 in brackets: lines[0].sku."),
            Prop.Any("otherwise", "Default", help: "Given when there is nothing or null."),
            Prop.Flag("required", "Fail when there is nothing", otherwise: false),
        ];

        protected override Task<Value> RunAsync(GetInput input, PieceContext context, CancellationToken cancel)
        {
            (string, Value)[] inputs = [("from", input.From), ("path", Value.Of(input.Path)), ("otherwise", input.Otherwise)];
            if (input.Required && !s_has.Of(context, "path", inputs).AsBoolean)
                throw PieceException.Final($"'from' has nothing at '{Shown.Cut(input.Path)}'.", "not_found");
            return Task.FromResult(s_get.Of(context, "path", inputs));
        }
    }

    private sealed class ParseText() : PieceAction<ParseInput, Value>(
        "parse", "Read JSON", "The value that a JSON text holds.", StepEffect.Pure, JsonPieceJson.Default)
    {
        private static readonly Formula s_parse = new("parseJson(text)");

        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Multiline("text", "Text", required: true)];

        // A byte order mark is no part of JSON, but files begin with it.
        protected override Task<Value> RunAsync(ParseInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(s_parse.Of(context, "text", ("text", Value.Of(input.Text.TrimStart('\uFEFF')))));
    }

    private sealed class Stringify() : PieceAction<StringifyInput, Value>(
        "stringify", "Write JSON", "A value as JSON text.", StepEffect.Pure, JsonPieceJson.Default)
    {
        private static readonly Formula s_write = new("toJson(value, indent)");

        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Any("value", "Value"), Prop.Integer("indent", "Indent", otherwise: 0, help: "Spaces for each level, 0 to 8; 0 is one line.")];

        protected override Task<Value> RunAsync(StringifyInput input, PieceContext context, CancellationToken cancel) => input.Indent is < 0 or > 8
            ? throw PieceException.Input($"'indent' must be 0 to 8; found {input.Indent}.")
            : Task.FromResult(s_write.Of(context, "value", ("value", input.Value), ("indent", Value.Of(input.Indent))));
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(GetInput))]
    [JsonSerializable(typeof(ParseInput))]
    [JsonSerializable(typeof(StringifyInput))]
    private sealed partial class JsonPieceJson : JsonSerializerContext;
}
