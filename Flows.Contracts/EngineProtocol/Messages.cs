using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Contracts.EngineProtocol;

/// <summary>Engine → worker, once, when it can take a run. A worker ends an engine whose protocol is not its own.</summary>
public sealed record EngineReady(int Protocol, string Version)
{
    public const int CurrentProtocol = 1;
}

/// <summary>Worker → engine: walk this run. The engine walks one at a time and answers with <see cref="RunFinished"/>.</summary>
/// <param name="Attempt">The fencing token of the claim; only for messages and logs here.</param>
/// <param name="VersionId">Names the definition, which never changes under one id: an engine keeps the last few it has parsed.</param>
/// <param name="Definition">The document, or null when this engine has been sent it before.</param>
/// <param name="Trigger">The trigger's output.</param>
/// <param name="Journal">What earlier attempts have finished or intended, in any order.</param>
/// <param name="Connections">The connections the flow names, by key; never more than those.</param>
/// <param name="Variables">The project's variables, by key.</param>
/// <param name="Inputs">By step path: resolved inputs of actions and code that stand in for the definition's; null for none.</param>
/// <param name="Waits">Waits of earlier attempts, open and ended; null for none.</param>
/// <param name="Pauses">Null when nobody could wake the run: a step that must wait then fails.</param>
/// <param name="LogBytes">What the finished steps of <paramref name="Journal"/> count against <see cref="EngineLimits.LogBytes"/>.</param>
/// <param name="ConnectionProblems">By key: how a step fails that uses the connection, which could not be given; null for none.</param>
/// <param name="TraceParent">What services that the run calls are told of its trace; null when it is not traced.</param>
/// <param name="Test">What a test run takes as given and where it ends; null for every other run.</param>
/// <param name="OnUncertain">What the project wants of uncertain effects whose step does not say.</param>
public sealed record StartRun(
    Guid RunId,
    int Attempt,
    Guid FlowId,
    string FlowName,
    Guid VersionId,
    RunEnvironment Environment,
    RawJson? Definition,
    RawJson Trigger,
    IReadOnlyList<StepRecord> Journal,
    IReadOnlyDictionary<string, RawJson> Connections,
    IReadOnlyDictionary<string, RawJson> Variables,
    EngineLimits Limits,
    IReadOnlyDictionary<string, RawJson>? Inputs = null,
    IReadOnlyList<WaitState>? Waits = null,
    PauseTerms? Pauses = null,
    long LogBytes = 0,
    IReadOnlyDictionary<string, StepError>? ConnectionProblems = null,
    string? TraceParent = null,
    TestPlan? Test = null,
    UncertainPolicy OnUncertain = UncertainPolicy.Ask);

/// <summary>What one run may use. Breaking a limit fails the step with code <c>limit</c> and the limit's name.</summary>
/// <param name="OutputBytes">Largest output of one step, in bytes of JSON.</param>
/// <param name="LogBytes">Inputs and outputs of all steps together, in bytes of JSON.</param>
/// <param name="LoopItems">Items of one loop.</param>
/// <param name="Steps">Step executions of one run.</param>
/// <param name="Waits">Steps of one run that may wait at the same time.</param>
public sealed record EngineLimits(long OutputBytes, long LogBytes, int LoopItems, int Steps, int Waits = 10_000)
{
    /// <summary>25 MiB an output, 50 MiB a run, 100,000 items a loop, 1,000,000 steps a run, 10,000 waits at a time.</summary>
    public static EngineLimits Default { get; } = new(25L << 20, 50L << 20, 100_000, 1_000_000);
}

/// <summary>Engine → worker: lines of the journal, in the order they happened.</summary>
/// <param name="Sequence">Grows by one with each message of a run, from 1.</param>
/// <param name="Barrier">The engine stands still until <see cref="JournalDurable"/> with this number arrives: a step that must not be repeated blindly comes next.</param>
public sealed record JournalLines(long Sequence, bool Barrier, IReadOnlyList<StepRecord> Steps);

