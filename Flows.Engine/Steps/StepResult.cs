using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>What came of one step. <see cref="FlowRunner"/> alone decides what it means for the flow.</summary>
internal sealed record StepResult
{
    /// <summary>What the step's name means from here on.</summary>
    public Value Output { get; private init; }
    /// <summary>The same as JSON, when it was made from JSON.</summary>
    public RawJson? Json { get; private init; }
    /// <summary>What code wrote to its console.</summary>
    public string? Logs { get; init; }
    /// <summary>The body sent to the caller, by this step or inside it.</summary>
    public Value? Answer { get; init; }
    /// <summary>Set when the step failed.</summary>
    public StepFailure? Failure { get; private init; }
    /// <summary>Set when the run is over here, whatever onError says.</summary>
    public RunOutcome? Over { get; private init; }

    /// <summary>True when the walk cannot go on here before something has happened outside.</summary>
    public bool IsPaused { get; private init; }

    public static StepResult Paused { get; } = new() { IsPaused = true };

    public static StepResult Of(Value output) => new() { Output = output };

    /// <exception cref="System.Text.Json.JsonException">Nested too deeply.</exception>
    public static StepResult Of(RawJson output) => new() { Output = Value.FromJson(output), Json = output };

    public static StepResult Failed(StepFailure failure) => new() { Failure = failure };

    public static StepResult Ends(RunOutcome outcome, Value output = default) => new() { Over = outcome, Output = output };

    /// <summary>The same result, with its output also as JSON.</summary>
    public StepResult As(RawJson json) => this with { Json = json };

    /// <summary>The same result, with another failure.</summary>
    public StepResult As(StepFailure failure) => this with { Failure = failure };

    /// <summary>The end of an item or branch, seen from the step around it.</summary>
    public static StepResult Inside(RunEnd end, Value? answer) => end switch
    {
        RunEnd.Failed failed => new() { Failure = failed.Failure, Answer = answer },
        RunEnd.Over over => new() { Over = over.Outcome, Answer = answer },
        RunEnd.Paused => new() { IsPaused = true, Answer = answer },
        _ => throw new InvalidOperationException($"Unknown end {end}."),
    };
}
