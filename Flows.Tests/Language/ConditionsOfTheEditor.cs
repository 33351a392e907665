using System.Text.Json;
using Flows.Engine.Expressions;

namespace Flows.Tests.Language;

/// <summary>
/// The web editor turns rows of tests into one expression and back. Its table of both forms is checked here against the engine: whatever the
/// values, a row holds when its expression does.
/// </summary>
public sealed class ConditionsOfTheEditor
{
    private static readonly string[] s_values =
        ["null", "\"\"", "\"Ulm\"", "\"ULM and more\"", "\"old ulm\"", "5", "5.5", "-1", "\"5\"", "true", "false", "\"True\"", "[]", "[\"ulm\", 5]", "[\"Ulm\"]", "[5, null]",
            "\"2026-01-01T00:00:00Z\"", "\"2026-01-01T01:00:00+01:00\"", "\"2025-06-01\"", "\"2027-01-01\"", "{}", "\"'; drop\""];

    public static TheoryData<string, string> Cases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var item in JsonElement.Parse(File.ReadAllText(Tree.PathOf("Flows.Web", "src", "flow", "conditions.cases.json"))).EnumerateArray())
            cases.Add(item.GetProperty("rows").GetRawText(), item.GetProperty("expression").GetString()!);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_row_holds_when_its_expression_does(string rows, string expression)
    {
        var (row, written) = (Condition.Compile(JsonElement.Parse(rows)), Condition.Compile(JsonSerializer.SerializeToElement(expression, JsonSerializerOptions.Default)));
        var differ = new List<string>();
        var compared = 0;
        foreach (var a in s_values)
        {
            foreach (var b in s_values)
            {
                var scope = SampleScope.Of($$"""{ "a": {{a}}, "b": {{b}} }""");
                // A value of a kind that the row refuses may mean anything: the run fails there either way it is told.
                if (Holds(row, scope) is not { } expected)
                    continue;
                compared++;
                if (Holds(written, scope) != expected)
                    differ.Add($"a = {a}, b = {b}: the row {expected}, the expression {Holds(written, scope)?.ToString() ?? "an error"}");
            }
        }
        Assert.Empty(differ);
        Assert.True(compared > 20, $"Only {compared} pairs of values were compared.");
    }

    private static bool? Holds(Condition condition, SampleScope scope)
    {
        try
        {
            return condition.Evaluate(scope, Expressions.Context());
        }
        catch (ExpressionException)
        {
            return null;
        }
    }
}
