using Flows.Contracts.Runs;

namespace Flows.Api.Runs;

/// <summary>
/// How a run ended, for the steps that were under way then. Their lines stay what they are in the journal, begun and not ended, because
/// that is what is known of them and what a retry has to know; to a reader they have ended with the run.
/// </summary>
internal sealed record RunEnding(RunStatus Status, DateTimeOffset? FinishedAt, StepError? Error)
{
    public bool HasCut(StepRecord step) => RunTransitions.IsFinal(Status) && !step.IsFinished;

    public StepRecord Close(StepRecord step) => !HasCut(step) ? step : step with
    {
        Status = Status == RunStatus.Succeeded ? StepStatus.Succeeded : StepStatus.Failed,
        DurationMs = FinishedAt is { } end && end > step.StartedAt ? Math.Round((end - step.StartedAt).TotalMilliseconds, 3) : 0,
        Error = ErrorOf(step),
    };

    private StepError? ErrorOf(StepRecord step)
    {
        var unknown = step.Effect == StepEffect.Effect ? " It is not known whether it took effect." : "";
        return Status switch
        {
            RunStatus.Succeeded => null,
            RunStatus.Cancelled => new StepError("cancelled", $"The run was cancelled while this step was under way.{unknown}"),
            RunStatus.TimedOut => new StepError("timeout", $"The run used up its time while this step was under way.{unknown}"),
            _ => new StepError(Error?.Code ?? "failed", $"The run failed while this step was under way: {Error?.Message ?? "no reason is known."}{unknown}"),
        };
    }
}
