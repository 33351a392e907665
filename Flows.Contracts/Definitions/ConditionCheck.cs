using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>Reads a branch's <c>when</c>: a boolean, one expression, or OR of ANDs of tests.</summary>
/// <param name="addSite">Called for each part that may hold expressions.</param>
internal sealed class ConditionCheck(ProblemList problems, Action<string, JsonElement, SiteUse> addSite)
{
    public void Check(JsonElement when, string path)
    {
        switch (when.ValueKind)
        {
            case JsonValueKind.True or JsonValueKind.False:
                break;
            case JsonValueKind.String:
                addSite(path, when, SiteUse.Condition);
                break;
            case JsonValueKind.Object:
                Structure(when, path);
                break;
            default:
                problems.Error(path, $"A condition is true, false, an expression, or {{ \"any\": [ {{ \"all\": [ … ] }} ] }}; found {Fields.Found(when)}.");
                break;
        }
    }

    private void Structure(JsonElement when, string path)
    {
        var fields = Fields.Of(when, path, "a condition", problems)!;
        var groups = fields.List("any", required: true);
        fields.Finish();
        if (groups.Count == 0)
            problems.Error(path, "'any' needs at least one group of tests.");
        foreach (var (i, group) in groups.Index())
        {
            if (Fields.Of(group, FieldPath.Of(fields.PathOf("any"), i), "a group of tests", problems) is not { } inner)
                continue;
            var tests = inner.List("all", required: true);
            inner.Finish();
            if (tests.Count == 0)
                problems.Error(inner.Path, "'all' needs at least one test.");
            foreach (var (j, test) in tests.Index())
                Test(test, FieldPath.Of(inner.PathOf("all"), j));
        }
    }

    private void Test(JsonElement test, string path)
    {
        if (Fields.Of(test, path, "a test", problems) is not { } fields)
            return;
        var (left, right) = (fields.Any("left"), fields.Any("right"));
        fields.Flag("caseSensitive");
        var name = fields.Text("operator", required: true);
        var op = name is null ? null : ConditionOperators.Find(name);
        if (name is not null && op is null)
            problems.Unknown(fields.PathOf("operator"), $"'{name}' is not an operator.", name, [.. ConditionOperators.All.Select(known => known.Name)]);
        if (left.ValueKind == JsonValueKind.Undefined)
            problems.Error(path, "'left' is missing: a test looks at a value.");
        if (op is { NeedsRight: true } && right.ValueKind == JsonValueKind.Undefined)
            problems.Error(path, $"'right' is missing: '{op.Name}' compares with it.");
        fields.Finish();
        addSite(fields.PathOf("left"), left, SiteUse.Value);
        addSite(fields.PathOf("right"), right, SiteUse.Value);
    }
}
