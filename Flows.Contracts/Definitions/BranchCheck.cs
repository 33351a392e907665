using System.Buffers;
using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>The branches of one router, seen together.</summary>
internal static class BranchCheck
{
    private const int MaxName = 64;

    private static readonly SearchValues<char> s_ofPaths = SearchValues.Create(".:[]/\r\n");

    public static void Check(Fields router, RouterMode mode, IReadOnlyList<Branch> branches, ProblemList problems)
    {
        if (branches.Count == 0)
        {
            problems.Error(router.Path, "A router needs at least one branch.");
            return;
        }
        var names = new HashSet<string>(StringComparer.Ordinal);
        var conditions = new Dictionary<string, string>(StringComparer.Ordinal);
        string? always = null;
        for (var i = 0; i < branches.Count; i++)
        {
            var (branch, path) = (branches[i], FieldPath.Of(router.PathOf("branches"), i));
            if (branch.Name.Length > MaxName || branch.Name.AsSpan().ContainsAny(s_ofPaths))
                problems.Error($"{path}.name", $"The name of a branch has at most {MaxName} characters, and none of . : [ ] /, because step paths are made of it.");
            else if (branch.Name.Length > 0 && !names.Add(branch.Name))
                problems.Error($"{path}.name", $"The router has two branches named '{branch.Name}'.");

            if (branch.Otherwise && branch.When.ValueKind != JsonValueKind.Undefined)
                problems.Error($"{path}.when", "The otherwise branch has no condition: it is taken when no other branch is.");
            else if (!branch.Otherwise && branch.When.ValueKind == JsonValueKind.Undefined)
                problems.Error(path, "'when' is missing: a branch needs a condition, or \"otherwise\": true.");
            if (branch.Otherwise && i < branches.Count - 1)
                problems.Error(path, branches.Skip(i + 1).Any(later => later.Otherwise) ? "A router has only one otherwise branch." : "The otherwise branch has to be the last one.");

            if (always is not null && (mode == RouterMode.First || branch.Otherwise))
                problems.Warning(path, $"This branch can never be reached: the condition of '{always}' always holds.");
            else if (IsLiteral(branch.When, JsonValueKind.False, "{{false}}"))
                problems.Warning(path, "This branch can never be reached: its condition never holds.");
            else if (IsLiteral(branch.When, JsonValueKind.True, "{{true}}"))
                always = branch.Name;
            else if (branch.When.ValueKind != JsonValueKind.Undefined && !conditions.TryAdd(branch.When.GetRawText(), branch.Name) && mode == RouterMode.First)
                problems.Warning(path, $"This branch can never be reached: '{conditions[branch.When.GetRawText()]}' has the same condition and comes first.");
        }
        if (!branches.Any(branch => branch.Otherwise))
            problems.Warning(router.Path, "The router has no otherwise branch: when no condition holds, nothing is done.");
    }

    private static bool IsLiteral(JsonElement when, JsonValueKind kind, string expression) =>
        when.ValueKind == kind || (when.ValueKind == JsonValueKind.String && JsonText.TryGet(when, out var text) && text.Replace(" ", "", StringComparison.Ordinal) == expression);
}
