using System.Globalization;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Redis;

/// <summary>Reads and writes a Redis (or Valkey) server. A step opens one connection and closes it.</summary>
internal sealed partial class RedisPiece() : Piece("redis", "Redis", "Reads and writes keys, lists and channels of a Redis server.")
{
    private const int Port = 6379;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    public override AuthDescription Auth { get; } = new("custom", "Redis server", "The database is chosen by the step.", ServerConnection.Fields(Port, ["tls", "none"]));

    public override IReadOnlyList<PieceAction> Actions => [new Delete(), new Get(), new Increment(), new Publish(), new Push(), new Set()];

    internal sealed record KeyInput(string Key, int Database);
    internal sealed record IncrementInput(string Key, long By, int Database);
    internal sealed record PublishInput(string Channel, Value Message);
    internal sealed record PushInput(string Key, Value Value, string End, int Database);
    internal sealed record SetInput(string Key, Value Value, int? Seconds, bool OnlyNew, int Database);

    private static PropDescription Key { get; } = Prop.Text("key", "Key", required: true);
    private static PropDescription Database { get; } = Prop.Integer("database", "Database", otherwise: 0);

    private sealed class Delete() : PieceAction<KeyInput, Value>("delete", "Delete a key", "Deletes a key, and tells whether there was one.", StepEffect.Idempotent, RedisJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Key, Database];

        protected override async Task<Value> RunAsync(KeyInput input, PieceContext context, CancellationToken cancel) =>
            Value.Of(await AskAsync(context, input.Database, cancel, "DEL", input.Key) == Value.Of(1));
    }

    private sealed class Get() : PieceAction<KeyInput, Value>("get", "Get a value", "The text under a key; null when there is none.", StepEffect.Idempotent, RedisJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Key, Database];

        protected override Task<Value> RunAsync(KeyInput input, PieceContext context, CancellationToken cancel) => AskAsync(context, input.Database, cancel, "GET", input.Key);
    }

    private sealed class Increment() : PieceAction<IncrementInput, Value>("increment", "Add to a number", "Adds to the whole number under a key, and gives it.", StepEffect.Effect, RedisJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Key, Prop.Integer("by", "Add", otherwise: 1), Database];

        protected override Task<Value> RunAsync(IncrementInput input, PieceContext context, CancellationToken cancel) =>
            AskAsync(context, input.Database, cancel, "INCRBY", input.Key, Text(input.By));
    }

    private sealed class Publish() : PieceAction<PublishInput, Value>("publish", "Publish a message", "Sends a message to a channel, and tells how many received it.", StepEffect.Effect, RedisJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } = [Prop.Text("channel", "Channel", required: true), Prop.Any("message", "Message", required: true, help: "A text as it is, anything else as JSON.")];

        protected override Task<Value> RunAsync(PublishInput input, PieceContext context, CancellationToken cancel) =>
            AskAsync(context, 0, cancel, "PUBLISH", input.Channel, input.Message.ToString());
    }

    private sealed class Push() : PieceAction<PushInput, Value>("push", "Push to a list", "Adds a value to a list, and gives its length.", StepEffect.Effect, RedisJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Key, Prop.Any("value", "Value", required: true, help: "A text as it is, anything else as JSON."), Prop.Select("end", "At its", ["right", "left"], "right"), Database];

        protected override Task<Value> RunAsync(PushInput input, PieceContext context, CancellationToken cancel) =>
            AskAsync(context, input.Database, cancel, input.End == "left" ? "LPUSH" : "RPUSH", input.Key, input.Value.ToString());
    }

    private sealed class Set() : PieceAction<SetInput, Value>("set", "Set a value", "Puts a value under a key; false when it was to be new and was not.", effect: null, RedisJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Key,
            Prop.Any("value", "Value", required: true, help: "A text as it is, anything else as JSON."),
            Prop.Integer("seconds", "Forget it after (seconds)", help: "Never when left out."),
            Prop.Flag("onlyNew", "Only when there is none", otherwise: false),
            Database,
        ];

        // Twice is not once when the key must be new: the second time it says false.
        protected override StepEffect EffectOf(SetInput input) => input.OnlyNew ? StepEffect.Effect : StepEffect.Idempotent;

        protected override async Task<Value> RunAsync(SetInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Seconds is < 1)
                throw PieceException.Input($"'seconds' must be 1 or more; found {input.Seconds}.");
            var command = new List<string> { "SET", input.Key, input.Value.ToString() };
            if (input.Seconds is { } seconds)
                command.AddRange(["EX", Text(seconds)]);
            if (input.OnlyNew)
                command.Add("NX");
            return Value.Of(!(await AskAsync(context, input.Database, cancel, [.. command])).IsNull);
        }
    }

    private static async Task<Value> AskAsync(PieceContext context, int database, CancellationToken cancel, params string[] command)
    {
        var server = ServerConnection.Of(context, Port, "tls");
        using var time = new CancellationTokenSource(s_patience, context.Clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, time.Token);
        try
        {
            await using var redis = new RespClient(await server.OpenAsync(context, either.Token), context.MaxBytes);
            if (server.Password is { } password)
                await redis.AskAsync(either.Token, server.Username is { } user ? ["AUTH", user, password] : ["AUTH", password]);
            if (database != 0)
                await redis.AskAsync(either.Token, "SELECT", Text(database));
            return await redis.AskAsync(either.Token, command);
        }
        catch (OperationCanceledException) when (time.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw PieceException.Transient($"{server.Host}:{server.Port} did not answer within {s_patience:c}.", StepErrorCodes.Timeout);
        }
        catch (IOException error)
        {
            throw PieceException.Transient($"the connection to {server.Host}:{server.Port} broke off: {error.Message.TrimEnd('.')}.", StepErrorCodes.Network);
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(KeyInput))]
    [JsonSerializable(typeof(IncrementInput))]
    [JsonSerializable(typeof(PublishInput))]
    [JsonSerializable(typeof(PushInput))]
    [JsonSerializable(typeof(SetInput))]
    private sealed partial class RedisJson : JsonSerializerContext;
}
