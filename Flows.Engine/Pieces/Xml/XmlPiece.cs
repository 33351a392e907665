using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Xml;

/// <summary>
/// XML as data. An element is an object: attributes are properties that begin with @, elements inside it are properties by their
/// names, several of one name a list, and its text is #text. An element with nothing but text is that text.
/// </summary>
internal sealed partial class XmlPiece() : Piece("xml", "XML", "Reads and writes XML.")
{
    public override IReadOnlyList<PieceAction> Actions => [new ParseText(), new Write()];

    internal sealed record ParseInput(string Text, Value Lists, bool DropPrefixes, bool KeepSpace);
    internal sealed record WriteInput(Value Value, bool Declaration, bool Indent);

    private sealed class ParseText() : PieceAction<ParseInput, Value>(
        "parse", "Read XML", "The document as data: an object with the outermost element.", StepEffect.Pure, XmlJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("text", "Text", required: true, help: "A document type (<!DOCTYPE …>) is refused."),
            Prop.List("lists", "Always lists", help: "Names of elements that give a list even when there is only one of them."),
            Prop.Flag("dropPrefixes", "Leave out prefixes", otherwise: false, help: "dc:title becomes title."),
            Prop.Flag("keepSpace", "Keep white space around text", otherwise: false),
        ];

        protected override Task<Value> RunAsync(ParseInput input, PieceContext context, CancellationToken cancel)
        {
            var lists = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 0; !input.Lists.IsNull && i < input.Lists.AsList.Count; i++)
                lists.Add(input.Lists.AsList[i].TryGetText(out var name) ? name : throw PieceException.Input($"'lists[{i}]' must be a text; found {ValueText.Of(input.Lists.AsList[i])}."));
            return Task.FromResult(new XmlValueReader(lists, input.DropPrefixes, input.KeepSpace).Read(input.Text, cancel));
        }
    }

    private sealed class Write() : PieceAction<WriteInput, Value>(
        "write", "Write XML", "Data as an XML document; the opposite of parse.", StepEffect.Pure, XmlJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Any("value", "Value", required: true, help: "An object with one property, the outermost element."),
            Prop.Flag("declaration", "Begin with <?xml … ?>", otherwise: true),
            Prop.Flag("indent", "On several lines", otherwise: false),
        ];

        protected override Task<Value> RunAsync(WriteInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(Value.Of(new XmlValueWriter(input.Indent, context.MaxBytes, cancel).Write(input.Value, input.Declaration)));
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(ParseInput))]
    [JsonSerializable(typeof(WriteInput))]
    private sealed partial class XmlJson : JsonSerializerContext;
}
