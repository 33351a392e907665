using System.Text.Json.Serialization;
using Flows.Contracts.Json;

namespace Flows.Contracts.Runs;

/// <summary>How a step stands. The numbers are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<StepStatus>))]
public enum StepStatus
{
    /// <summary>Started, and not yet finished: an intent. After a crash it tells what may have happened.</summary>
    Running = 0,
    Succeeded = 1,
    /// <summary>Failed, and the flow did not go on past it.</summary>
    Failed = 2,
    /// <summary>Failed, and the flow went on because its onError says so.</summary>
    FailedAndContinued = 3,
    /// <summary>Left out because the definition says <c>skip</c>.</summary>
    Skipped = 4,
    /// <summary>Waiting for its waitpoint.</summary>
    Paused = 5,
}

/// <summary>What it means to do a step twice. Declared by every action; decides what happens after a crash.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<StepEffect>))]
public enum StepEffect
{
    /// <summary>Can be computed again. Its result is journalled behind: nothing waits for it.</summary>
    Pure = 0,
    /// <summary>May be repeated: GET, PUT, DELETE, or a service that honours the idempotency key.</summary>
    Idempotent = 1,
    /// <summary>Must not be repeated blindly. Its intent is durable before it starts.</summary>
    Effect = 2,
}

/// <summary>Why a step failed, in words for the person who built the flow. Never contains a secret or a stack trace of the engine.</summary>
/// <param name="Code">A stable lower_snake word to branch on: <c>http_5xx</c>, <c>timeout</c>, <c>network</c>, <c>expression</c>, <c>code_error</c>, <c>input</c>, <c>limit</c>, <c>internal</c> …</param>
/// <param name="Message">One or two sentences that name the field and what was found.</param>
/// <param name="Detail">More data on the error when there is some, e.g. the status and body of an HTTP answer.</param>
public sealed record StepError(string Code, string Message, RawJson? Detail = null);

/// <summary>
/// One line of a run's journal, and at the same time what a person sees of a step. Unique by (run, path); a finished one is
/// never overwritten. Sent when the step starts (<see cref="StepStatus.Running"/>, the intent) and when it ends.
/// </summary>
/// <param name="Path">Where in the walk: <c>fetch</c>, <c>each[3].send</c>, <c>route:VIP.notify</c>.</param>
/// <param name="Name">The step's name in the definition.</param>
/// <param name="Kind">The step's kind in the definition: <c>action</c>, <c>code</c>, <c>router</c> …</param>
/// <param name="Attempt">Which try of the step this is, from 1; grows with the step's own retry policy.</param>
/// <param name="StartedAt">When the first try started.</param>
/// <param name="DurationMs">Milliseconds from start to end, all tries together; null while it runs.</param>
/// <param name="Input">The resolved input, secrets masked.</param>
/// <param name="Logs">What a code step wrote to its console, at most 64 KiB.</param>
/// <param name="Piece">Whose action it is, for the numbers of a worker; it is not stored. Null for other kinds.</param>
public sealed record StepRecord(
    string Path,
    string Name,
    string Kind,
    StepStatus Status,
    StepEffect Effect,
    int Attempt,
    DateTimeOffset StartedAt,
    double? DurationMs = null,
    RawJson? Input = null,
    RawJson? Output = null,
    StepError? Error = null,
    string? Logs = null,
    string? Piece = null)
{
    /// <summary>True when this line will never change: replay uses its result.</summary>
    [JsonIgnore]
    public bool IsFinished => !StepLines.Unfinished.Contains(Status);
}

/// <summary>The rule of the journal, as data: the UPDATE of a line is made from it.</summary>
public static class StepLines
{
    /// <summary>A line with one of these may be replaced by a newer one; every other stays as it is for ever.</summary>
    public static IReadOnlyList<StepStatus> Unfinished { get; } = [StepStatus.Running, StepStatus.Paused];
}
