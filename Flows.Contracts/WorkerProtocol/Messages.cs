using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Contracts.WorkerProtocol;

/// <summary>The routes between worker and API, under the worker token. Both sides use these, so that they cannot drift apart.</summary>
public static class WorkerRoutes
{
    /// <summary>POST <see cref="ClaimRequest"/> → <see cref="ClaimResponse"/>.</summary>
    public const string Claim = "/internal/runs/claim";
    /// <summary>POST <see cref="ReportRequest"/> → <see cref="ReportResponse"/>.</summary>
    public const string Report = "/internal/runs/report";
    /// <summary>POST <see cref="HeartbeatRequest"/> → <see cref="HeartbeatResponse"/>.</summary>
    public const string Heartbeat = "/internal/workers/heartbeat";
    /// <summary>GET → <see cref="FlowVersionDocument"/>; immutable, so a worker keeps what it has fetched.</summary>
    public const string Version = "/internal/versions/{versionId}";

    /// <summary>GET → the JSON of an <see cref="ApartValue"/>, as it is; 404 when there is none.</summary>
    public const string Value = "/internal/runs/{runId}/values/{valueId}";

    /// <summary>POST <see cref="HostCallRequest"/> → <see cref="HostCallResponse"/>; 409 when the run is no longer this attempt's.</summary>
    public const string HostCall = "/internal/runs/{runId}/calls";

    /// <summary>POST <see cref="PieceQuestion"/> → <see cref="PieceOffer"/>, which may take a second.</summary>
    public const string NextPieceCall = "/internal/pieces/next";
    /// <summary>POST <see cref="PieceReport"/> → <see cref="PieceTaken"/>; 409 when the call is no longer this worker's.</summary>
    public const string PieceAnswer = "/internal/pieces/answer";
    /// <summary>POST <see cref="RefusedToken"/> → <see cref="OtherToken"/>, which may take as long as the service's answer; 409 when the call is no longer this worker's.</summary>
    public const string PieceToken = "/internal/pieces/token";

    /// <summary>Sent with every request; the API refuses a number it does not know with 426 and says which it speaks.</summary>
    public const string ProtocolHeader = "Flows-Protocol";
    public const int CurrentProtocol = 1;
}

/// <summary>A worker has jobs for these runs and a free slot for each of them.</summary>
/// <param name="Worker">The worker's id, new with each process.</param>
/// <param name="FetchesValues">The worker fetches what a claim leaves apart; without it every claim is whole.</param>
/// <param name="TakesTests">The worker hands a run's <see cref="TestPlan"/> on; without it no run that has one is given to it, because it would do what is given.</param>
public sealed record ClaimRequest(string Worker, IReadOnlyList<Guid> Runs, bool FetchesValues = false, bool TakesTests = false);

/// <param name="Claims">The runs that are now this worker's.</param>
/// <param name="NotNow">Runs that must wait, e.g. for their project's limit: give the job back to the queue.</param>
/// <remarks>A run in neither list is finished, cancelled, paused or another worker's: drop the job.</remarks>
public sealed record ClaimResponse(IReadOnlyList<RunClaim> Claims, IReadOnlyList<Guid> NotNow);

