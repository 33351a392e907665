using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;

namespace Flows.Engine.Steps;

/// <summary>Calls an action of a piece.</summary>
internal sealed class ActionExecutor : StepExecutor<ActionStep>
{
    protected override async Task<StepResult> ExecuteAsync(ActionStep step, StepAttempt attempt, FlowRunner runner)
    {
        var run = attempt.Run;
        var action = run.Pieces.FindAction(step.Piece, step.Action)
            ?? throw new StepException(StepErrorCodes.Definition, $"this engine has no action '{step.Piece}.{step.Action}'.");

        var template = run.Flow.Of(step, from => InputTemplate.Compile(from.Input, "$.input"));
        var input = attempt.InputOf(template, withConnections: true);
        attempt.Show(ActionInput.Shown(action.Props, input));

        var call = action.Prepare(ActionInput.Bind(action.Props, input));
        await attempt.IntendAsync(call.Effect);

        var context = new PieceContext(run.Start.RunId, run.Start.FlowId, attempt.IdempotencyKey, ConnectionOf(step, run), run.Http, run.Clock, run.Start.Limits.OutputBytes)
        {
            Calls = new HostCaller(run.Host),
        };
        return StepResult.Of(await call.RunAsync(context, attempt.Cancel));
    }

    private static Contracts.Json.RawJson? ConnectionOf(ActionStep step, RunContext run)
    {
        if (step.Connection is not { } key)
            return null;
        return run.Start.Connections.TryGetValue(key, out var connection)
            ? connection
            : throw StepException.Input($"the connection '{key}' does not exist or was not given to this run.");
    }
}
