using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Flows.Api.Import;

/// <summary>
/// What an If, Filter or Switch of n8n decides on. Tests that are ones here become such; the others an expression that says the same. What can be said in
/// neither way is never held to be true, and noted.
/// </summary>
internal sealed partial class N8nConditions(N8nExpressions expressions, string step, List<ImportNote> notes)
{
    private static readonly Dictionary<string, string> s_operations = new(StringComparer.Ordinal)
    {
        ["string:equals"] = "text_equals",
        ["string:notEquals"] = "text_not_equals",
        ["string:contains"] = "text_contains",
        ["string:notContains"] = "text_not_contains",
        ["string:startsWith"] = "text_starts_with",
        ["string:notStartsWith"] = "text_not_starts_with",
        ["string:endsWith"] = "text_ends_with",
        ["string:notEndsWith"] = "text_not_ends_with",
        ["number:equals"] = "number_equals",
        ["number:gt"] = "number_greater_than",
        ["number:lt"] = "number_less_than",
        ["boolean:true"] = "boolean_is_true",
        ["boolean:false"] = "boolean_is_false",
        ["dateTime:after"] = "date_after",
        ["dateTime:before"] = "date_before",
        ["dateTime:equals"] = "date_equals",
        ["array:contains"] = "list_contains",
        ["array:notContains"] = "list_not_contains",
        ["array:empty"] = "list_is_empty",
        ["array:notEmpty"] = "list_is_not_empty",
    };

    // 0 is the left side, 1 the right one.
    private static readonly Dictionary<string, string> s_formulas = new(StringComparer.Ordinal)
    {
        ["number:notEquals"] = "number({0}) != number({1})",
        ["number:gte"] = "number({0}) >= number({1})",
        ["number:lte"] = "number({0}) <= number({1})",
        ["string:regex"] = "test(text({0}), {1})",
        ["string:notRegex"] = "!test(text({0}), {1})",
        ["dateTime:notEquals"] = "!isSame({0}, {1})",
        ["dateTime:afterOrEquals"] = "!isBefore({0}, {1})",
        ["dateTime:beforeOrEquals"] = "!isAfter({0}, {1})",
        ["boolean:equals"] = "boolean({0}) == boolean({1})",
        ["boolean:notEquals"] = "boolean({0}) != boolean({1})",
        ["array:lengthEquals"] = "length({0}) == number({1})",
        ["array:lengthNotEquals"] = "length({0}) != number({1})",
        ["array:lengthGt"] = "length({0}) > number({1})",
        ["array:lengthLt"] = "length({0}) < number({1})",
        ["array:lengthGte"] = "length({0}) >= number({1})",
        ["array:lengthLte"] = "length({0}) <= number({1})",
        ["object:empty"] = "isEmpty({0})",
        ["object:notEmpty"] = "isNotEmpty({0})",
    };

    // As older nodes call the same.
    private static readonly Dictionary<string, string> s_olderNames = new(StringComparer.Ordinal)
    {
        ["equal"] = "equals",
        ["notEqual"] = "notEquals",
        ["larger"] = "gt",
        ["largerEqual"] = "gte",
        ["smaller"] = "lt",
        ["smallerEqual"] = "lte",
        ["isEmpty"] = "empty",
        ["isNotEmpty"] = "notEmpty",
    };

    /// <summary>The branches of an If or Switch, in the order of its outputs; a condition of null is the otherwise branch.</summary>
    public IReadOnlyList<(string Name, JsonNode? When)> Branches(JsonObject node)
    {
        var parameters = node.Object("parameters") ?? [];
        if (N8nNodes.KindOf(node) == N8nKind.If)
            return [("True", Condition(parameters.Object("conditions") ?? [], parameters)), ("False", null)];
        if (parameters.Text("mode") == "expression")
        {
            var chosen = Operand(parameters.Text("output") ?? "0");
            return [.. Enumerable.Range(0, Math.Clamp(parameters.Number("numberOutputs") ?? parameters.Number("outputsAmount") ?? 4, 1, 50))
                .Select(output => ($"Output {output}", (JsonNode?)JsonValue.Create($"{{{{ number({chosen}) == {output} }}}}")))];
        }

        var rules = parameters.Object("rules") ?? [];
        var branches = new List<(string, JsonNode?)>();
        foreach (var (index, rule) in rules.Objects("values").Concat(rules.Objects("rules")).Index())
        {
            var when = rule.Object("conditions") is { } conditions
                ? Condition(conditions, rule)
                : Any([[Test(parameters.Text("dataType") ?? "string", rule.Text("operation") ?? "equals", parameters.Text("value1"), rule.Text("value2"), caseSensitive: true)]]);
            branches.Add((rule.Text("outputKey") is { Length: > 0 } key ? key : $"Output {index + 1}", when));
        }
        var fallback = parameters.Object("options").Text("fallbackOutput") ?? parameters.Text("fallbackOutput");
        if (fallback is "extra" || branches.Count == 0)
            branches.Add(("Otherwise", null));
        else if (int.TryParse(fallback, out var output) && output >= 0)
        {
            notes.Add(new ImportNote(step, $"What fits no rule went the way of output {output} as well: add a test for it there, or its steps to the branch 'Otherwise'."));
            branches.Add(("Otherwise", null));
        }
        return branches;
    }

