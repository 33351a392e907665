using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>
/// Has another flow run. The API starts the called run in the same commit that pauses this one, so a crash starts it neither twice nor not
/// at all. Awaited, the step gives the called run's output, and fails as it failed; else it gives <c>{ runId }</c> as soon as that run is there.
/// </summary>
internal sealed class CallExecutor : StepExecutor<CallStep>
{
    protected override Task<StepResult> ExecuteAsync(CallStep call, StepAttempt attempt, FlowRunner runner)
    {
        var run = attempt.Run;
        // Each try is a run of its own.
        var path = attempt.Number == 1 ? attempt.Path : $"{attempt.Path}@{attempt.Number}";
        if (run.Waits.Find(path) is { } known)
        {
            return Task.FromResult(known.Status switch
            {
                WaitStatus.Open => StepResult.Paused,
                WaitStatus.Completed => StepResult.Of(known.Output ?? RawJson.Null),
                WaitStatus.Expired => throw new StepException(StepErrorCodes.Timeout, call.Timeout is { } timeout
                    ? $"the flow it called took longer than the timeout of {TimeText.Of(timeout)}; that run goes on."
                    : "the flow it called took longer than a run may stay paused; that run goes on.", transient: true),
                _ => throw new StepException(known.Error?.Code ?? StepErrorCodes.CallFailed, known.Error?.Message ?? "the run it called came to a bad end.",
                    detail: known.Error?.Detail),
            });
        }

        var template = run.Flow.Of(call, step => InputTemplate.Compile(step.Input, "$.input"));
        var input = attempt.Evaluate(template);
        if (input.IsNull)
            input = Value.Of(ValueObject.Empty);
        attempt.Show(ValueObject.Of([new("flow", Value.Of(call.Flow)), new("input", input)]));

        var json = run.Secrets.Hide(input.ToRawJson());
        run.Meter.Output(json.Length);
        run.Waits.Ask(new WaitRequest(path, WaitKind.Call, run.Waits.Within(call.Timeout), Call: new CallRequest(call.Flow, json, call.Await)));
        return Task.FromResult(StepResult.Paused);
    }
}
