using System.Globalization;
using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>Reads a wait step: which fields it needs depends on what it waits for.</summary>
internal sealed class WaitReader(ProblemList problems, Action<string, JsonElement> addSite)
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(3650);
    private static readonly string[] s_for = ["delay", "until", "webhook", "approval"];

    public WaitStep Read(Fields fields, string name)
    {
        var step = new WaitStep
        {
            Name = name,
            For = fields.Text("for", required: true) ?? "",
            Value = fields.Any("value"),
            Approvers = fields.Whole("approvers", 1, 1, 100),
            Expires = fields.Time("expires", TimeSpan.FromSeconds(1), s_longest),
            Message = fields.Any("message"),
        };
        if (step.For.Length > 0 && !s_for.Contains(step.For))
            problems.Unknown(fields.PathOf("for"), $"A step cannot wait for '{step.For}'.", step.For, s_for);
        CheckValue(fields, step);
        if (step.For is "delay" or "until" or "webhook" && fields.Any("approvers").ValueKind != JsonValueKind.Undefined)
            problems.Warning(fields.PathOf("approvers"), "'approvers' has no effect: the step does not wait for an approval.");
        addSite(fields.PathOf("value"), step.Value);
        addSite(fields.PathOf("message"), step.Message);
        return step;
    }

    private void CheckValue(Fields fields, WaitStep step)
    {
        var (value, path) = (step.Value, fields.PathOf("value"));
        var text = value.ValueKind == JsonValueKind.String && JsonText.TryGet(value, out var found) ? found : null;
        switch (step.For)
        {
            case "delay" when value.ValueKind == JsonValueKind.Undefined:
                problems.Error(fields.Path, $"'value' is missing: how long to wait, written {TimeText.Form}.");
                break;
            case "until" when value.ValueKind == JsonValueKind.Undefined:
                problems.Error(fields.Path, "'value' is missing: the date to wait for, such as '2026-03-01T10:00:00Z'.");
                break;
            case "delay" when !IsExpression(text) && !(text is not null && TimeText.TryParse(text, out var span) && span <= s_longest):
                problems.Error(path, $"'value' has to be a time span written {TimeText.Form}, at most {TimeText.Of(s_longest)}, or an expression that gives one; found {Fields.Found(value)}.");
                break;
            case "until" when !IsExpression(text) && !(text is not null && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _)):
                problems.Error(path, $"'value' has to be a date such as '2026-03-01T10:00:00Z', or an expression that gives one; found {Fields.Found(value)}.");
                break;
            case "webhook" or "approval" when value.ValueKind != JsonValueKind.Undefined:
                problems.Warning(path, $"'value' has no effect when waiting for {(step.For == "webhook" ? "a webhook" : "an approval")}; 'expires' limits the time.");
                break;
        }
    }

    private static bool IsExpression(string? text) => text?.Contains("{{", StringComparison.Ordinal) == true;
}
