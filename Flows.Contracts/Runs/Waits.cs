using System.Text.Json.Serialization;
using Flows.Contracts.Json;

namespace Flows.Contracts.Runs;

/// <summary>What a paused step waits for. The numbers are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<WaitKind>))]
public enum WaitKind
{
    /// <summary>A time span is over.</summary>
    Delay = 0,
    /// <summary>A moment has come.</summary>
    Until = 1,
    /// <summary>Somebody calls the step's resume link.</summary>
    Webhook = 2,
    /// <summary>People approve or refuse.</summary>
    Approval = 3,
    /// <summary>The run of another flow ends, or, when it is not awaited, has been started.</summary>
    Call = 4,
    /// <summary>The delay before the next try of a failed step is over.</summary>
    Retry = 5,
}

/// <summary>A step that waits, as an engine reports it. Reporting the same one again changes nothing.</summary>
/// <param name="Path">Unique within the run: the step's path; a later try of it adds <c>#2</c> (the delay before) or <c>@2</c> (the call itself).</param>
/// <param name="DueAt">Delay, until, retry: when the wait is over. The others: when it has expired.</param>
/// <param name="Approvers">Approvals needed, from 1; 0 for other kinds.</param>
/// <param name="Message">For the approver.</param>
/// <param name="Call">The run to start; set for a call.</param>
public sealed record WaitRequest(string Path, WaitKind Kind, DateTimeOffset DueAt, int Approvers = 0, RawJson? Message = null, CallRequest? Call = null);

/// <param name="Flow">Id or key of a flow of the same project.</param>
/// <param name="Input">What its trigger gives.</param>
/// <param name="Await">False: the wait is over when the run has been started.</param>
public sealed record CallRequest(string Flow, RawJson Input, bool Await);

/// <summary>How a wait stands. The numbers are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<WaitStatus>))]
public enum WaitStatus
{
    Open = 0,
    /// <summary>What was waited for has happened.</summary>
    Completed = 1,
    /// <summary>It has not happened in time.</summary>
    Expired = 2,
    /// <summary>It has come to a bad end: the run that was called failed or could not be started.</summary>
    Failed = 3,
    /// <summary>The run ended first.</summary>
    Dropped = 4,
}

/// <summary>A wait that the API knows of, handed to the engine with a claim.</summary>
/// <param name="Path">As in the <see cref="WaitRequest"/>.</param>
/// <param name="Output">Completed: what came of it.</param>
/// <param name="Error">Failed: why.</param>
public sealed record WaitState(string Path, WaitStatus Status, RawJson? Output = null, StepError? Error = null);

/// <summary>What a run needs to know in order to wait.</summary>
/// <param name="LeftMs">Milliseconds that the run may still spend paused.</param>
/// <param name="LinkBase">Where callers outside reach the API, without a slash at the end.</param>
/// <param name="LinkKey">Signs this run's links: see <see cref="ResumeToken"/>.</param>
public sealed record PauseTerms(long LeftMs, string LinkBase, byte[] LinkKey);

/// <summary>Moments of waits as text: UTC, to the millisecond.</summary>
public static class WaitTimes
{
    public static string TextOf(DateTimeOffset moment) =>
        moment.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.FFF'Z'", System.Globalization.CultureInfo.InvariantCulture);
}
