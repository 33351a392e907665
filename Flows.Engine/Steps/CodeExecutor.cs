using Flows.Contracts.Definitions;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>Has the host run the step's source in a process of its own, with the input and nothing else.</summary>
internal sealed class CodeExecutor : StepExecutor<CodeStep>
{
    /// <summary>The languages a code step may use.</summary>
    public static IReadOnlyList<string> Languages { get; } = ["javascript"];

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);
    private static long s_calls;

    protected override async Task<StepResult> ExecuteAsync(CodeStep code, StepAttempt attempt, FlowRunner runner)
    {
        var template = attempt.Run.Flow.Of(code, step => InputTemplate.Compile(step.Input, "$.input"));
        var input = attempt.InputOf(template);
        if (input.IsNull)
            input = Value.Of(ValueObject.Empty); // no input in the definition: code that takes its input apart still can
        attempt.Show(input);
        await attempt.IntendAsync(code.Effect);

        var timeout = code.Timeout ?? s_timeout;
        var request = new CodeRequested(
            Interlocked.Increment(ref s_calls), code.Name, code.Language, code.Source, input.ToRawJson(), (int)Math.Min(timeout.TotalMilliseconds, int.MaxValue));
        var answer = await attempt.Run.Host.RunCodeAsync(request, attempt.Cancel);
        if (answer.Error is { } error)
        {
            var failure = StepFailure.From(
                new StepException(error.Code, error.Message, error.Code is StepErrorCodes.Timeout or StepErrorCodes.Internal, error.Detail), code.Name, attempt.Path);
            return StepResult.Failed(failure) with { Logs = answer.Logs };
        }
        return (answer.Output is { } output ? StepResult.Of(output) : StepResult.Of(Value.Null)) with { Logs = answer.Logs };
    }
}