/// <summary>Worker → engine: every line up to and including this number is committed in Postgres.</summary>
public sealed record JournalDurable(long Sequence);

/// <summary>Engine → worker: run this code in a process of its own, and answer with <see cref="CodeCompleted"/>.</summary>
/// <param name="CallId">Made by the engine, unique within its process.</param>
/// <param name="StepName">File name in the error messages the author sees.</param>
/// <param name="TimeoutMs">Milliseconds; the process is killed after it.</param>
public sealed record CodeRequested(long CallId, string StepName, string Language, string Source, RawJson Input, int TimeoutMs);

/// <summary>Worker → engine: what became of the code. Exactly one of output and error is set.</summary>
public sealed record CodeCompleted(long CallId, RawJson? Output, StepError? Error, string? Logs);

/// <summary>Engine → worker: do this for the run at the API, and answer with <see cref="HostCompleted"/>. See <see cref="HostCalls"/> for the calls.</summary>
/// <param name="CallId">Made by the engine, unique within its process.</param>
/// <param name="Data">Bytes that go along, at most <see cref="HostCalls.ChunkBytes"/>.</param>
public sealed record HostRequested(long CallId, string Call, RawJson Arguments, byte[]? Data = null);

/// <summary>Worker → engine: what became of a <see cref="HostRequested"/>.</summary>
/// <param name="Error">Set when it was not done.</param>
/// <param name="IsTransient">Trying again may help.</param>
public sealed record HostCompleted(long CallId, RawJson Result, byte[]? Data = null, StepError? Error = null, bool IsTransient = false);

/// <summary>Engine → worker: the run is over for this engine; it is ready for the next one. All its lines were sent before.</summary>
public sealed record RunFinished(Guid RunId, RunOutcome Outcome);

/// <summary>
/// Worker → engine: the worker is going down. The run is given up at its next step boundary: steps that have begun are finished, none is begun,
/// and the outcome is Queued unless that was the end. A run that is over by then is not meant.
/// </summary>
public sealed record DrainRun(Guid RunId);

/// <summary>Code runner → worker, once.</summary>
public sealed record CodeRunnerReady(int Protocol, string Runtime);

/// <summary>Worker → code runner: one call; the runner takes one at a time.</summary>
public sealed record RunCode(string StepName, string Source, RawJson Input);

/// <summary>Code runner → worker.</summary>
public sealed record CodeResult(RawJson? Output, StepError? Error, string? Logs);

// The depth leaves room around values of any depth that a payload may have: a step or a limit says no to one, never the envelope.
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 256)]
[JsonSerializable(typeof(EngineReady))]
[JsonSerializable(typeof(StartRun))]
[JsonSerializable(typeof(JournalLines))]
[JsonSerializable(typeof(JournalDurable))]
[JsonSerializable(typeof(RunResponse))]
[JsonSerializable(typeof(CodeRequested))]
[JsonSerializable(typeof(CodeCompleted))]
[JsonSerializable(typeof(HostRequested))]
[JsonSerializable(typeof(HostCompleted))]
[JsonSerializable(typeof(RunFinished))]
[JsonSerializable(typeof(DrainRun))]
[JsonSerializable(typeof(PieceRequest))]
[JsonSerializable(typeof(PieceAnswer))]
[JsonSerializable(typeof(TriggerEvents))]
[JsonSerializable(typeof(ExpressionQuestion))]
[JsonSerializable(typeof(PreviewContext))]
[JsonSerializable(typeof(TestPlan))]
[JsonSerializable(typeof(IReadOnlyList<PropOption>))]
[JsonSerializable(typeof(CodeRunnerReady))]
[JsonSerializable(typeof(RunCode))]
[JsonSerializable(typeof(CodeResult))]
public sealed partial class EngineJson : JsonSerializerContext;
