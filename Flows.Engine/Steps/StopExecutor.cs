using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>Ends the run, as succeeded or as failed, whatever is around the step.</summary>
internal sealed class StopExecutor : StepExecutor<StopStep>
{
    private sealed record Templates(InputTemplate? Message, InputTemplate? Output);

    protected override async Task<StepResult> ExecuteAsync(StopStep stop, StepAttempt attempt, FlowRunner runner)
    {
        var templates = attempt.Run.Flow.Of(stop, Compile);
        var message = templates.Message is null ? Value.Null : attempt.Evaluate(templates.Message);
        var output = templates.Output is null ? attempt.State.Output : attempt.Evaluate(templates.Output);
        attempt.Show(ValueObject.Of([new("message", message)]));
        await attempt.IntendAsync(StepEffect.Pure);

        var json = attempt.Run.Secrets.Hide(output.ToRawJson());
        attempt.Run.Meter.Output(json.Length);
        if (!stop.AsFailed)
            return StepResult.Ends(new RunOutcome(RunStatus.Succeeded, json), output);
        var reason = message.IsNull ? $"The flow stopped at step '{stop.Name}'." : StepFailure.Shortened(attempt.Run.Secrets.Hide(message.ToString())!);
        return StepResult.Ends(new RunOutcome(RunStatus.Failed, json, new StepError(StepErrorCodes.Stopped, reason), attempt.Path), output);
    }

    // A line of a stop that succeeded means that the run ended here.
    protected override StepResult Replay(StopStep stop, StepRecord line) =>
        StepResult.Ends(new RunOutcome(RunStatus.Succeeded, line.Output));

    private static Templates Compile(StopStep stop) => new(Of(stop.Message, "$.message"), Of(stop.Output, "$.output"));

    private static InputTemplate? Of(JsonElement field, string path) =>
        field.ValueKind == JsonValueKind.Undefined ? null : InputTemplate.Compile(field, path);
}
