using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Engine.Steps;

/// <summary>Who a run is walked for: a worker at the other end of the pipe, or the person at the command line.</summary>
internal interface IRunHost
{
    /// <summary>True once the run is to be given up at its next step boundary.</summary>
    bool IsDraining => false;

    /// <summary>Takes journal lines. Calls come one at a time, in order.</summary>
    /// <exception cref="IOException">The host is gone.</exception>
    ValueTask JournalAsync(JournalLines lines);

    /// <summary>Ends when the lines up to this number are durable.</summary>
    Task DurableAsync(long sequence, CancellationToken cancel);

    /// <summary>Answers the caller of the run.</summary>
    ValueTask RespondAsync(RunResponse response);

    /// <summary>Runs code in a process of its own. The host ends it at its time limit and says so in the answer.</summary>
    Task<CodeCompleted> RunCodeAsync(CodeRequested request, CancellationToken cancel);

    /// <summary>Has something done at the API for the run: see <see cref="HostCalls"/>. A host that has no API says so in the answer.</summary>
    Task<HostCompleted> CallAsync(HostRequested request, CancellationToken cancel) => Task.FromResult(new HostCompleted(
        request.CallId, RawJson.Null, Error: new StepError(StepErrorCodes.Internal, $"There is nobody here who could do '{request.Call}'.")));
}
