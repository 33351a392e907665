using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>
/// Answers the caller; the flow goes on. The first respond step of a run answers, a later one changes nothing.
/// Output: <c>{ status, headers, body, sent }</c>.
/// </summary>
internal sealed class RespondExecutor : StepExecutor<RespondStep>
{
    private sealed record Templates(InputTemplate? Status, InputTemplate? Headers, InputTemplate? Body);

    protected override async Task<StepResult> ExecuteAsync(RespondStep respond, StepAttempt attempt, FlowRunner runner)
    {
        var templates = attempt.Run.Flow.Of(respond, Compile);
        var status = templates.Status is null ? Value.Of(200) : attempt.Evaluate(templates.Status);
        var headers = templates.Headers is null ? Value.Null : attempt.Evaluate(templates.Headers);
        var body = templates.Body is null ? Value.Null : attempt.Evaluate(templates.Body);
        attempt.Show(Described(status, headers, body));
        await attempt.IntendAsync(StepEffect.Pure);

        var response = new RunResponse(StatusOf(status), HeadersOf(headers), body.ToRawJson());
        attempt.Run.Meter.Output(response.Body.Length);
        var sent = attempt.Run.TryAnswer();
        if (sent)
        {
            // The lines first: whoever gets the answer may ask for the steps that made it.
            await attempt.Run.Journal.FlushAsync();
            await attempt.Run.Host.RespondAsync(response);
        }
        var output = new ValueObject.Builder();
        output.SetAll(Described(status, headers, body).AsObject);
        output.Set("sent", Value.Of(sent));
        return StepResult.Of(Value.Of(output.ToObject())) with { Answer = sent ? body : null };
    }

    protected override StepResult Replay(RespondStep respond, StepRecord line)
    {
        var result = base.Replay(respond, line);
        // In a test it may be given, and then be anything.
        return result.Output is { Kind: ValueKind.Object, AsObject: var output } && output.TryGet("sent", out var sent) && sent.IsTruthy && output.TryGet("body", out var body) ? result with { Answer = body } : result;
    }

    private static Value Described(Value status, Value headers, Value body) =>
        ValueObject.Of([new("status", status), new("headers", headers), new("body", body)]);

    private static int StatusOf(Value status) =>
        status.TryGetInteger(out var number) && number is >= 200 and <= 599
            ? (int)number
            : throw StepException.Input($"'status' must be a whole number from 200 to 599; found {ValueText.Of(status)}.");

    private static Dictionary<string, string>? HeadersOf(Value headers)
    {
        if (headers.IsNull)
            return null;
        if (headers.Kind != ValueKind.Object)
            throw StepException.Input($"'headers' must be an object; found {ValueText.Of(headers)}.");

        var found = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in headers.AsObject)
        {
            if (value.Kind is ValueKind.List or ValueKind.Object)
                throw StepException.Input($"the header '{name}' must be text; found {ValueText.Of(value)}.");
            var text = value.ToString();
            if (name.AsSpan().ContainsAny("\r\n:") || text.AsSpan().ContainsAny("\r\n\0"))
                throw StepException.Input($"the header '{name}' has a line break or a colon where none may be.");
            if (!value.IsNull)
                found[name] = text;
        }
        return found;
    }

    private static Templates Compile(RespondStep respond) =>
        new(Of(respond.Status, "$.status"), Of(respond.Headers, "$.headers"), Of(respond.Body, "$.body"));

    private static InputTemplate? Of(JsonElement field, string path) =>
        field.ValueKind == JsonValueKind.Undefined ? null : InputTemplate.Compile(field, path);
}
