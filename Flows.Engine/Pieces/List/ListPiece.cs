using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.List;

/// <summary>Works on lists. A path such as <c>address.city</c> says where in an item a value is; an item without it has null there.</summary>
internal sealed partial class ListPiece() : Piece("list", "List", "Filters, sorts, groups and sums lists.")
{
    private const string PathHelp = "A path such as city or address.city. Left out, the items themselves.";

    public override IReadOnlyList<PieceAction> Actions =>
        [new Aggregate(), new Chunk(), new Filter(), new Flatten(), new GroupBy(), new SortBy(), new UniqueBy()];

    internal sealed record AggregateInput(Value Items, string Operation, string? By, string? GroupBy);
    internal sealed record ChunkInput(Value Items, long Size);
    internal sealed record FilterInput(Value Items, string? By, string Operator, Value Value, bool CaseSensitive, bool Exclude);
    internal sealed record FlattenInput(Value Items, long Depth);
    internal sealed record KeyInput(Value Items, string? By);
    internal sealed record SortInput(Value Items, string? By, string Direction);

    private static readonly Formula s_keys = new("items.map(item => get(item, by))");

    /// <summary>For each item the value at the path, or null.</summary>
    private static ValueList Keys(PieceContext context, Value items, string? by, string field = "by") =>
        by is null ? items.AsList : s_keys.Of(context, field, ("items", items), ("by", Value.Of(by))).AsList;

    /// <summary>The items of each key, keys and items in the order in which they first came.</summary>
    private static OrderedDictionary<Value, List<Value>> Groups(ValueList items, ValueList keys)
    {
        var groups = new OrderedDictionary<Value, List<Value>>();
        for (var i = 0; i < items.Count; i++)
        {
            if (!groups.TryGetValue(keys[i], out var group))
                groups[keys[i]] = group = [];
            group.Add(items[i]);
        }
        return groups;
    }

    private sealed class Aggregate() : PieceAction<AggregateInput, Value>(
        "aggregate", "Aggregate", "One value of a list, such as a sum, or one for each group: a list of { key, value }.", StepEffect.Pure, ListJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.List("items", "Items", required: true),
            Prop.Select("operation", "Operation", ["count", "sum", "average", "median", "min", "max", "first", "last"], "count",
                help: "An item whose value is null does not count. Of no items sum and count are 0, the others null."),
            Prop.Text("by", "Where the value is", help: PathHelp),
            Prop.Text("groupBy", "Group by", help: "A path. Left out, the whole list gives one value."),
        ];

