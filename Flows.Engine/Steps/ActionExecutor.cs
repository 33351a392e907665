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
        await run.Connections.DemandAsync(step, new HostCaller(run.Host), attempt.Cancel);
        var used = run.Connections.Now;
        var call = Prepare(step, attempt, action);
        await attempt.IntendAsync(call.Effect);
        try
        {
            return StepResult.Of(await call.RunAsync(ContextOf(step, attempt), attempt.Cancel));
        }
        catch (PieceException refused) when (AccessToken.IsRefused(refused.Code, refused.Detail))
        {
            // A token may run out while the run goes on. A service that answers 401 has done nothing, so that what it was asked for is asked
            // for once more; the input is made anew, because it may hold the token.
            if (!await run.Connections.RenewAsync(step, used, new HostCaller(run.Host), attempt.Cancel))
                throw;
            return StepResult.Of(await Prepare(step, attempt, action).RunAsync(ContextOf(step, attempt), attempt.Cancel));
        }
    }

    private static PieceCall Prepare(ActionStep step, StepAttempt attempt, PieceAction action)
    {
        var template = attempt.Run.Flow.Of(step, from => InputTemplate.Compile(from.Input, "$.input"));
        var input = attempt.InputOf(template, withConnections: true);
        attempt.Show(ActionInput.Shown(action.Props, input));
        return action.Prepare(ActionInput.Bind(action.Props, input));
    }

    private static PieceContext ContextOf(ActionStep step, StepAttempt attempt)
    {
        var run = attempt.Run;
        return new PieceContext(
            run.Start.RunId, run.Start.FlowId, attempt.IdempotencyKey, step.Connection is { } key ? run.Connections.Of(key) : null, run.Http, run.Clock,
            run.Start.Limits.OutputBytes)
        {
            Calls = new HostCaller(run.Host, run.Secrets),
        };
    }
}
