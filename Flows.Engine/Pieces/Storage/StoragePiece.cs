using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Storage;

/// <summary>Keeps values between runs. Each action may be repeated: an increment is told apart by the step's idempotency key.</summary>
internal sealed partial class StoragePiece() : Piece("storage", "Storage", "Keeps values between runs, for the flow or for the whole project.")
{
    public override IReadOnlyList<PieceAction> Actions => [new Delete(), new Get(), new Increment(), new List(), new Put()];

    internal sealed record KeyInput(string Key, string Scope);
    internal sealed record GetInput(string Key, string Scope, Value Otherwise);
    internal sealed record IncrementInput(string Key, string Scope, decimal? By);
    internal sealed record ListInput(string? Prefix, string Scope, string? After, int Limit);
    internal sealed record PutInput(string Key, string Scope, Value Value);
    internal sealed record DeleteOutput(bool Deleted);
    internal sealed record ListOutput(IReadOnlyList<string> Keys, string? After);

    private static PropDescription Key { get; } = Prop.Text("key", "Key", required: true, help: $"At most {HostCalls.LongestKey} characters.");
    private static PropDescription Scope { get; } = Prop.Select("scope", "Belongs to", ["flow", "project"], "flow", help: "project: all flows of the project share it.");

    private sealed class Delete() : PieceAction<KeyInput, DeleteOutput>(
        "delete", "Delete a value", "Forgets a value, and tells whether there was one.", StepEffect.Idempotent, StorageJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Key, Scope];

        protected override async Task<DeleteOutput> RunAsync(KeyInput input, PieceContext context, CancellationToken cancel) =>
            new(await context.Storage.DeleteAsync(IsShared(input.Scope), Checked(input.Key), cancel));
    }

    private sealed class Get() : PieceAction<GetInput, Value>(
        "get", "Get a value", "The value that was put under the key.", StepEffect.Idempotent, StorageJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Key, Scope, Prop.Any("otherwise", "Otherwise", help: "What it is when there is none.")];

        protected override async Task<Value> RunAsync(GetInput input, PieceContext context, CancellationToken cancel)
        {
            var found = await context.Storage.GetAsync(IsShared(input.Scope), Checked(input.Key), cancel);
            return found.IsNull ? input.Otherwise : Value.FromJson(found);
        }
    }

    private sealed class Increment() : PieceAction<IncrementInput, Value>(
        "increment", "Add to a number", "Adds to the number under the key, from 0 when there is none, and gives the number after it.", StepEffect.Idempotent, StorageJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Key, Scope, Prop.Number("by", "Add", help: "1 when left out.")];

        protected override async Task<Value> RunAsync(IncrementInput input, PieceContext context, CancellationToken cancel)
        {
            var number = await context.Storage.IncrementAsync(IsShared(input.Scope), Checked(input.Key), input.By ?? 1, context.IdempotencyKey, cancel);
            return decimal.IsInteger(number) && number is >= long.MinValue and <= long.MaxValue ? Value.Of((long)number) : Value.Of((double)number);
        }
    }

    private sealed class List() : PieceAction<ListInput, ListOutput>(
        "list", "List keys", "The keys there are, in their order.", StepEffect.Idempotent, StorageJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("prefix", "Begins with"),
            Scope,
            Prop.Text("after", "After", help: "The output's 'after', for the keys that follow."),
            Prop.Integer("limit", "At most", otherwise: 100, help: $"From 1 to {HostCalls.MostKeys}."),
        ];

        protected override async Task<ListOutput> RunAsync(ListInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Limit is < 1 or > HostCalls.MostKeys)
                throw PieceException.Input($"'limit' must be from 1 to {HostCalls.MostKeys}; found {input.Limit}.");
            var keys = await context.Storage.ListAsync(IsShared(input.Scope), input.Prefix ?? "", input.After, input.Limit, cancel);
            return new ListOutput(keys, keys.Count == input.Limit ? keys[^1] : null);
        }
    }

    private sealed class Put() : PieceAction<PutInput, Value>(
        "put", "Put a value", "Keeps a value under the key, in place of the one before.", StepEffect.Idempotent, StorageJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Key, Scope, Prop.Any("value", "Value", help: $"At most {HostCalls.LargestValue / 1024} KiB of JSON; null deletes it.")];

        protected override async Task<Value> RunAsync(PutInput input, PieceContext context, CancellationToken cancel)
        {
            var json = input.Value.ToRawJson();
            if (json.Length > HostCalls.LargestValue)
                throw PieceException.Final($"'value' has {json.Length} bytes; at most {HostCalls.LargestValue} can be kept (limit: StoredValue).", "limit");
            if (input.Value.IsNull)
                await context.Storage.DeleteAsync(IsShared(input.Scope), Checked(input.Key), cancel);
            else
                await context.Storage.PutAsync(IsShared(input.Scope), Checked(input.Key), json, cancel);
            return input.Value;
        }
    }

    private static bool IsShared(string scope) => scope == "project";

    private static string Checked(string key) =>
        key.Length is > 0 and <= HostCalls.LongestKey && !key.Contains('\0', StringComparison.Ordinal)
            ? key
            : throw PieceException.Input($"'key' must have 1 to {HostCalls.LongestKey} characters; it has {key.Length}.");

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(KeyInput))]
    [JsonSerializable(typeof(GetInput))]
    [JsonSerializable(typeof(IncrementInput))]
    [JsonSerializable(typeof(ListInput))]
    [JsonSerializable(typeof(PutInput))]
    [JsonSerializable(typeof(DeleteOutput))]
    [JsonSerializable(typeof(ListOutput))]
    private sealed partial class StorageJson : JsonSerializerContext;
}
