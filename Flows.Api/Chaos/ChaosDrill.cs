using Flows.Contracts.Runs;

namespace Flows.Api.Chaos;

/// <summary>A line of the sample run's journal.</summary>
/// <param name="RunAttempt">The claim that wrote it.</param>
internal sealed record ChaosLine(string Path, string Kind, StepEffect Effect, StepStatus Status, int RunAttempt, DateTimeOffset StartedAt, double? DurationMs)
{
    public bool IsFinished => Status is not (StepStatus.Running or StepStatus.Paused);
}

/// <summary>The sample run as it stands.</summary>
/// <param name="AskedAbout">Path of the step that a decision is asked for; null when none is.</param>
/// <param name="Counted">What the run's output says of its number; null while there is none.</param>
internal sealed record ChaosRun(
    RunStatus Status, int Attempt, string? Worker, DateTimeOffset? ClaimedAt, DateTimeOffset? FinishedAt, string? AskedAbout, int? Counted, IReadOnlyList<ChaosLine> Lines);

/// <summary>A row of <c>chaos_drills</c>.</summary>
/// <param name="Kept">The report of one that is over.</param>
internal sealed record ChaosDrill(
    Guid Id, Guid ProjectId, Guid RunId, Guid FlowId, string StartedBy, DateTimeOffset StartedAt, string? Worker, int? WorkerRuns, int? Attempt,
    IReadOnlyList<ChaosLine> Before, DateTimeOffset? OrderedAt, DateTimeOffset? GoneAt, string? TakenBy, DateTimeOffset? TakenAt, IReadOnlyList<string> Asked,
    string? ReplacedBy, DateTimeOffset? ReplacedAt, DateTimeOffset? EndedAt, string? Problem, ChaosReport? Kept)
{
    /// <summary>What is known by now.</summary>
    /// <param name="run">Null when its rows are gone.</param>
    /// <param name="livesOn">The worker that was to be killed has been heard of after another had its run.</param>
    public ChaosReport Report(ChaosRun? run, bool livesOn, DateTimeOffset? endedAt, string? problem)
    {
        var steps = StepsOf(run);
        return new ChaosReport(
            Id, StateOf(endedAt, problem), StartedBy, StartedAt, FlowId, RunId,
            Worker, Math.Max(0, (WorkerRuns ?? 1) - 1), GoneAt, TakenBy, Since(TakenAt), ReplacedBy, Since(ReplacedAt), GoneAt is null ? null : Since(run?.FinishedAt),
            run?.Status, run?.Attempt ?? 0, steps, problem is null && endedAt is not null ? Findings(run, steps, livesOn) : [], problem, endedAt);
    }

    private ChaosState StateOf(DateTimeOffset? endedAt, string? problem) => this switch
    {
        _ when problem is not null => ChaosState.Failed,
        _ when endedAt is not null => ChaosState.Done,
        { OrderedAt: null } => ChaosState.Starting,
        { TakenAt: null } => ChaosState.Killing,
        _ => ChaosState.Recovering,
    };

    private double? Since(DateTimeOffset? moment) => moment is { } at && GoneAt is { } gone ? Math.Round((at - gone).TotalMilliseconds) : null;

    private List<ChaosStep> StepsOf(ChaosRun? run)
    {
        var before = Before.ToDictionary(line => line.Path);
        var now = run?.Lines ?? [];
        var steps = now.Select(line => new ChaosStep(
            line.Path, line.Kind, line.Effect, FateOf(before.GetValueOrDefault(line.Path), line), before.GetValueOrDefault(line.Path)?.Status, line.Status, line.RunAttempt, line.DurationMs)).ToList();
        // A decision to repeat takes the line away until the step has begun again.
        var known = now.Select(line => line.Path).ToHashSet(StringComparer.Ordinal);
        steps.AddRange(Before.Where(line => !known.Contains(line.Path)).Select(line => new ChaosStep(
            line.Path, line.Kind, line.Effect, Asked.Contains(line.Path) ? StepFate.AskedAbout : StepFate.Open, line.Status, null, line.RunAttempt, null)));
        return steps;
    }

    private StepFate FateOf(ChaosLine? before, ChaosLine now) => before switch
    {
        { IsFinished: true } => now.RunAttempt == before.RunAttempt && now.StartedAt == before.StartedAt ? StepFate.Replayed : StepFate.Repeated,
        _ when Asked.Contains(now.Path) => StepFate.AskedAbout,
        _ when !now.IsFinished => StepFate.Open,
        null => now.RunAttempt > Attempt ? StepFate.RanAfter : StepFate.Replayed,
        _ when now.Kind is "router" or "loop" => StepFate.WentOn,
        _ => now.RunAttempt > Attempt ? StepFate.RanAgain : StepFate.Replayed,
    };

    private List<string> Findings(ChaosRun? run, List<ChaosStep> steps, bool livesOn)
    {
        var findings = steps.Where(step => step.Fate == StepFate.Repeated).Select(step => $"The step '{step.Path}' had ended and was done again.").ToList();
        findings.AddRange(Before.Where(line => line is { IsFinished: false, Effect: StepEffect.Effect } && !Asked.Contains(line.Path))
            .Select(line => $"Nobody was asked about '{line.Path}', of which it cannot be known whether it had happened."));
        if (run is not { Status: RunStatus.Succeeded })
            findings.Add($"The run ended as {run?.Status.ToString() ?? "unknown"}.");
        else if (run.Counted != ChaosSample.Counts)
            findings.Add($"The run counted {run.Counted?.ToString() ?? "nothing"} where it counts {ChaosSample.Counts} times: an effect was lost or done twice.");
        if (livesOn)
            findings.Add($"The worker {Worker} was heard of after another had its run.");
        if (ReplacedBy is null)
            findings.Add("No worker has come in the place of the killed one: does something start it again?");
        return findings;
    }
}
