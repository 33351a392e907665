using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>Reads the retry policy, and says where such fields do nothing.</summary>
internal sealed class PolicyReader(ProblemList problems)
{
    private static readonly string[] s_onlyForCalls = ["retry", "timeout", "onUncertain"];

    public void WarnWithoutEffect(Fields fields, string kind)
    {
        if (kind is "action" or "code" or "call")
            return;
        foreach (var field in s_onlyForCalls)
        {
            if (fields.Any(field).ValueKind != JsonValueKind.Undefined)
                problems.Warning(fields.PathOf(field), $"'{field}' has no effect on a step of the kind '{kind}'.");
        }
    }

    public RetryPolicy ReadRetry(Fields step)
    {
        var element = step.Any("retry");
        if (element.ValueKind == JsonValueKind.Undefined || Fields.Of(element, step.PathOf("retry"), "a retry policy", problems) is not { } fields)
            return RetryPolicy.None;
        var on = new List<string>();
        foreach (var (i, word) in fields.List("on").Index())
        {
            if (word.ValueKind == JsonValueKind.String && JsonText.TryGet(word, out var text) && IsWord(text))
                on.Add(text);
            else
                problems.Error(FieldPath.Of(fields.PathOf("on"), i), $"An error to retry on is 'timeout', 'network', '5xx', '429', 'any' or an error code such as 'http_404'; found {Fields.Found(word)}.");
        }
        var policy = new RetryPolicy(
            fields.Whole("attempts", 3, 1, 20),
            fields.Time("delay", TimeSpan.Zero, TimeSpan.FromDays(1)) ?? RetryPolicy.None.Delay,
            fields.Number("backoff", RetryPolicy.None.Backoff, 1, 10),
            on);
        fields.Finish();
        return policy;
    }

    private static bool IsWord(string text) =>
        text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_');
}
