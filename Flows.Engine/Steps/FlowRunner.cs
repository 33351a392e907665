using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Engine.Steps;

/// <summary>
/// Walks steps. It knows no kind of step; <see cref="StepExecutors"/> has one executor for each. A resumed run walks its whole path
/// again: what the journal has finished is not done twice.
/// </summary>
internal sealed class FlowRunner(RunContext run)
{
    /// <summary>Delays before a next try up to this are slept in the process; for a longer one the run pauses.</summary>
    private static readonly TimeSpan s_sleptDelay = TimeSpan.FromSeconds(5);

    public async Task<RunState> RunAsync(IReadOnlyList<Step> steps, RunState state, CancellationToken cancel)
    {
        foreach (var step in steps)
        {
            if (!state.IsRunning)
                break;
            if (run.Host.IsDraining && run.Journal.Finished(state.PathOf(step.Name)) is null)
            {
                // Every lane of the walk stops here. With the step's path, so that the steps around it stay open.
                return state.Ended(new RunEnd.Over(new RunOutcome(RunStatus.Queued, FailedStep: state.PathOf(step.Name))));
            }
            if (run.Test is { } test && test.LeavesOut(step))
            {
                state = state.WithSkipped(step.Name);
                continue;
            }
            state = step.Skip ? await SkipAsync(step, state) : await WalkAsync(step, state, cancel);
            if (run.Test is { } terms && state.IsRunning && EndsBehind(step, state, terms) is { } ended)
                return ended;
        }
        return state;
    }

    /// <summary>Where a test ends: behind the step that is tested, whatever is around it, or where the way to it is missed. Null: the walk goes on.</summary>
    private static RunState? EndsBehind(Step step, RunState state, TestTerms test)
    {
        if (test.IsTarget(step))
            return state.Ended(new RunEnd.Over(new RunOutcome(RunStatus.Succeeded, state.Last.ToRawJson())));
        if (!test.IsAround(step))
            return null;
        // What stands behind must not be done. Another item of a loop around may still lead there.
        return state.Place.Length > 0 ? state : state.Ended(new RunEnd.Over(test.NotReached(step)));
    }

    private async Task<RunState> SkipAsync(Step step, RunState state)
    {
        var path = state.PathOf(step.Name);
        if (run.Journal.Finished(path) is null)
        {
            await run.Journal.WriteAsync(new StepRecord(
                path, step.Name, step.Kind, StepStatus.Skipped, StepEffect.Pure, Attempt: 1, run.Clock.GetUtcNow(), DurationMs: 0));
        }
        return state.WithSkipped(step.Name);
    }

    private async Task<RunState> WalkAsync(Step step, RunState state, CancellationToken cancel)
    {
        var path = state.PathOf(step.Name);
        if (run.Test is { } test && test.GoesToFailureBranch(step))
            return await WalkFailureBranchAsync(step, state.WithError(step.Name, new StepError("test", $"The step '{step.Name}' has not failed: its failure branch is tested.")), path, cancel);
        var result = run.Journal.Finished(path) is { } line ? Replay(step, path, line)
            : run.Test?.OutputOf(step) is { } given ? await TakeAsync(step, path, given)
            : await ExecuteAsync(step, path, state, cancel);

        state = state.WithAnswer(result.Answer);
        if (result.IsPaused)
            return state.Ended(new RunEnd.Paused());
        if (result.Over is { } over)
            return state.With(step.Name, result.Output).Ended(new RunEnd.Over(over));
        if (result.Failure is not { } failure)
            return state.With(step.Name, result.Output);
        // Whoever tests a step wants to see that it fails, and nothing of what comes instead.
        if (run.Test is { } tested && tested.IsTarget(step))
            return state.Ended(new RunEnd.Over(new RunOutcome(RunStatus.Failed, null, failure.Error, failure.Path)));
        if (run.Test is { } terms && terms.IsAround(step) && !terms.LiesInFailureBranch(step))
            return state.Ended(new RunEnd.Failed(failure));

        return step.OnError.Mode switch
        {
            OnErrorMode.Continue => state.WithError(step.Name, failure.Error),
            OnErrorMode.Branch => await WalkFailureBranchAsync(step, state.WithError(step.Name, failure.Error), path, cancel),
            _ => state.Ended(new RunEnd.Failed(failure)),
        };
    }

