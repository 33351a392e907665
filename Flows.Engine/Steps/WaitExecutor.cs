using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>
/// Pauses the run until a time, a call of the step's link, or people's word. A time that is past costs nothing, and a delay of up to two
/// seconds is slept here; everything else ends this lane of the walk, and the step is met again when the run is woken.
/// </summary>
internal sealed class WaitExecutor : StepExecutor<WaitStep>
{
    private static readonly TimeSpan s_slept = TimeSpan.FromSeconds(2);

    private sealed record Templates(InputTemplate? Value, InputTemplate? Message);

    protected override async Task<StepResult> ExecuteAsync(WaitStep wait, StepAttempt attempt, FlowRunner runner)
    {
        if (attempt.Run.Waits.Find(attempt.Path) is { } known)
        {
            if (!attempt.IsResumed)
                attempt.Show(ValueObject.Of([new("for", Value.Of(wait.For))])); // ended before the run got here
            return known.Status switch
            {
                WaitStatus.Open => StepResult.Paused,
                WaitStatus.Completed => StepResult.Of(known.Output ?? RawJson.Null),
                WaitStatus.Expired => throw new StepException(StepErrorCodes.WaitExpired, wait.For == "approval"
                    ? "it was neither approved nor refused in time."
                    : "nobody called its link in time."),
                _ => throw new StepException(known.Error?.Code ?? StepErrorCodes.Internal, known.Error?.Message ?? "its wait came to a bad end."),
            };
        }

        var templates = attempt.Run.Flow.Of(wait, Compile);
        return wait.For is "delay" or "until"
            ? await WaitForTimeAsync(wait, templates.Value, attempt)
            : await WaitForPeopleAsync(wait, templates.Message, attempt);
    }

    private static async Task<StepResult> WaitForTimeAsync(WaitStep wait, InputTemplate? template, StepAttempt attempt)
    {
        var value = template is null ? Value.Null : attempt.Evaluate(template);
        // From when the step was first met: a walk that was cut off before the wait was known does not wait longer.
        var due = wait.For == "delay" ? attempt.StartedAt + SpanOf(value) : MomentOf(value);
        attempt.Show(ValueObject.Of([new("for", Value.Of(wait.For)), new("until", Value.Of(TextOf(due)))]));

        var left = due - attempt.Run.Clock.GetUtcNow();
        if (left <= s_slept)
        {
            await attempt.IntendAsync(StepEffect.Pure);
            if (left > TimeSpan.Zero)
                await Task.Delay(left, attempt.Run.Clock, attempt.Cancel);
            return StepResult.Of(OutputAt(due));
        }
        if (due > attempt.Run.Waits.Deadline)
        {
            throw StepException.Limit("Flows__Retention__PausedDays",
                $"it would wait until {TextOf(due)}; the run may stay paused until {TextOf(attempt.Run.Waits.Deadline)} at most");
        }
        attempt.Run.Waits.Ask(new WaitRequest(attempt.Path, wait.For == "delay" ? WaitKind.Delay : WaitKind.Until, due));
        return StepResult.Paused;
    }

    private static Task<StepResult> WaitForPeopleAsync(WaitStep wait, InputTemplate? template, StepAttempt attempt)
    {
        var expires = attempt.Run.Waits.Within(wait.Expires);
        var shown = new ValueObject.Builder();
        shown.Set("for", Value.Of(wait.For));
        shown.Set("expires", Value.Of(TextOf(expires)));
        var message = template is null ? Value.Null : attempt.Evaluate(template);
        if (!message.IsNull)
            shown.Set("message", message);
        if (wait.For == "approval")
            shown.Set("approvers", Value.Of(wait.Approvers));
        attempt.Show(Value.Of(shown.ToObject()));

        attempt.Run.Waits.Ask(wait.For == "approval"
            ? new WaitRequest(attempt.Path, WaitKind.Approval, expires, wait.Approvers, message.IsNull ? null : attempt.Run.Secrets.Hide(message.ToRawJson()))
            : new WaitRequest(attempt.Path, WaitKind.Webhook, expires));
        return Task.FromResult(StepResult.Paused);
    }

    /// <summary>What a step that has waited for a time gives.</summary>
    public static RawJson OutputAt(DateTimeOffset due)
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("until", TextOf(due));
            writer.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private static string TextOf(DateTimeOffset moment) => WaitTimes.TextOf(moment);

    private static TimeSpan SpanOf(Value value) =>
        value.TryGetText(out var text) && TimeText.TryParse(text, out var span)
            ? span
            : throw StepException.Input($"'value' must be a time span written {TimeText.Form}; found {ValueText.Of(value)}.");

    private static DateTimeOffset MomentOf(Value value) =>
        value.TryGetText(out var text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment.ToUniversalTime()
            : throw StepException.Input($"'value' must be a date such as '2026-03-01T10:00:00Z'; found {ValueText.Of(value)}.");

    private static Templates Compile(WaitStep wait) => new(Of(wait.Value, "$.value"), Of(wait.Message, "$.message"));

    private static InputTemplate? Of(JsonElement field, string path) =>
        field.ValueKind == JsonValueKind.Undefined ? null : InputTemplate.Compile(field, path);
}
