using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Engine.Pieces;

/// <summary>Something a step can have a piece do.</summary>
/// <param name="name">lower_snake, unique in the piece.</param>
/// <param name="effect">What doing it twice means; null when that depends on the input.</param>
internal abstract class PieceAction(string name, string title, string description, StepEffect? effect)
{
    public string Name => name;

    /// <summary>Effect as declared; null when it depends on the input.</summary>
    public StepEffect? Effect => effect;

    /// <summary>The inputs, in the order the form shows them. The names are those of the input record, in camelCase.</summary>
    public abstract IReadOnlyList<PropDescription> Props { get; }

    /// <summary>How the input record is read; the conformance test compares it with the props.</summary>
    public abstract JsonTypeInfo InputType { get; }

    /// <summary>Reads an input whose props were checked by <see cref="ActionInput"/>.</summary>
    /// <exception cref="PieceException">Something inside a prop has the wrong form.</exception>
    public abstract PieceCall Prepare(RawJson input);

    public ActionDescription Describe() => new(name, title, description, effect, Props);
}

/// <summary>An action with its input, ready to be done.</summary>
/// <param name="Effect">Known before it is done: the engine makes the intent durable first.</param>
internal sealed record PieceCall(StepEffect Effect, Func<PieceContext, CancellationToken, Task<RawJson>> RunAsync);

/// <summary>An action with typed input and output.</summary>
/// <param name="json">The piece's generated serialisers; it lists both types with <see cref="JsonSerializableAttribute"/>.</param>
internal abstract class PieceAction<TInput, TOutput>(
    string name, string title, string description, StepEffect? effect, JsonSerializerContext json)
    : PieceAction(name, title, description, effect)
    where TInput : class
{
    private readonly JsonTypeInfo<TInput> _input = TypeInfoOf<TInput>(json);
    private readonly JsonTypeInfo<TOutput> _output = TypeInfoOf<TOutput>(json);

    public sealed override JsonTypeInfo InputType => _input;

    public sealed override PieceCall Prepare(RawJson input)
    {
        TInput typed;
        try
        {
            typed = JsonSerializer.Deserialize(input.Utf8.Span, _input)
                ?? throw PieceException.Input("the input is null.");
        }
        catch (JsonException error)
        {
            throw PieceException.Input($"'{error.Path?.TrimStart('$', '.')}' has the wrong form.");
        }
        return new PieceCall(EffectOf(typed), async (context, cancel) => Written(await RunAsync(typed, context, cancel)));
    }

    /// <summary>The effect with this input; overridden where <see cref="PieceAction.Effect"/> is null.</summary>
    protected virtual StepEffect EffectOf(TInput input) =>
        Effect ?? throw new InvalidOperationException($"The action {Name} declares no effect and computes none.");

    /// <summary>Does it.</summary>
    /// <exception cref="PieceException">It could not be done; the message tells the flow's builder why.</exception>
    protected abstract Task<TOutput> RunAsync(TInput input, PieceContext context, CancellationToken cancel);

    private RawJson Written(TOutput output)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer, PieceJson.Writing))
            JsonSerializer.Serialize(writer, output, _output);
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private static JsonTypeInfo<T> TypeInfoOf<T>(JsonSerializerContext json) =>
        (JsonTypeInfo<T>?)json.GetTypeInfo(typeof(T))
        ?? throw new InvalidOperationException($"{json.GetType().Name} does not list {typeof(T).Name} with [JsonSerializable].");
}