    /// <summary>The failure branch stands in for the step: its last output becomes the step's.</summary>
    private async Task<RunState> WalkFailureBranchAsync(Step step, RunState state, string path, CancellationToken cancel)
    {
        var inside = await RunAsync(step.OnError.Steps, state.Enter(path + "!", contained: false), cancel);
        state = state.WithAnswer(inside.Answer);
        return inside.End is { } end ? state.Ended(end) : state.With(step.Name, inside.Result);
    }

    /// <summary>Writes the line of a step that is given in a test, as if it had been done, and replays it.</summary>
    private async Task<StepResult> TakeAsync(Step step, string path, RawJson given)
    {
        var output = run.Secrets.Hide(given);
        try
        {
            run.Meter.Step();
            run.Meter.Log(output.Length);
        }
        catch (RunLimitException limit)
        {
            return StepResult.Ends(new RunOutcome(RunStatus.Failed, Error: StepFailure.From(limit, step.Name, path).Error, FailedStep: path));
        }
        var line = new StepRecord(path, step.Name, step.Kind, StepStatus.Succeeded, StepEffect.Pure, Attempt: 1, run.Clock.GetUtcNow(), DurationMs: 0, Output: output);
        await run.Journal.WriteAsync(line);
        return Replay(step, path, line);
    }

    private static StepResult Replay(Step step, string path, StepRecord line)
    {
        var executor = StepExecutors.For(step);
        if (line is not { Status: StepStatus.Failed or StepStatus.FailedAndContinued, Error: { } error })
            return executor.Replay(step, line);
        // A stop as failed, and a used-up limit, ended the run whatever onError says.
        if (line.Status == StepStatus.Failed && (step is StopStep || step.OnError.Mode != OnErrorMode.Stop))
            return StepResult.Ends(new RunOutcome(RunStatus.Failed, line.Output, error, path));
        return StepResult.Failed(executor.HoldsSteps ? StepFailure.Inside(path, error) : new StepFailure(path, error));
    }

    private async Task<StepResult> ExecuteAsync(Step step, string path, RunState state, CancellationToken cancel)
    {
        var waiting = run.Journal.Paused(path);
        var first = waiting?.Attempt ?? 1;
        if (waiting is { Error: { } before })
        {
            // It waits for its next try, and its tries are counted on.
            first++;
            if (run.Waits.Find(PathOfDelay(path, first)) is not { Status: not WaitStatus.Open } && !AskForTry(step, path, first, before))
                return StepResult.Paused;
        }
        // A step that waits, or holds steps that do, began when it was first met.
        var begun = waiting ?? (step is LoopStep or RouterStep ? run.Journal.Intent(path) : null);
        var startedAt = begun?.StartedAt ?? run.Clock.GetUtcNow();
        var started = run.Clock.GetTimestamp();
        for (var number = first; ; number++)
        {
            await using var attempt = new StepAttempt(run, step, path, state, number, number == first, startedAt, cancel);
            var (result, mayRetry) = await TryAsync(step, attempt, cancel);
            if (result is null)
            {
                // The intent stays as it is: a person decides what became of it.
                return StepResult.Ends(new RunOutcome(RunStatus.NeedsDecision, FailedStep: path));
            }
            if (result.Failure is { } failure && mayRetry && number < step.Retry.Attempts && RetryRules.Allows(step.Retry, failure))
            {
                var delay = RetryRules.DelayAfter(step.Retry, number, failure.Error);
                if (delay <= s_sleptDelay || !run.Waits.CanPause)
                {
                    await Task.Delay(delay, run.Clock, cancel);
                    continue;
                }
                if (run.Waits.Allows(delay) && run.Waits.TryAsk(DelayBefore(path, number + 1, delay)))
                {
                    await run.Journal.WriteAsync(attempt.Waiting(Hidden(failure.Error), run.Secrets.Hide(result.Logs)));
                    return StepResult.Paused;
                }
            }
            return await EndAsync(step, attempt, result, begun is null ? run.Clock.GetElapsedTime(started) : run.Clock.GetUtcNow() - startedAt, mayRetry);
        }
    }

    /// <summary>Asks once more for a delay whose wait was lost with the walk that began it; one that is known stays as it is.</summary>
    /// <returns>True when it cannot be asked for: the try is made now.</returns>
    private bool AskForTry(Step step, string path, int number, StepError error)
    {
        var delay = RetryRules.DelayAfter(step.Retry, number - 1, error);
        return run.Waits.Find(PathOfDelay(path, number)) is null && !(run.Waits.Allows(delay) && run.Waits.TryAsk(DelayBefore(path, number, delay)));
    }

