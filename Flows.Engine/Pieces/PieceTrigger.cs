using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;

namespace Flows.Engine.Pieces;

/// <summary>What starts a flow. What it gives is the trigger's output. See <see cref="PollingTrigger{TInput}"/> and <see cref="HookTrigger{TInput}"/>.</summary>
/// <param name="name">lower_snake, unique in the piece.</param>
/// <param name="kind">As in <see cref="TriggerDescription"/>.</param>
/// <param name="sample">JSON of an output as it looks.</param>
internal abstract class PieceTrigger(string name, string title, string description, string kind, string sample)
{
    public string Name => name;

    /// <summary>The inputs, in the order the form shows them.</summary>
    public abstract IReadOnlyList<PropDescription> Props { get; }

    /// <summary>How the input record is read; null for a trigger whose input only the API reads.</summary>
    public virtual JsonTypeInfo? InputType => null;

    private protected virtual HookDescription? Hook => null;

    public TriggerDescription Describe()
    {
        using var document = JsonDocument.Parse(sample);
        return new TriggerDescription(name, title, description, kind, Props, document.RootElement.Clone(), Hook);
    }

    /// <param name="input">Checked by <see cref="ActionInput"/>, as for the calls below.</param>
    /// <exception cref="PieceException">It could not be done; the message tells the flow's builder why.</exception>
    public virtual Task<TriggerEvents> PollAsync(RawJson input, RawJson? cursor, PieceContext context, CancellationToken cancel) => throw Unasked();

    /// <returns>Some items of what there is now, the newest last; may be none.</returns>
    /// <exception cref="PieceException">It could not be done.</exception>
    public virtual Task<TriggerEvents> SampleAsync(RawJson input, PieceContext context, CancellationToken cancel) => throw Unasked();

    /// <returns>What <see cref="DisableAsync"/> needs; may hold secrets.</returns>
    /// <exception cref="PieceException">It could not be done.</exception>
    public virtual Task<RawJson> EnableAsync(RawJson input, HookTerms hook, PieceContext context, CancellationToken cancel) => throw Unasked();

    /// <exception cref="PieceException">It could not be done.</exception>
    public virtual Task DisableAsync(RawJson input, HookTerms hook, PieceContext context, CancellationToken cancel) => throw Unasked();

    private PieceException Unasked() => PieceException.Input($"the trigger '{name}' is of the kind '{kind}' and cannot be asked for this.");

    /// <exception cref="PieceException">Something inside an input has the wrong form.</exception>
    private protected static TInput Read<TInput>(RawJson input, JsonTypeInfo<TInput> type) where TInput : class
    {
        try
        {
            return JsonSerializer.Deserialize(input.Utf8.Span, type) ?? throw PieceException.Input("the input is null.");
        }
        catch (JsonException error)
        {
            throw PieceException.Input($"'{error.Path?.TrimStart('$', '.')}' has the wrong form.");
        }
    }

    private protected static JsonTypeInfo<T> TypeInfoOf<T>(JsonSerializerContext json) =>
        (JsonTypeInfo<T>?)json.GetTypeInfo(typeof(T))
        ?? throw new InvalidOperationException($"{json.GetType().Name} does not list {typeof(T).Name} with [JsonSerializable].");
}

/// <summary>A trigger that the API itself keeps: a webhook's address, the clock, a start by hand.</summary>
internal sealed class HostTrigger(
    string name, string title, string description, string kind, IReadOnlyList<PropDescription> props, string sample)
    : PieceTrigger(name, title, description, kind, sample)
{
    public override IReadOnlyList<PropDescription> Props => props;
}

/// <summary>
/// A trigger that asks its service again and again for what is new. It keeps nothing itself: where it has got to is the cursor, which is
/// committed with the runs that a poll starts, so that a crash neither loses an item nor starts it twice.
/// </summary>
/// <param name="json">The piece's generated serialisers; they list the input.</param>
internal abstract class PollingTrigger<TInput>(string name, string title, string description, string sample, JsonSerializerContext json)
    : PieceTrigger(name, title, description, "polling", sample) where TInput : class
{
    private readonly JsonTypeInfo<TInput> _input = TypeInfoOf<TInput>(json);

    public sealed override JsonTypeInfo InputType => _input;

    /// <summary>The trigger's own inputs; <see cref="PollInterval"/> comes behind them.</summary>
    protected abstract IReadOnlyList<PropDescription> OwnProps { get; }

    public sealed override IReadOnlyList<PropDescription> Props => [.. OwnProps, Prop.Duration(
        PollInterval.Input, "Look every", PollInterval.Otherwise, "A time from 00:00:10 to 7.00:00:00.")];

    public sealed override Task<TriggerEvents> PollAsync(RawJson input, RawJson? cursor, PieceContext context, CancellationToken cancel) =>
        PollAsync(Read(input, _input), cursor, context, cancel);

    public sealed override Task<TriggerEvents> SampleAsync(RawJson input, PieceContext context, CancellationToken cancel) =>
        SampleAsync(Read(input, _input), context, cancel);

    /// <summary>
    /// Looks for what is new. The first poll of a flow, without a cursor, starts nothing, whatever it gives: its cursor says where "now" is, and
    /// its items are those that are old. Items whose keys the flow has seen start nothing, so a service without an order needs no cursor of its own.
    /// </summary>
    protected abstract Task<TriggerEvents> PollAsync(TInput input, RawJson? cursor, PieceContext context, CancellationToken cancel);

    /// <summary>For the form: what items look like. Overridden where the first poll gives none.</summary>
    protected virtual Task<TriggerEvents> SampleAsync(TInput input, PieceContext context, CancellationToken cancel) => PollAsync(input, cursor: null, context, cancel);
}

/// <summary>
/// A trigger that registers an address of the flow at its service when the flow is enabled, and takes it away when the flow is disabled. Both are
/// done again after a crash: enabling twice leaves one hook where the service lets it be found, and disabling what is gone succeeds.
/// Requests that come are read by the API as <see cref="Hook"/> says, so that no call waits for a piece and none that is not signed starts anything.
/// </summary>
/// <param name="hook">How the service proves itself, and where in a request its event stands.</param>
/// <param name="json">The piece's generated serialisers; they list the input.</param>
internal abstract class HookTrigger<TInput>(string name, string title, string description, string sample, HookDescription hook, JsonSerializerContext json)
    : PieceTrigger(name, title, description, "hook", sample) where TInput : class
{
    private readonly JsonTypeInfo<TInput> _input = TypeInfoOf<TInput>(json);

    public sealed override JsonTypeInfo InputType => _input;

    private protected sealed override HookDescription Hook => hook;

    public sealed override Task<RawJson> EnableAsync(RawJson input, HookTerms hook, PieceContext context, CancellationToken cancel) =>
        OnEnableAsync(Read(input, _input), hook, context, cancel);

    public sealed override Task DisableAsync(RawJson input, HookTerms hook, PieceContext context, CancellationToken cancel) =>
        OnDisableAsync(Read(input, _input), hook, context, cancel);

    /// <returns>What is needed to take the hook away, such as its id at the service.</returns>
    protected abstract Task<RawJson> OnEnableAsync(TInput input, HookTerms hook, PieceContext context, CancellationToken cancel);

    protected abstract Task OnDisableAsync(TInput input, HookTerms hook, PieceContext context, CancellationToken cancel);
}
