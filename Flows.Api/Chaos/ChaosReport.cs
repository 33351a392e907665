using System.Text.Json.Serialization;
using Flows.Contracts.Runs;

namespace Flows.Api.Chaos;

/// <summary>How far a drill has come.</summary>
public enum ChaosState
{
    /// <summary>The sample run waits for a worker, or has not come to the steps that are to be cut off.</summary>
    Starting,
    /// <summary>The worker is told to end itself, or is gone and nobody has gone on with the run yet.</summary>
    Killing,
    /// <summary>Another worker has the run.</summary>
    Recovering,
    /// <summary>The run is over, and the report is whole.</summary>
    Done,
    /// <summary>It came to nothing: <see cref="ChaosReport.Problem"/> says why.</summary>
    Failed,
}

/// <summary>What became of a step of the sample run.</summary>
public enum StepFate
{
    /// <summary>It had ended before the worker was killed: its result was taken from the journal, and it was not done again.</summary>
    Replayed,
    /// <summary>It was under way and may be repeated: it was done again.</summary>
    RanAgain,
    /// <summary>It was under way, and nobody can know whether its effect had happened: a person was asked for, and the drill said "repeat".</summary>
    AskedAbout,
    /// <summary>It holds steps that were under way: it went on where it was.</summary>
    WentOn,
    /// <summary>It began after the worker was killed.</summary>
    RanAfter,
    /// <summary>It had ended and was done a second time. That must not happen.</summary>
    Repeated,
    /// <summary>It has not ended yet.</summary>
    Open,
}

/// <param name="Before">How it stood when the worker was told to end itself; null when it had not begun.</param>
/// <param name="Attempt">The attempt of the run whose result counts.</param>
/// <param name="DurationMs">Of what counts; null when it has not ended.</param>
public sealed record ChaosStep(string Path, string Kind, StepEffect Effect, StepFate Fate, StepStatus? Before, StepStatus? Now, int Attempt, double? DurationMs);

/// <summary>What was seen when a worker was killed in the middle of a sample run.</summary>
/// <param name="Worker">The worker that held the run and was killed.</param>
/// <param name="OtherRuns">Runs that it held beside the sample run; they went on elsewhere as after any crash.</param>
/// <param name="GoneAt">Its last sign of life, which is the moment in which it was told.</param>
/// <param name="TakenOverBy">Who went on with the run.</param>
/// <param name="TakenOverAfterMs">From the last sign of life of the one to the claim of the other.</param>
/// <param name="ReplacedBy">The worker that came in the place of the killed one, on the same host.</param>
/// <param name="ReplacedAfterMs">From the last sign of life of the one to the start of the other.</param>
/// <param name="EndedAfterMs">From the last sign of life to the end of the run.</param>
/// <param name="Status">Of the run.</param>
/// <param name="Attempts">How often a worker has taken the run up.</param>
/// <param name="Findings">What is not as it must be; empty when all is well.</param>
/// <param name="Problem">Why the drill came to nothing; null when it did not.</param>
public sealed record ChaosReport(
    Guid Id, ChaosState State, string StartedBy, DateTimeOffset StartedAt, Guid FlowId, Guid RunId,
    string? Worker, int OtherRuns, DateTimeOffset? GoneAt, string? TakenOverBy, double? TakenOverAfterMs, string? ReplacedBy, double? ReplacedAfterMs,
    double? EndedAfterMs, RunStatus? Status, int Attempts, IReadOnlyList<ChaosStep> Steps, IReadOnlyList<string> Findings, string? Problem, DateTimeOffset? EndedAt)
{
    /// <summary>True until nothing more will be seen.</summary>
    [JsonIgnore]
    public bool IsOpen => EndedAt is null;
}

public sealed record ChaosList(IReadOnlyList<ChaosReport> Items);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ChaosReport))]
[JsonSerializable(typeof(ChaosList))]
[JsonSerializable(typeof(List<ChaosLine>))]
internal sealed partial class ChaosJson : JsonSerializerContext;
