using System.Text.Json.Serialization;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Contracts.EngineProtocol;

/// <summary>What a piece can be asked to do outside of a run. The numbers are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PieceCallKind>))]
public enum PieceCallKind
{
    /// <summary>Look for what is new at the service.</summary>
    Poll = 0,
    /// <summary>Register the flow's address at the service.</summary>
    Enable = 1,
    /// <summary>Take the address away from the service again.</summary>
    Disable = 2,
    /// <summary>List what an input may be set to.</summary>
    Options = 3,
    /// <summary>Find out whether the service takes the connection.</summary>
    Test = 4,
    /// <summary>Show what a polling trigger would give, from what there is now.</summary>
    Sample = 5,
    /// <summary>Evaluate expressions on sample data. No piece is asked.</summary>
    Expressions = 6,
}

/// <summary>Worker → engine: do this outside of a run. The engine does one at a time, never beside a run, and answers with <see cref="PieceAnswer"/>.</summary>
/// <param name="FlowId">Null for Options, Test and Sample, which belong to no flow.</param>
/// <param name="Part">The trigger (Poll, Enable, Disable, Sample) or the source (Options) by its name; empty for Test.</param>
/// <param name="Input">As in the definition; a trigger's has no expressions. For Options: what the form holds so far.</param>
/// <param name="Connection">Opened; null when there is none.</param>
/// <param name="TimeoutMs">Milliseconds, after which it is given up.</param>
/// <param name="MaxBytes">Largest event, and largest answer of the service, in bytes.</param>
/// <param name="Cursor">Poll: what the last poll has given; null for the first.</param>
/// <param name="Hook">Enable and Disable.</param>
/// <param name="Search">Options: what the user has typed; null for nothing.</param>
/// <param name="ConnectionProblem">Why the connection that is named has no value; the call fails with it.</param>
/// <param name="Context">Options and Sample: sample data that stands in for what the expressions in the input name, as for Expressions; null leaves them as they are written.</param>
public sealed record PieceRequest(
    Guid CallId,
    PieceCallKind Kind,
    Guid? FlowId,
    string Piece,
    string Part,
    RawJson Input,
    RawJson? Connection,
    int TimeoutMs,
    long MaxBytes,
    RawJson? Cursor = null,
    HookTerms? Hook = null,
    string? Search = null,
    StepError? ConnectionProblem = null,
    RawJson? Context = null);

/// <param name="Url">Where the service is to send to.</param>
/// <param name="Secret">Made for this hook alone: 64 letters and digits, for the service to prove itself with.</param>
/// <param name="State">What the trigger has kept when it was enabled; null before.</param>
public sealed record HookTerms(string Url, string Secret, RawJson? State = null);

/// <summary>Engine → worker: what became of a <see cref="PieceRequest"/>. Without an error, the field of its kind is set.</summary>
/// <param name="IsTransient">With an error: trying again may help.</param>
/// <param name="Events">Poll and Sample.</param>
/// <param name="State">Enable: what to hand to Disable. May hold secrets.</param>
/// <param name="Options">Options.</param>
/// <param name="Account">Test: whom the service takes the connection for; empty when it does not say.</param>
/// <param name="Values">Expressions: by the keys that were asked for.</param>
public sealed record PieceAnswer(
    Guid CallId,
    StepError? Error = null,
    bool IsTransient = false,
    TriggerEvents? Events = null,
    RawJson? State = null,
    IReadOnlyList<PropOption>? Options = null,
    string? Account = null,
    IReadOnlyDictionary<string, ExpressionOutcome>? Values = null);

/// <summary>The input of a call for <see cref="PieceCallKind.Expressions"/>.</summary>
/// <param name="Expressions">Texts as a definition has them, with their braces, under keys of the asker's choice.</param>
/// <param name="Context">A <see cref="PreviewContext"/>.</param>
public sealed record ExpressionQuestion(IReadOnlyDictionary<string, string> Expressions, PreviewContext Context);

/// <summary>What the names in an expression mean while there is no run.</summary>
/// <param name="Trigger">The trigger's output; undefined leaves the name unknown.</param>
/// <param name="Steps">Outputs by the names of their steps.</param>
/// <param name="Loop">By the name of each loop around the place: <c>{ item, index }</c>.</param>
/// <param name="Errors">What <c>errors</c> is; null for none.</param>
/// <param name="Variables">The project's variables, by key.</param>
/// <param name="Connections">By key: the fields of connections, with a mask in the place of every value.</param>
public sealed record PreviewContext(
    RawJson? Trigger = null,
    IReadOnlyDictionary<string, RawJson>? Steps = null,
    IReadOnlyDictionary<string, RawJson>? Loop = null,
    RawJson? Errors = null,
    IReadOnlyDictionary<string, RawJson>? Variables = null,
    IReadOnlyDictionary<string, RawJson>? Connections = null);

/// <summary>What one expression gives.</summary>
/// <param name="Type"><c>string</c>, <c>number</c>, <c>boolean</c>, <c>null</c>, <c>array</c> or <c>object</c>; null when it fails.</param>
/// <param name="Error">Set when it fails.</param>
public sealed record ExpressionOutcome(RawJson? Value = null, string? Type = null, ExpressionProblem? Error = null);

/// <param name="Message">One sentence, without the place.</param>
/// <param name="Position">Characters of the text before the place.</param>
/// <param name="Length">Characters of the text at fault; 0 at its end.</param>
public sealed record ExpressionProblem(string Message, int Position, int Length);

/// <summary>What a trigger has found.</summary>
/// <param name="Items">In the order in which their runs are to start.</param>
/// <param name="Cursor">Where the next poll begins; null keeps the one there is.</param>
/// <param name="HasMore">There is more to get at once.</param>
public sealed record TriggerEvents(
    IReadOnlyList<TriggerItem> Items, RawJson? Cursor = null, bool HasMore = false)
{
    /// <summary>Items that one call may give.</summary>
    public const int MostItems = 1_000;

    /// <summary>Items that are shown as a sample.</summary>
    public const int MostSamples = 5;
}

/// <param name="Key">Names the event at the service: of two items with the same key in a flow the second starts nothing. Null starts a run each time.</param>
/// <param name="Output">The trigger's output.</param>
public sealed record TriggerItem(string? Key, RawJson Output);

/// <param name="Value">What the input is set to.</param>
/// <param name="Label">What the form shows.</param>
public sealed record PropOption(string Value, string Label)
{
    /// <summary>Options that one call may give.</summary>
    public const int Most = 1_000;
}
