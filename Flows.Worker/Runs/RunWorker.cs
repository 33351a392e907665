using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.Worker.Api;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Runs;

/// <summary>Takes one job from the bell to the commit of its outcome.</summary>
internal sealed partial class RunWorker(
    RunClaims claims, LiveRuns live, FlowVersions versions, EngineProcesses engines, CodeRunners code, HostCallForwarder calls, RunReporter reporter, ApartValues values,
    ResourceWatch watch, WorkerIdentity identity, WorkerMetrics metrics, IOptions<WorkerOptions> options, IOptions<RunLimitOptions> limits, TimeProvider clock, ILogger<RunWorker> logger) : IRunHandler
{
    private static readonly TimeSpan s_engineTrouble = TimeSpan.FromSeconds(5);

    public async Task<JobSettlement> HandleAsync(RunJob job, CancellationToken stopping)
    {
        if (stopping.IsCancellationRequested)
            return JobSettlement.NotNow(TimeSpan.Zero);

        // 1. An engine first: a worker that cannot start one must not use up the attempts of every run in the queue.
        //    If we die here nothing has happened; the queue delivers the job again.
        ProcessPool<EngineProcess>.Rented rented;
        try
        {
            rented = await engines.RentAsync(job.ProjectId, stopping);
        }
        catch (ChildStartException error)
        {
            LogNoEngine(logger, job.RunId, error.Message);
            return JobSettlement.NotNow(s_engineTrouble);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return JobSettlement.NotNow(TimeSpan.Zero);
        }

        using (rented)
        {
            // 2. Claimed. If we die from here on the lease runs out, and the next attempt goes on from the journal.
            var answer = await claims.ClaimAsync(job.RunId);
            if (answer.Run is not { } run)
                return answer.TryAgainIn is { } delay ? JobSettlement.NotNow(delay) : JobSettlement.Done;

            using var scope = logger.BeginScope(new RunLogScope(run.Claim));
            using var trace = RunTrace.Begin(run.Claim, identity.Id, clock.GetUtcNow() - clock.GetElapsedTime(run.ClaimedAt));
            run.Trace = trace;
            try
            {
                // Told to stop: the step under way has a while to finish, and the run is handed back behind it; else its engine is killed first.
                using var drained = new CancellationTokenSource();
                await using var begin = stopping.Register(() =>
                {
                    run.Drain();
                    drained.CancelAfter(options.Value.DrainTimeout);
                });
                await using var end = drained.Token.Register(() => run.End(RunEnd.Drained));

                // 3. Running. A job that names another project than the run's own is a broken bell: handed back, the run is rung for again.
                var outcome = run.Claim.ProjectId == job.ProjectId
                    ? await values.FetchAsync(run) ?? await RunAsync(rented, run) ?? await RunOnAnotherAsync(rented, run)
                    : new RunOutcome(RunStatus.Queued, Error: new StepError("internal", "The job in the queue named another project than the run's own."));

                // 4. Report. The claim ends with the commit. Dying between the commit and the return leaves a job whose run is over: step 2 drops it.
                await FinishAsync(run, outcome);
                trace?.End(outcome);
            }
            finally
            {
                reporter.Forget(run);
                live.Remove(run);
            }
            return JobSettlement.Done;
        }
    }

    /// <returns>The outcome, or null when a used engine was found dead: the run has not begun.</returns>
    private async Task<RunOutcome?> RunAsync(ProcessPool<EngineProcess>.Rented rented, LiveRun run, bool isLastTry = false)
    {
        // Spoilt until it says that it is ready for more: whatever cuts the run short leaves the engine in the middle of it.
        rented.Spoil();
        var engine = rented.Process;
        RawJson? definition = null;
        if (!engine.Knows(run.Claim.VersionId))
        {
            try
            {
                definition = await FetchDefinitionAsync(run);
                engine.Remember(run.Claim.VersionId);
            }
            catch (ApiException error)
            {
                rented.Restore(); // it has not heard of this project yet
                return new RunOutcome(RunStatus.Failed, Error: new StepError("definition_missing", $"The flow's definition could not be read. {error.Message}"));
            }
            catch (OperationCanceledException) when (run.Ended.IsCancellationRequested)
            {
                return new RunOutcome(RunStatus.Queued);
            }
        }

        var wasUsed = rented.IsUsed;
        rented.MarkUsed();
        engine.Serve(run.Held.RunId);
        var session = new EngineSession(engine, run, reporter, code, calls, watch, metrics, limits.Value.ToEngineLimits());
        var outcome = await session.RunAsync(definition);
        if (session.IsEngineReady)
            rented.Restore();
        if (outcome.Status == RunStatus.Failed)
            engine.Forget(run.Claim.VersionId);
        if (session.WasStillborn && wasUsed && !isLastTry)
            return null;
        if (outcome.Error?.Code is "engine_crashed" or "memory_limit")
            LogEngineFailed(logger, run.Held.RunId, run.Held.Attempt, outcome.Error.Message);
        return outcome;
    }

    private async Task<RunOutcome> RunOnAnotherAsync(ProcessPool<EngineProcess>.Rented dead, LiveRun run)
    {
        dead.Dispose(); // its slot is the one that is rented next
        try
        {
            using var another = await engines.RentAsync(run.Claim.ProjectId, run.Ended);
            return (await RunAsync(another, run, isLastTry: true))!;
        }
        catch (ChildStartException error)
        {
            LogNoEngine(logger, run.Held.RunId, error.Message);
        }
        catch (OperationCanceledException) when (run.Ended.IsCancellationRequested)
        {
            // Ended while it waited for the engine.
        }
        return new RunOutcome(RunStatus.Queued);
    }

    private async Task<RawJson> FetchDefinitionAsync(LiveRun run)
    {
        for (var failures = 0; ;)
        {
            try
            {
                return await versions.GetAsync(run.Claim.VersionId, run.Ended);
            }
            catch (ApiException error) when (!error.IsRefusal)
            {
                await Task.Delay(BackOff.After(++failures), clock, run.Ended); // the lease bounds it
            }
        }
    }

    private async Task FinishAsync(LiveRun run, RunOutcome outcome)
    {
        var result = await reporter.FinishAsync(run, outcome);
        if (result == ReportResult.Refused)
        {
            // Too large, most likely: the run ends with that reason, and without what was refused.
            result = await reporter.FinishAsync(run, new RunOutcome(
                RunStatus.Failed,
                Error: new StepError("report_refused", "What the run has journalled was refused by the API; it may be too large."),
                FailedStep: outcome.FailedStep));
        }

        var held = clock.GetElapsedTime(run.ClaimedAt);
        var took = held.TotalMilliseconds;
        if (result == ReportResult.Committed)
        {
            metrics.Held(outcome.Status, held);
            LogFinished(logger, run.Held.RunId, run.Held.Attempt, outcome.Status, took);
        }
        else
            LogDropped(logger, run.Held.RunId, run.Held.Attempt, run.WhyEnded, took);
    }

    [LoggerMessage(LogLevel.Debug, "Run {RunId}, attempt {Attempt}: {Status} after {Milliseconds:0.0} ms.")]
    private static partial void LogFinished(ILogger logger, Guid runId, int attempt, RunStatus status, double milliseconds);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}, attempt {Attempt}, was dropped ({Why}) after {Milliseconds:0.0} ms.")]
    private static partial void LogDropped(ILogger logger, Guid runId, int attempt, RunEnd why, double milliseconds);

    [LoggerMessage(LogLevel.Error, "Run {RunId} goes back to the queue, because no engine can be started here: {Reason}")]
    private static partial void LogNoEngine(ILogger logger, Guid runId, string reason);

    [LoggerMessage(LogLevel.Warning, "Run {RunId}, attempt {Attempt}: {Reason}")]
    private static partial void LogEngineFailed(ILogger logger, Guid runId, int attempt, string reason);
}
