using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Engine.Steps;

/// <summary>Walks whole runs, one at a time, and keeps what the next run of the same version can use.</summary>
internal sealed class RunWalk(PieceCatalog pieces, OutboundHttp http, TimeProvider clock)
{
    private readonly CompiledFlows _flows = new();

    /// <returns>How the run stands now; all its journal lines were sent before.</returns>
    /// <exception cref="JournalException">The host is gone.</exception>
    public async Task<RunOutcome> WalkAsync(StartRun start, IRunHost host, CancellationToken cancel)
    {
        OutgoingTrace.Parent = start.TraceParent;
        var (flow, refusal) = FlowOf(start);
        if (flow is null)
            return new RunOutcome(RunStatus.Failed, Error: refusal);

        await using var journal = new Journal(start.Journal, host, clock);
        RunContext run;
        RunState begin;
        try
        {
            run = new RunContext(start, flow, host, pieces, http, journal, clock);
            begin = RunState.Begin(Value.FromJson(start.Trigger));
        }
        catch (JsonException error)
        {
            // JSON that others let pass may nest deeper, or hold larger numbers, than a value may.
            return new RunOutcome(RunStatus.Failed, Error: new StepError(StepErrorCodes.Limit, $"The data the run starts with cannot be taken in: {error.Message}"));
        }
        var end = await new FlowRunner(run).RunAsync(flow.Definition.Steps, begin, cancel);
        await journal.FlushAsync();
        return OutcomeOf(end, run);
    }

    private static RunOutcome OutcomeOf(RunState end, RunContext run) => end.End switch
    {
        null => new RunOutcome(RunStatus.Succeeded, run.Secrets.Hide(end.Output.ToRawJson())),
        RunEnd.Over { Outcome.Status: RunStatus.Queued } => new RunOutcome(RunStatus.Queued),
        RunEnd.Over over => over.Outcome,
        RunEnd.Paused => new RunOutcome(RunStatus.Paused, Waits: run.Waits.Asked),
        RunEnd.Failed failed => new RunOutcome(
            RunStatus.Failed, end.Answer is { } answer ? run.Secrets.Hide(answer.ToRawJson()) : null, failed.Failure.Error, failed.Failure.Path),
        _ => throw new InvalidOperationException($"Unknown end {end.End}."),
    };

    private (CompiledFlow? Flow, StepError? Refusal) FlowOf(StartRun start)
    {
        if (_flows.Find(start.VersionId) is { } kept)
            return (kept, null);
        if (start.Definition is not { } document)
            return (null, new StepError(StepErrorCodes.Internal, $"The engine was not sent the definition {start.VersionId}, and does not keep it."));

        var reading = DefinitionReader.Read(document.ToElement(), catalogue: null);
        if (reading.Definition is not { } definition)
        {
            var first = reading.Problems.First(problem => problem.Severity == ProblemSeverity.Error);
            return (null, new StepError(StepErrorCodes.Definition, $"{first.Path}: {first.Message}"));
        }
        var flow = new CompiledFlow(definition);
        _flows.Keep(start.VersionId, flow);
        return (flow, null);
    }
}
