using System.Text.RegularExpressions;

namespace Flows.Api.Import;

/// <summary>
/// Activepieces writes JavaScript between the same braces. What differs is translated in the text: the outputs and errors of steps, variables, and the
/// index of a loop, which begins at 1 there. The result is checked like any other expression afterwards.
/// </summary>
internal sealed partial class ActivepiecesExpressions(IReadOnlySet<string> loops)
{
    public string Translate(string text) => text.Contains("{{", StringComparison.Ordinal) ? Braced().Replace(text, braced => "{{" + Inside(braced.Groups["inside"].Value) + "}}") : text;

    private string Inside(string expression)
    {
        expression = StepError().Replace(expression, step => $"errors.{step.Groups["step"].Value}");
        expression = StepOutput().Replace(expression, step => step.Groups["step"].Value);
        expression = Variable().Replace(expression, "vars");
        return LoopIndex().Replace(expression, found =>
            loops.Contains(found.Groups["step"].Value) ? $"({found.Groups["step"].Value}.index + 1)" : found.Value);
    }

    [GeneratedRegex(@"\{\{(?<inside>.*?)\}\}", RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Braced();

    [GeneratedRegex(@"\b(?<step>step_\d+|trigger)(?:\[['""]output['""]\]|\.output\b)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex StepOutput();

    [GeneratedRegex(@"\b(?<step>step_\d+)(?:\[['""]error['""]\]|\.error\b)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex StepError();

    [GeneratedRegex(@"\bvariables(?=\s*[\[.])", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Variable();

    [GeneratedRegex(@"\b(?<step>step_\d+)(?:\[['""]index['""]\]|\.index\b)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex LoopIndex();
}