/// <summary>A run handed to one worker.</summary>
/// <param name="Attempt">The fencing token: every report must carry it, and a newer claim makes it worthless.</param>
/// <param name="LeaseMs">Milliseconds, from the arrival of this answer, within which a heartbeat must renew the claim.</param>
/// <param name="ActiveMs">Milliseconds of active time that the run has left before it is timed out.</param>
/// <param name="Journal">Every line of earlier attempts.</param>
/// <param name="Inputs">By step path: inputs that a person has put in the place of those in the definition; null for none.</param>
/// <param name="Waits">Waits of earlier attempts whose step has not ended, and those that somebody has ended before the run got there.</param>
/// <param name="Pauses">How long the run may wait and how its links are made.</param>
/// <param name="Apart">Values that are to be fetched and put in their places before the run is walked; null for none.</param>
/// <param name="LogBytes">Inputs and outputs of the finished steps together, in bytes of JSON, as they count against the run's limit.</param>
/// <param name="IsOnItsOwn">No other run waits for this one: to be repeated in its reports.</param>
/// <param name="ConnectionProblems">By key: why a connection that the flow names is not among <paramref name="Connections"/>; null for none.</param>
/// <param name="TraceParent">Where the trace of the run begins, as in the header traceparent; null when it is not traced.</param>
/// <param name="Test">What a test run takes as given and where it ends; null for every other run.</param>
/// <param name="OnUncertain">What the project wants of uncertain effects whose step does not say.</param>
public sealed record RunClaim(
    Guid RunId,
    int Attempt,
    Guid ProjectId,
    Guid FlowId,
    string FlowName,
    Guid VersionId,
    RunEnvironment Environment,
    int LeaseMs,
    long ActiveMs,
    RawJson Trigger,
    IReadOnlyList<StepRecord> Journal,
    IReadOnlyDictionary<string, RawJson> Connections,
    IReadOnlyDictionary<string, RawJson> Variables,
    IReadOnlyDictionary<string, RawJson>? Inputs = null,
    IReadOnlyList<WaitState>? Waits = null,
    PauseTerms? Pauses = null,
    IReadOnlyList<ApartValue>? Apart = null,
    long LogBytes = 0,
    bool IsOnItsOwn = false,
    IReadOnlyDictionary<string, StepError>? ConnectionProblems = null,
    string? TraceParent = null,
    TestPlan? Test = null,
    UncertainPolicy OnUncertain = UncertainPolicy.Ask);

/// <summary>Where in a claim a value belongs.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ValuePlace>))]
public enum ValuePlace
{
    Trigger = 0,
    /// <summary>The input of the journal line at the path; likewise the two below. An error is the whole error.</summary>
    StepInput = 1,
    StepOutput = 2,
    StepError = 3,
    /// <summary>The output of the wait at the path.</summary>
    WaitOutput = 4,
    /// <summary>All edited inputs.</summary>
    Inputs = 5,
}

/// <summary>A value that a claim has left out because of its size; see <see cref="WorkerRoutes.Value"/>.</summary>
/// <param name="Path">Of the step or the wait; null where the place says enough.</param>
/// <param name="Size">Bytes of its JSON.</param>
public sealed record ApartValue(ValuePlace Place, string? Path, Guid Id, int Size);

public sealed record FlowVersionDocument(Guid VersionId, RawJson Definition);

/// <summary>What has happened in several runs; committed in one transaction.</summary>
public sealed record ReportRequest(string Worker, IReadOnlyList<RunReport> Runs);

/// <param name="Steps">New journal lines, at most one for a path: the latest.</param>
/// <param name="Response">The answer to the waiting caller, once.</param>
/// <param name="Outcome">Set when this worker is done with the run; the claim ends with it.</param>
/// <param name="IsOnItsOwn">As the claim said. It spares the search for a run that waits for this one; if it were wrong, the sweeper would find that one.</param>
public sealed record RunReport(
    Guid RunId, int Attempt, IReadOnlyList<StepRecord> Steps, RunResponse? Response = null, RunOutcome? Outcome = null, bool IsOnItsOwn = false);

/// <param name="Stale">Reports that were refused as a whole, because the run is no longer this attempt's: end its engine, drop its job. Everything else is committed.</param>
public sealed record ReportResponse(IReadOnlyList<HeldRun> Stale);

/// <summary>Renews the claims of a worker and tells that it lives. Sent every 2 s.</summary>
public sealed record HeartbeatRequest(string Worker, WorkerInfo Info, IReadOnlyList<HeldRun> Held);

