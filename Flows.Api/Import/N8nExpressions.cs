using System.Text.RegularExpressions;

namespace Flows.Api.Import;

/// <summary>
/// n8n marks a string with expressions by an equals sign in front; between the braces stands JavaScript with names of its own. There a node works on a list of
/// items; here a step has one output, so <c>$json</c> is the output of the step before, and an item of the loop around it inside a loop.
/// </summary>
/// <param name="before">What <c>$json</c> means at this place.</param>
/// <param name="stepOf">The name here of a node there; null for an unknown one.</param>
internal sealed partial class N8nExpressions(string before, Func<string, string?> stepOf)
{
    public string Translate(string text)
    {
        if (text is not ['=', .. var expression])
            return text.Replace("{{", "{{ '{{' }}", StringComparison.Ordinal); // plain text there: braces mean nothing
        return Braced().Replace(expression, braced => "{{" + Inside(braced.Groups["inside"].Value) + "}}");
    }

    private string Inside(string js)
    {
        js = NodeData().Replace(js, node => stepOf(node.Groups["name"].Value) ?? node.Value);
        js = OwnData().Replace(js, before);
        js = js.Replace("$execution.id", "run.id", StringComparison.Ordinal)
            .Replace("$workflow.id", "flow.id", StringComparison.Ordinal)
            .Replace("$workflow.name", "flow.name", StringComparison.Ordinal)
            .Replace("$vars.", "vars.", StringComparison.Ordinal);
        js = NowAs().Replace(js, found => found.Groups["word"].Value == "today" ? "today()" : "now()");
        return ToText().Replace(js, "");
    }

    [GeneratedRegex(@"\{\{(?<inside>.*?)\}\}", RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Braced();

    // $node["Name"].json, $node.Name.json, $('Name').item.json, .first().json, .last().json, $items("Name")[0].json
    [GeneratedRegex(@"(?:\$node\[\s*['""](?<name>[^'""]+)['""]\s*\]|\$node\.(?<name>\w+)|\$\(\s*['""](?<name>[^'""]+)['""]\s*\)(?:\.item|\.first\(\)|\.last\(\))?|\$items\(\s*['""](?<name>[^'""]+)['""]\s*\)\[0\])\.json\b", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NodeData();

    [GeneratedRegex(@"\$input\.(?:item|first\(\)|last\(\))\.json\b|\$json\b|\$input\.item\b|\$data\b", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex OwnData();

    [GeneratedRegex(@"\$(?<word>now|today)\b", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NowAs();

    [GeneratedRegex(@"(?<=(?:now|today)\(\))\.toISO\(\)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex ToText();
}