        protected override Task<Value> RunAsync(AggregateInput input, PieceContext context, CancellationToken cancel)
        {
            var formula = new Formula($"{input.Operation}(values)");
            Value Of(IEnumerable<Value> values) => formula.Of(context, "items", ("values", ValueList.Of(values.Where(value => !value.IsNull))));
            var values = Keys(context, input.Items, input.By);
            if (input.GroupBy is null)
                return Task.FromResult(Of(values));
            var groups = Groups(values, Keys(context, input.Items, input.GroupBy, "groupBy"));
            return Task.FromResult(ValueList.Of(groups.Select(group => ValueObject.Of(new("key", group.Key), new("value", Of(group.Value))))));
        }
    }

    private sealed class Chunk() : PieceAction<ChunkInput, Value>(
        "chunk", "Cut into chunks", "Lists of so many items each; the last one has the rest.", StepEffect.Pure, ListJson.Default)
    {
        private static readonly Formula s_chunk = new("items.chunk(size)");

        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.List("items", "Items", required: true), Prop.Integer("size", "Size", required: true, help: "1 or more.")];

        protected override Task<Value> RunAsync(ChunkInput input, PieceContext context, CancellationToken cancel) => input.Size is < 1 or > int.MaxValue
            ? throw PieceException.Input($"'size' must be 1 or more; found {input.Size}.")
            : Task.FromResult(s_chunk.Of(context, "items", ("items", input.Items), ("size", Value.Of(input.Size))));
    }

    private sealed class Filter() : PieceAction<FilterInput, Value>(
        "filter", "Filter", "The items for which a test holds, as in the conditions of a router.", StepEffect.Pure, ListJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.List("items", "Items", required: true),
            Prop.Text("by", "What is tested", help: PathHelp),
            Prop.Select("operator", "Test", [.. ConditionOperators.All.Select(known => known.Name)], "exists"),
            Prop.Any("value", "Compared with", help: "Not for exists, boolean_is_true and other tests of one value."),
            Prop.Flag("caseSensitive", "Capitals count", otherwise: false),
            Prop.Flag("exclude", "Give the items for which it does not hold", otherwise: false),
        ];

        protected override Task<Value> RunAsync(FilterInput input, PieceContext context, CancellationToken cancel)
        {
            var test = new ItemTest(input.Operator, input.Value, input.CaseSensitive, context);
            var tested = Keys(context, input.Items, input.By);
            return Task.FromResult(ValueList.Of(input.Items.AsList.Where((_, i) => test.Holds(tested[i], i) != input.Exclude)));
        }
    }

    private sealed class Flatten() : PieceAction<FlattenInput, Value>(
        "flatten", "Flatten", "The list with lists inside it replaced by their items.", StepEffect.Pure, ListJson.Default)
    {
        private static readonly Formula s_flatten = new("items.flatten(depth)");

        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.List("items", "Items", required: true), Prop.Integer("depth", "Levels", otherwise: 1, help: $"0 to {Value.MaxDepth}.")];

        protected override Task<Value> RunAsync(FlattenInput input, PieceContext context, CancellationToken cancel) => input.Depth is < 0 or > Value.MaxDepth
            ? throw PieceException.Input($"'depth' must be 0 to {Value.MaxDepth}; found {input.Depth}.")
            : Task.FromResult(s_flatten.Of(context, "items", ("items", input.Items), ("depth", Value.Of(input.Depth))));
    }

    private sealed class GroupBy() : PieceAction<KeyInput, Value>(
        "group_by", "Group by", "A list of { key, items }: for each key its items, in the order in which they came.", StepEffect.Pure, ListJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.List("items", "Items", required: true), Prop.Text("by", "Key", help: PathHelp)];

        protected override Task<Value> RunAsync(KeyInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(ValueList.Of(Groups(input.Items.AsList, Keys(context, input.Items, input.By))
                .Select(group => ValueObject.Of(new("key", group.Key), new("items", ValueList.Of(group.Value))))));
    }

    private sealed class SortBy() : PieceAction<SortInput, Value>(
        "sort_by", "Sort by", "The items sorted: numbers by size, texts by character. Null comes last; items with equal keys keep their order.", StepEffect.Pure, ListJson.Default)
    {
        private static readonly Formula s_sort = new("keys.map((key, at) => ({ key: key, at: at })).sortBy('key', direction).map(pair => items[pair.at])");

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.List("items", "Items", required: true),
            Prop.Text("by", "Key", help: PathHelp),
            Prop.Select("direction", "Direction", ["asc", "desc"], "asc"),
        ];

        protected override Task<Value> RunAsync(SortInput input, PieceContext context, CancellationToken cancel)
        {
            var keys = Keys(context, input.Items, input.By);
            var kind = keys.FirstOrDefault(key => !key.IsNull).Kind;
            for (var i = 0; i < keys.Count; i++)
            {
                if (!keys[i].IsNull && (keys[i].Kind != kind || kind is ValueKind.List or ValueKind.Object))
                    throw PieceException.Input($"'items' must have keys that are all numbers, all texts or all booleans; found {ValueText.Of(keys[i])} at position {i}.");
            }
            return Task.FromResult(s_sort.Of(context, "items", ("items", input.Items), ("keys", Value.Of(keys)), ("direction", Value.Of(input.Direction))));
        }
    }

    private sealed class UniqueBy() : PieceAction<KeyInput, Value>(
        "unique_by", "Unique by", "The first item of each key.", StepEffect.Pure, ListJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.List("items", "Items", required: true), Prop.Text("by", "Key", help: PathHelp)];

        protected override Task<Value> RunAsync(KeyInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(ValueList.Of(Groups(input.Items.AsList, Keys(context, input.Items, input.By)).Values.Select(group => group[0])));
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(AggregateInput))]
    [JsonSerializable(typeof(ChunkInput))]
    [JsonSerializable(typeof(FilterInput))]
    [JsonSerializable(typeof(FlattenInput))]
    [JsonSerializable(typeof(KeyInput))]
    [JsonSerializable(typeof(SortInput))]
    private sealed partial class ListJson : JsonSerializerContext;
}