    private JsonNode Condition(JsonObject conditions, JsonObject around)
    {
        var tests = new List<JsonObject>();
        var caseSensitive = conditions.Object("options")?["caseSensitive"] is not JsonValue said || said.GetValueKind() != JsonValueKind.False;
        foreach (var test in conditions.Objects("conditions"))
        {
            var operation = test.Object("operator") ?? [];
            tests.Add(Test(operation.Text("type") ?? "string", operation.Text("operation") ?? "equals", test.Text("leftValue"), test.Text("rightValue"), caseSensitive));
        }
        foreach (var type in new[] { "string", "number", "boolean", "dateTime" })
        {
            foreach (var test in conditions.Objects(type))
            {
                var operation = test.Text("operation") ?? type switch { "number" => "smaller", "dateTime" => "after", _ => "equals" };
                tests.Add(Test(type, operation, test.Text("value1"), type == "boolean" ? test.Text("value2") ?? "false" : test.Text("value2"), caseSensitive: true));
            }
        }
        if (tests.Count == 0)
            return JsonValue.Create(false);
        var isAny = conditions.Text("combinator") == "or" || around.Text("combineOperation") == "any";
        return Any(isAny ? [.. tests.Select(test => new List<JsonObject> { test })] : [tests]);
    }

    private JsonObject Test(string type, string operation, string? left, string? right, bool caseSensitive)
    {
        operation = s_olderNames.GetValueOrDefault(operation, operation);
        if (operation is "exists" or "notExists" || (operation is "empty" or "notEmpty" && type is not ("array" or "object")))
            return Of(left, operation is "exists" or "notEmpty" ? "exists" : "not_exists");
        if (type == "boolean" && operation is "equals" or "notEquals" && right is "true" or "false")
            return Of(left, (right == "true") == (operation == "equals") ? "boolean_is_true" : "boolean_is_false");
        if (s_operations.TryGetValue($"{type}:{operation}", out var word))
        {
            var test = Of(left, word);
            if (word is "boolean_is_true" or "boolean_is_false" or "list_is_empty" or "list_is_not_empty")
                return test;
            if (caseSensitive && word.StartsWith("text_", StringComparison.Ordinal))
                test["caseSensitive"] = true;
            test["right"] = expressions.Translate(right ?? "");
            return test;
        }
        if (!s_formulas.TryGetValue($"{type}:{operation}", out var formula))
        {
            notes.Add(new ImportNote(step, $"The test '{operation}' of the type '{type}' could not be brought over and is to be written anew; until then it never holds."));
            return Holds("false");
        }
        return Holds(string.Format(System.Globalization.CultureInfo.InvariantCulture, formula, Operand(left ?? ""), operation is "regex" or "notRegex" ? Pattern(right ?? "") : Operand(right ?? "")));
    }

    private JsonObject Of(string? left, string word) => new() { ["left"] = expressions.Translate(left ?? ""), ["operator"] = word };

    private static JsonObject Holds(string expression) => new() { ["left"] = $"{{{{ {expression} }}}}", ["operator"] = "boolean_is_true" };

    /// <summary>A value of n8n as a part of an expression: what stands between braces is one already.</summary>
    private string Operand(string text)
    {
        if (text is not ['=', ..])
            return Literal(text);
        var parts = new List<string>();
        var (translated, at) = (expressions.Translate(text), 0);
        foreach (Match braced in Braced().Matches(translated))
        {
            if (braced.Index > at)
                parts.Add(Literal(translated[at..braced.Index]));
            parts.Add($"({braced.Groups["inside"].Value.Trim()})");
            at = braced.Index + braced.Length;
        }
        if (at < translated.Length)
            parts.Add(Literal(translated[at..]));
        return parts.Count switch
        {
            0 => "''",
            1 => parts[0],
            _ => string.Join(" + ", parts.Prepend("''")), // joined as text, whatever the parts are
        };
    }

    // There a pattern may be written with its flags: /late/i.
    private string Pattern(string text) =>
        Slashed().Match(text) is { Success: true } pattern ? $"{Literal(pattern.Groups["pattern"].Value)}, {Literal(pattern.Groups["flags"].Value.Replace("g", "", StringComparison.Ordinal))}" : Operand(text);

    private static string Literal(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static JsonObject Any(IEnumerable<List<JsonObject>> groups) => new()
    {
        ["any"] = new JsonArray([.. groups.Select(group => new JsonObject { ["all"] = new JsonArray([.. group]) })]),
    };

    [GeneratedRegex(@"\{\{(?<inside>.*?)\}\}", RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Braced();

    [GeneratedRegex("^/(?<pattern>.+)/(?<flags>[gims]*)$", RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Slashed();
}
