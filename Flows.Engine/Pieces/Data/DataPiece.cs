using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Data;

/// <summary>Puts data into shape. Computes only: nothing leaves the engine.</summary>
internal sealed partial class DataPiece() : Piece("data", "Data", "Builds, maps, merges and picks values.")
{
    public override IReadOnlyList<PieceAction> Actions => [new Map(), new Merge(), new Pick(), new Set(), new Template()];

    internal sealed record MergeInput(IReadOnlyList<Value> Objects);
    internal sealed record PickInput(Value From, IReadOnlyList<string> Names);
    internal sealed record SetInput(Value Value);

    private sealed class Merge() : PieceAction<MergeInput, Value>(
        "merge", "Merge objects", "One object with the properties of all; of a name that is there twice the last value counts.", StepEffect.Pure, DataJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.List("objects", "Objects", required: true, help: "A list of objects; null is left out.")];

        protected override Task<Value> RunAsync(MergeInput input, PieceContext context, CancellationToken cancel)
        {
            var merged = new ValueObject.Builder();
            for (var index = 0; index < input.Objects.Count; index++)
            {
                var part = input.Objects[index];
                if (part.Kind == ValueKind.Object)
                    merged.SetAll(part.AsObject);
                else if (!part.IsNull)
                    throw PieceException.Input($"'objects[{index}]' must be an object.");
            }
            return Task.FromResult(Value.Of(merged.ToObject()));
        }
    }

    private sealed class Pick() : PieceAction<PickInput, Value>(
        "pick", "Pick properties", "The named properties of an object, or of every object of a list. A property that is not there is left out.", StepEffect.Pure, DataJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Any("from", "From", required: true, help: "An object or a list of objects."),
            Prop.List("names", "Names", required: true, help: "The names of the properties to keep, in this order."),
        ];

        protected override Task<Value> RunAsync(PickInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(input.From.Kind == ValueKind.List
                ? ValueList.Of(input.From.AsList.Select((item, index) => PickFrom(item, input.Names, $"from[{index}]")))
                : PickFrom(input.From, input.Names, "from"));

        private static Value PickFrom(Value from, IReadOnlyList<string> names, string field)
        {
            if (from.Kind != ValueKind.Object)
                throw PieceException.Input($"'{field}' must be an object.");
            var picked = new ValueObject.Builder();
            foreach (var name in names)
            {
                if (from.AsObject.TryGet(name, out var value))
                    picked.Set(name, value);
            }
            return Value.Of(picked.ToObject());
        }
    }

    private sealed class Set() : PieceAction<SetInput, Value>(
        "set", "Set a value", "Gives a value a name: the step's output is the value.", StepEffect.Pure, DataJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Any("value", "Value", help: "Any value; expressions in it are computed.")];

        protected override Task<Value> RunAsync(SetInput input, PieceContext context, CancellationToken cancel) => Task.FromResult(input.Value);
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(MapInput))]
    [JsonSerializable(typeof(MergeInput))]
    [JsonSerializable(typeof(PickInput))]
    [JsonSerializable(typeof(SetInput))]
    [JsonSerializable(typeof(TemplateInput))]
    private sealed partial class DataJson : JsonSerializerContext;
}
