using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>Does one kind of step.</summary>
internal abstract class StepExecutor
{
    /// <summary>True for a kind with steps inside. It is not tried again as a whole: those in it that succeeded would happen twice.</summary>
    public virtual bool HoldsSteps => false;

    /// <exception cref="StepException">The step failed.</exception>
    public abstract Task<StepResult> ExecuteAsync(Step step, StepAttempt attempt, FlowRunner runner);

    /// <summary>What a step that an earlier attempt has finished successfully means for the flow.</summary>
    public virtual StepResult Replay(Step step, StepRecord line) =>
        line.Output is { } output ? StepResult.Of(output) : StepResult.Of(Value.Null);
}

/// <param name="TStep">The kind.</param>
internal abstract class StepExecutor<TStep> : StepExecutor where TStep : Step
{
    public sealed override Task<StepResult> ExecuteAsync(Step step, StepAttempt attempt, FlowRunner runner) =>
        ExecuteAsync((TStep)step, attempt, runner);

    public sealed override StepResult Replay(Step step, StepRecord line) => Replay((TStep)step, line);

    protected abstract Task<StepResult> ExecuteAsync(TStep step, StepAttempt attempt, FlowRunner runner);

    protected virtual StepResult Replay(TStep step, StepRecord line) => base.Replay(step, line);
}

/// <summary>The kinds this engine can walk: one executor for each. An explicit list, so that nothing is found by reflection.</summary>
internal static class StepExecutors
{
    private static readonly ActionExecutor s_action = new();
    private static readonly CallExecutor s_call = new();
    private static readonly CodeExecutor s_code = new();
    private static readonly LoopExecutor s_loop = new();
    private static readonly RespondExecutor s_respond = new();
    private static readonly RouterExecutor s_router = new();
    private static readonly StopExecutor s_stop = new();
    private static readonly WaitExecutor s_wait = new();

    /// <summary>As they are called in a definition.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["action", "call", "code", "loop", "respond", "router", "stop", "wait"];

    /// <exception cref="StepException">A kind this engine cannot walk; the validator refuses it, so only a definition from elsewhere has one.</exception>
    public static StepExecutor For(Step step) => step switch
    {
        ActionStep => s_action,
        CallStep => s_call,
        CodeStep => s_code,
        LoopStep => s_loop,
        RespondStep => s_respond,
        RouterStep => s_router,
        StopStep => s_stop,
        WaitStep => s_wait,
        _ => throw new StepException(StepErrorCodes.Definition, $"this engine cannot walk steps of the kind '{step.Kind}'; it knows {string.Join(", ", Kinds)}."),
    };
}