/// <param name="LeaseMs">The renewed lease, from the arrival of this answer.</param>
/// <param name="Lost">Claims that were not renewed (cancelled, expired or taken over): end their engines at once.</param>
/// <param name="End">Set when the worker is to end itself at once, as if it had been killed, in the middle of this run: only where it was told that it may, and
/// while it holds the run as this attempt.</param>
public sealed record HeartbeatResponse(int LeaseMs, IReadOnlyList<HeldRun> Lost, HeldRun? End = null);

public sealed record HeldRun(Guid RunId, int Attempt);

/// <summary>What an operator sees of a worker.</summary>
/// <param name="Engines">Engine processes alive, busy and warm.</param>
/// <param name="Limits">Who holds its processes to their limits, in words.</param>
/// <param name="AllowsChaos">It ends itself when a <see cref="HeartbeatResponse.End"/> says so.</param>
public sealed record WorkerInfo(string Version, string Host, int ProcessId, DateTimeOffset StartedAt, int Concurrency, int Running, int Engines, string ExecutionMode,
    string? ModeReason = null, string? NetworkMode = null, string? NetworkReason = null, bool AllowsChaos = false, string? Limits = null);

/// <summary>A step wants something of the API: see <see cref="HostCalls"/>. Repeating a request changes nothing that the first has not.</summary>
/// <param name="Attempt">The claim; a call of an old one is refused.</param>
public sealed record HostCallRequest(string Worker, int Attempt, string Call, RawJson Arguments, byte[]? Data = null);

/// <param name="Error">Why it was not done, for the step that wanted it.</param>
/// <param name="IsTransient">True when it may be done later.</param>
public sealed record HostCallResponse(RawJson Result, byte[]? Data = null, StepError? Error = null, bool IsTransient = false);

/// <summary>A worker has a free place for a call of a piece outside of a run.</summary>
public sealed record PieceQuestion(string Worker);

/// <param name="Call">Null when there is none to do.</param>
public sealed record PieceOffer(PieceClaim? Call);

/// <summary>A call handed to one worker, with its connection opened.</summary>
/// <param name="Id">What it is for, in the tables of its kind.</param>
/// <param name="Attempt">The fencing token: the answer carries it, and a newer claim makes it worthless.</param>
public sealed record PieceClaim(Guid ProjectId, Guid Id, long Attempt, PieceRequest Request);

public sealed record PieceReport(string Worker, Guid Id, long Attempt, PieceCallKind Kind, PieceAnswer Answer);

/// <summary>The service of a call has refused its connection's token: another one is wanted, to ask once more.</summary>
/// <param name="Token"><see cref="TokenMark"/> of the refused one.</param>
public sealed record RefusedToken(string Worker, Guid Id, long Attempt, PieceCallKind Kind, string Token);

/// <param name="Connection">Opened, with the other token; null when there is none.</param>
/// <param name="Problem">Why there is none.</param>
/// <param name="IsTransient">There may be one later.</param>
public sealed record OtherToken(RawJson? Connection, StepError? Problem = null, bool IsTransient = false);

/// <param name="Runs">How many were started by it.</param>
public sealed record PieceTaken(int Runs);

// The depth leaves room around values of any depth that a payload may have: one deep payload must not spoil a batch.
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 256)]
[JsonSerializable(typeof(ClaimRequest))]
[JsonSerializable(typeof(ClaimResponse))]
[JsonSerializable(typeof(FlowVersionDocument))]
[JsonSerializable(typeof(ReportRequest))]
[JsonSerializable(typeof(ReportResponse))]
[JsonSerializable(typeof(HostCallRequest))]
[JsonSerializable(typeof(HostCallResponse))]
[JsonSerializable(typeof(PieceQuestion))]
[JsonSerializable(typeof(PieceOffer))]
[JsonSerializable(typeof(PieceReport))]
[JsonSerializable(typeof(PieceTaken))]
[JsonSerializable(typeof(RefusedToken))]
[JsonSerializable(typeof(OtherToken))]
[JsonSerializable(typeof(HeartbeatRequest))]
[JsonSerializable(typeof(HeartbeatResponse))]
public sealed partial class WorkerJson : JsonSerializerContext;