    private WaitRequest DelayBefore(string path, int number, TimeSpan delay) =>
        new(PathOfDelay(path, number), WaitKind.Retry, run.Clock.GetUtcNow() + delay);

    private static string PathOfDelay(string path, int number) => $"{path}#{number}";

    /// <returns>No result: the run needs a decision first.</returns>
    private async Task<(StepResult? Result, bool MayRetry)> TryAsync(Step step, StepAttempt attempt, CancellationToken cancel)
    {
        try
        {
            run.Meter.Step();
            var executor = StepExecutors.For(step);
            var result = await executor.ExecuteAsync(step, attempt, this);
            return (Kept(result), !executor.HoldsSteps);
        }
        catch (DecisionNeededException)
        {
            return (null, false);
        }
        catch (RunLimitException limit)
        {
            var failure = StepFailure.From(limit, step.Name, attempt.Path);
            return (StepResult.Ends(new RunOutcome(RunStatus.Failed, Error: failure.Error, FailedStep: attempt.Path)), false);
        }
        catch (OperationCanceledException) when (attempt.IsTimedOut)
        {
            var timeout = new StepException(StepErrorCodes.Timeout, $"it took longer than its timeout of {step.Timeout:c}.", transient: true);
            return (StepResult.Failed(StepFailure.From(timeout, step.Name, attempt.Path)), true);
        }
        catch (Exception error) when (!cancel.IsCancellationRequested && error is not JournalException)
        {
            // The engine's one catch-all. It asks our own token, because an HttpClient timeout is
            // an OperationCanceledException too, and that is a failed step, not a stopped run.
            if (error is not (StepException or Pieces.PieceException or Expressions.ExpressionException))
                await Console.Error.WriteLineAsync($"run {run.Start.RunId} step {attempt.Path}: {error}");
            return (StepResult.Failed(StepFailure.From(error, step.Name, attempt.Path)), true);
        }
    }

    /// <summary>The result as it may be kept: within the limits, and without secrets.</summary>
    private StepResult Kept(StepResult result)
    {
        if (result.Failure is not null || result.Over is not null || result.IsPaused)
            return result;
        var json = result.Json ?? result.Output.ToRawJson();
        run.Meter.Output(json.Length);
        run.Meter.Log(json.Length);
        var hidden = run.Secrets.Hide(json);
        return hidden.Equals(json)
            ? result.As(json)
            : StepResult.Of(hidden) with { Logs = result.Logs, Answer = result.Answer };
    }

    private async Task<StepResult> EndAsync(Step step, StepAttempt attempt, StepResult result, TimeSpan took, bool isAlone)
    {
        if (result.IsPaused)
        {
            // The line of a step that holds the one that waits stays open. A line that says the same already is not written again.
            if (isAlone && !(run.Journal.Paused(attempt.Path) is { Error: null } before && before.Attempt == attempt.Number))
                await run.Journal.WriteAsync(attempt.Waiting(error: null, logs: null));
            return result;
        }
        var logs = run.Secrets.Hide(result.Logs);
        if (result.Failure is { } failure)
        {
            failure = failure with { Error = Hidden(failure.Error) };
            result = result.As(failure);
            // A step around this one has failed because of a step inside it: the line says which.
            var error = failure.Path == attempt.Path ? failure.Error : failure.Around(step.Name);
            var status = step.OnError.Mode == OnErrorMode.Stop && !attempt.State.IsContained ? StepStatus.Failed : StepStatus.FailedAndContinued;
            await run.Journal.WriteAsync(attempt.Ended(status, took, null, error, logs));
            return result;
        }
        if (result.Over is { } over)
        {
            // A step that holds the one that ended the run was itself neither finished nor failed: its line stays open, or a walk that is
            // cut off here would find it finished and go on behind it.
            if (over.FailedStep is null ? isAlone : over.FailedStep == attempt.Path)
            {
                var status = over.Status == RunStatus.Failed ? StepStatus.Failed : StepStatus.Succeeded;
                await run.Journal.WriteAsync(attempt.Ended(status, took, over.Output, over.Error, logs));
            }
            return result;
        }
        await run.Journal.WriteAsync(attempt.Ended(StepStatus.Succeeded, took, result.Json, null, logs));
        return result;
    }

    private StepError Hidden(StepError error) => error with
    {
        Message = run.Secrets.Hide(error.Message)!,
        Detail = error.Detail is { } detail ? run.Secrets.Hide(detail) : null,
    };
}
