using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Worker.Sandbox;

namespace Flows.Worker.Runs;

/// <summary>
/// One run in one engine, from the start frame to the outcome. The engine may hang, be killed, or print garbage: each is an outcome, none an
/// exception. The engine is killed the moment the run is ended from outside.
/// </summary>
internal sealed class EngineSession(EngineProcess engine, LiveRun run, RunReporter reporter, CodeRunners code, HostCallForwarder calls, ResourceWatch watch, WorkerMetrics metrics, EngineLimits limits)
{
    private static readonly TimeSpan s_callsEnd = TimeSpan.FromSeconds(5);

    // The engine enforces the log limit itself; twice of it means that the engine is broken.
    private readonly long _mostLogBytes = 2 * limits.LogBytes;
    private readonly List<string> _running = []; // paths, in the order they started
    private readonly List<Task> _calls = [];
    private string? _codeStep;
    private bool _hasSpoken;
    private long _logBytes;
    private long _lastSequence;

    /// <summary>True when the engine has said that it is ready for the next run.</summary>
    public bool IsEngineReady { get; private set; }

    /// <summary>True when the engine broke without a word: it was dead or dying before the run reached it, and nothing of the run has happened,
    /// because an engine asks before a step that must not be repeated.</summary>
    public bool WasStillborn { get; private set; }

