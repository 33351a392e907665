using System.Text.Json;
using Flows.Contracts.Expressions;

namespace Flows.Contracts.Definitions;

/// <summary>Reads the retry policy, and says where such fields do nothing.</summary>
internal sealed class PolicyReader(ProblemList problems)
{
    private static readonly string[] s_onlyForCalls = ["retry", "timeout", "onUncertain"];
    private static readonly string[] s_words = ["timeout", "network", "4xx", "5xx", "any"];

    public void WarnWithoutEffect(Fields fields, string kind)
    {
        if (kind is "action" or "code" or "call")
            return;
        foreach (var field in s_onlyForCalls)
        {
            // The time of a step that holds others is that of all of them together.
            if (field == "timeout" && kind is "loop" or "router")
                continue;
            if (fields.Any(field).ValueKind != JsonValueKind.Undefined)
                problems.Warning(fields.PathOf(field), $"'{field}' has no effect on a step of the kind '{kind}'.");
        }
    }

    /// <returns>Null when the step leaves it to its project.</returns>
    public static UncertainPolicy? ReadUncertain(Fields step) => step.Any("onUncertain").ValueKind == JsonValueKind.Undefined
        ? null
        : step.Choice("onUncertain", ("ask", UncertainPolicy.Ask), ("retry", UncertainPolicy.Retry), ("fail", UncertainPolicy.Fail));

    public RetryPolicy ReadRetry(Fields step)
    {
        var element = step.Any("retry");
        if (element.ValueKind == JsonValueKind.Undefined || Fields.Of(element, step.PathOf("retry"), "a retry policy", problems) is not { } fields)
            return RetryPolicy.None;
        var on = new List<string>();
        foreach (var (i, word) in fields.List("on").Index())
        {
            var path = FieldPath.Of(fields.PathOf("on"), i);
            if (word.ValueKind != JsonValueKind.String || !JsonText.TryGet(word, out var text) || !IsWord(text))
            {
                problems.Error(path, $"An error to retry on is 'timeout', 'network', '5xx', a status such as '429', 'any' or an error code such as 'smtp_busy'; found {Fields.Found(word)}.");
                continue;
            }
            on.Add(text);
            // Pieces have codes of their own, so a word that is not known may be one; that of a misspelt one would never come.
            if (!s_words.Contains(text) && NearestName.Question(text, s_words) is { Length: > 0 } question)
                problems.Warning(path, $"Only steps that fail with the error code '{text}' are tried again.{question}");
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
