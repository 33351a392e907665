using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces.Text;

namespace Flows.Engine.Pieces.Data;

internal sealed partial class DataPiece
{
    internal sealed record MapInput(Value From, Value Fields, string Missing);
    internal sealed record TemplateInput(Value Template, Value Values, string Missing);

    private sealed class Map() : PieceAction<MapInput, Value>(
        "map", "Map fields", "An object with new names for what is in another, or one for every object of a list.", StepEffect.Pure, DataJson.Default)
    {
        private static readonly Formula s_has = new("has(from, path)");
        private static readonly Formula s_get = new("get(from, path)");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Any("from", "From", required: true, help: "An object or a list of objects."),
            Prop.Pairs("fields", "Fields", required: true, help: "The new name, and where the value is: lines[0].sku."),
            Prop.Select("missing", "What is not there", ["null", "fail"], "null"),
        ];

        protected override Task<Value> RunAsync(MapInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.From.Kind != ValueKind.List)
                return Task.FromResult(One(input, input.From, "from", context));
            var mapped = new List<Value>(input.From.AsList.Count);
            foreach (var item in input.From.AsList)
            {
                cancel.ThrowIfCancellationRequested();
                mapped.Add(One(input, item, $"from[{mapped.Count}]", context));
            }
            return Task.FromResult(ValueList.Of(mapped));
        }

        private static Value One(MapInput input, Value from, string field, PieceContext context)
        {
            if (from.Kind != ValueKind.Object)
                throw PieceException.Input($"'{field}' must be an object.");
            var mapped = new ValueObject.Builder();
            foreach (var (name, path) in input.Fields.AsObject)
            {
                if (!path.IsText)
                    throw PieceException.Input($"'fields.{Shown.Cut(name)}' must be a path such as address.city.");
                (string, Value)[] inputs = [("from", from), ("path", path)];
                if (input.Missing == "fail" && !s_has.Of(context, $"fields.{name}", inputs).AsBoolean)
                    throw PieceException.Final($"'{field}' has nothing at '{Shown.Cut(path.AsText)}'.", "not_found");
                mapped.Set(name, s_get.Of(context, $"fields.{name}", inputs));
            }
            return Value.Of(mapped.ToObject());
        }
    }

    private sealed class Template() : PieceAction<TemplateInput, Value>(
        "template", "Fill a template", "Any JSON whose texts have places such as {name}; a text that is one place keeps the kind of its value.", StepEffect.Pure, DataJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Any("template", "Template", required: true, help: "Such as { \"hello\": \"Dear {customer.name}\", \"total\": \"{total}\" }."),
            Prop.Pairs("values", "Values", required: true),
            Prop.Select("missing", "What is not there", ["fail", "empty", "keep"], "fail"),
        ];

        protected override Task<Value> RunAsync(TemplateInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(new Filling(input, context.MaxBytes, cancel).Of(input.Template));
    }

    /// <param name="most">Characters that a text may have, and all of them together.</param>
    private sealed class Filling(TemplateInput input, long most, CancellationToken cancel)
    {
        private long _made;

        public Value Of(Value part)
        {
            switch (part.Kind)
            {
                case ValueKind.Text:
                    cancel.ThrowIfCancellationRequested();
                    return Placeholders.Only(part.AsText, input.Values) is { } whole ? Counted(whole) : Counted(Value.Of(Placeholders.Fill(part.AsText, input.Values, input.Missing, most)));
                case ValueKind.List:
                    return ValueList.Of(part.AsList.Select(Of));
                case ValueKind.Object:
                    var filled = new ValueObject.Builder();
                    foreach (var (name, value) in part.AsObject)
                        filled.Set(name, Of(value));
                    return Value.Of(filled.ToObject());
                default:
                    return part;
            }
        }

        private Value Counted(Value filled) => (_made += filled.Weight) <= most
            ? filled
            : throw PieceException.Final($"the texts have more than {most} characters together (limit: Flows__Limits__PayloadMiB).", "limit");
    }
}