    /// <returns>How it went. When the run was ended from outside, the reason is in <see cref="LiveRun.WhyEnded"/> and decides.</returns>
    public async Task<RunOutcome> RunAsync(RawJson? definition)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(run.Ended);
        using var use = engine.Watch(watch);
        await using var kill = run.Ended.Register(engine.Kill);
        run.Durable = sequence => _ = SendDurableAsync(sequence);
        string broken;
        var isOver = false;
        try
        {
            var claim = run.Claim;
            await engine.Writer.WriteAsync(
                FrameType.Start,
                new StartRun(claim.RunId, claim.Attempt, claim.FlowId, claim.FlowName, claim.VersionId, claim.Environment, definition,
                    claim.Trigger, claim.Journal, claim.Connections, claim.Variables, limits, claim.Inputs, claim.Waits, claim.Pauses, claim.LogBytes,
                    claim.ConnectionProblems, run.Trace?.Parent, claim.Test, claim.OnUncertain),
                EngineJson.Default.StartRun, run.Ended);
            // Not before the run has begun: an engine takes it for the run it has.
            await using var drain = run.Draining.Register(() => _ = TellAsync(FrameType.Drain, new DrainRun(run.Held.RunId), EngineJson.Default.DrainRun));

            while (await engine.Reader.ReadAsync(run.Ended) is { } frame)
            {
                _hasSpoken = true;
                if (await TakeAsync(frame, over.Token) is { } outcome)
                {
                    isOver = true;
                    IsEngineReady = run.WhyEnded == RunEnd.None && engine.IsAlive;
                    return outcome;
                }
            }
            broken = "ended before the run was over";
        }
        catch (OperationCanceledException) when (run.Ended.IsCancellationRequested)
        {
            broken = "was ended";
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            broken = $"sent something unreadable: {error.Message}";
        }
        finally
        {
            run.Durable = null;
            // Before the calls are waited for: an engine that does not read keeps their answers in the pipe until it is gone.
            if (!isOver)
                engine.Kill();
            await over.CancelAsync();
            try
            {
                await Task.WhenAll(_calls).WaitAsync(s_callsEnd);
            }
            catch (TimeoutException)
            {
                IsEngineReady = false;
                engine.Kill();
            }
        }
        return await ClassifyAsync(broken, use);
    }

    /// <summary>The step that was under way: the newest one that has not ended.</summary>
    public string? RunningStep => _running.LastOrDefault() ?? _codeStep;

    private async ValueTask<RunOutcome?> TakeAsync(Frame frame, CancellationToken over)
    {
        switch (frame.Type)
        {
            case FrameType.Journal:
                var lines = frame.Read(EngineJson.Default.JournalLines);
                if (lines.Sequence <= _lastSequence)
                    throw new FrameException($"The journal went back from number {_lastSequence} to {lines.Sequence}.");
                _lastSequence = lines.Sequence;
                Follow(lines.Steps);
                if (_logBytes > _mostLogBytes)
                {
                    engine.Kill();
                    return Failed("limit", $"The steps' inputs and outputs are larger than the {limits.LogBytes >> 20} MiB that a run may have (limit: Flows__Limits__RunLogMiB).");
                }
                await reporter.JournalAsync(run, lines, over);
                return null;

            case FrameType.Respond:
                reporter.Respond(run, frame.Read(EngineJson.Default.RunResponse));
                return null;

            case FrameType.CodeRequested:
                var request = frame.Read(EngineJson.Default.CodeRequested);
                _calls.RemoveAll(call => call.IsCompleted);
                if (_calls.Count >= PendingCalls.Most)
                    throw new FrameException($"More than {PendingCalls.Most} pieces of code were to run at once.");
                _codeStep = request.StepName;
                _calls.Add(RunCodeAsync(request, over));
                return null;

            case FrameType.HostRequested:
                var asked = frame.Read(EngineJson.Default.HostRequested);
                _calls.RemoveAll(call => call.IsCompleted);
                if (_calls.Count >= PendingCalls.Most)
                    throw new FrameException($"More than {PendingCalls.Most} calls were under way at once.");
                _calls.Add(CallHostAsync(asked, over));
                return null;

            case FrameType.Finished:
                var finished = frame.Read(EngineJson.Default.RunFinished);
                if (finished.RunId != run.Held.RunId)
                    throw new FrameException($"It finished the run {finished.RunId}, which is not the one it was given.");
                return finished.Outcome is { Status: not (RunStatus.Running or RunStatus.Cancelled) }
                    ? finished.Outcome
                    : throw new FrameException("It finished the run without an outcome that an engine may give.");

            default:
                throw new FrameException($"A {frame.Type} frame does not belong here.");
        }
    }

    private void Follow(IReadOnlyList<StepRecord>? steps)
    {
        if (steps is null)
            throw new FrameException("A Journal frame without steps arrived.");
        foreach (var step in steps)
        {
            if (step?.Path is null)
                throw new FrameException("A line of the journal has no path.");
            _logBytes += PendingReport.SizeOf(step);
            metrics.Step(step);
            run.Trace?.Step(step);
            _running.Remove(step.Path);
            if (step.Status == StepStatus.Running)
                _running.Add(step.Path);
        }
    }

    private async Task RunCodeAsync(CodeRequested request, CancellationToken over)
    {
        try
        {
            var answer = await code.RunAsync(run.Claim.ProjectId, request, over);
            await engine.Writer.WriteAsync(FrameType.CodeCompleted, answer, EngineJson.Default.CodeCompleted, over);
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
        catch (FrameException error)
        {
            // The output is larger than a frame: nothing was written, so the step can still be told.
            await TellAsync(FrameType.CodeCompleted, CodeRunners.Failed(request, "limit", error.Message), EngineJson.Default.CodeCompleted);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The engine is gone; whoever reads from it finds out.
        }
    }

    private async Task CallHostAsync(HostRequested request, CancellationToken over)
    {
        try
        {
            await TellAsync(FrameType.HostCompleted, await calls.ForwardAsync(run, request, over), EngineJson.Default.HostCompleted);
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    private Task SendDurableAsync(long sequence) =>
        TellAsync(FrameType.Durable, new JournalDurable(sequence), EngineJson.Default.JournalDurable);

    private async Task TellAsync<T>(FrameType type, T message, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> typeInfo)
    {
        try
        {
            await engine.Writer.WriteAsync(type, message, typeInfo, run.Ended);
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The engine is gone; whoever reads from it finds out.
        }
    }

    private async Task<RunOutcome> ClassifyAsync(string broken, WatchedUse use)
    {
        var outcome = await OutcomeOfAsync(broken, use);
        metrics.Killed(run.WhyEnded switch
        {
            RunEnd.Lost => "claim_lost",
            RunEnd.GivenUp => "lease_over",
            RunEnd.Drained => "drained",
            _ => outcome.Error?.Code ?? "ended", // timeout, memory_limit, engine_crashed …
        });
        return outcome;
    }

    private async Task<RunOutcome> OutcomeOfAsync(string broken, WatchedUse use)
    {
        engine.Kill();
        var step = RunningStep is { } path ? $" while step '{path}' was running" : "";
        switch (run.WhyEnded)
        {
            case RunEnd.TimedOut:
                var limit = TimeSpan.FromMilliseconds(run.Claim.ActiveMs);
                return new RunOutcome(
                    RunStatus.TimedOut,
                    Error: new StepError("timeout", $"The run had used up its active time{step}; this attempt had {limit:c} left."),
                    FailedStep: RunningStep);
            case RunEnd.Drained:
                return new RunOutcome(RunStatus.Queued);
            case RunEnd.Refused:
                return Failed("report_refused", $"What the run has journalled was refused by the API{step}; it may be too large.");
            case RunEnd.Lost or RunEnd.GivenUp:
                return new RunOutcome(RunStatus.Queued); // never reported
        }

        WasStillborn = !_hasSpoken;
        var exit = await engine.GetExitAsync();
        if (use.Excess is { } excess)
            return Failed(excess.Code, $"The engine used more than it may{step}. {excess.Message}.");
        if (exit.WroteTooMuch)
            return Failed("file_limit", $"The engine wrote a file of more than {Box.FileBytes >> 20} MiB{step}.");
        return exit.IsOutOfMemory
            ? Failed("memory_limit", $"The run needed more memory than it may use{step}{use.PeakInWords}.")
            // Not the run's fault as far as we know: it is handed back, and the API ends it when its attempts are used up.
            : new RunOutcome(
                RunStatus.Queued,
                Error: new StepError("engine_crashed", $"The engine {broken}{step} (exit code {exit.Code})."),
                FailedStep: RunningStep);
    }

    private RunOutcome Failed(string errorCode, string message) =>
        new(RunStatus.Failed, Error: new StepError(errorCode, message), FailedStep: RunningStep);
}
