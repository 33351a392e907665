using System.Text.Json;

namespace Flows.Api.Flows;

/// <summary>What is different between two definitions of a flow, by the names of their steps.</summary>
/// <param name="Trigger">Fields of the trigger that differ.</param>
/// <param name="Added">Steps that only the second has.</param>
/// <param name="Removed">Steps that only the first has.</param>
/// <param name="Moved">Steps that both have, in another list or in another order among those that both have.</param>
/// <param name="Changed">Steps that both have, with fields that differ. The steps inside a step are looked at by themselves.</param>
internal sealed record VersionDiff(
    IReadOnlyList<FieldChange> Trigger, IReadOnlyList<PlacedStep> Added, IReadOnlyList<PlacedStep> Removed,
    IReadOnlyList<MovedStep> Moved, IReadOnlyList<ChangedStep> Changed)
{
    /// <summary>Fields that hold steps; what is in them is compared step by step.</summary>
    private static readonly HashSet<string> s_containers = new(StringComparer.Ordinal) { "steps", "branches", "onError" };

    /// <summary>Compares two definitions as they were stored.</summary>
    public static VersionDiff Of(JsonElement from, JsonElement to)
    {
        var before = Index(from);
        var after = Index(to);
        var changed = new List<ChangedStep>();
        foreach (var (name, old) in before)
        {
            if (after.TryGetValue(name, out var now) && Changes(Own(old.Step), Own(now.Step)) is { Count: > 0 } fields)
                changed.Add(new ChangedStep(name, fields));
        }
        return new VersionDiff(
            Changes(Fields(from, "trigger"), Fields(to, "trigger")),
            [.. after.Where(step => !before.ContainsKey(step.Key)).Select(step => new PlacedStep(step.Key, step.Value.Place, step.Value.Position))],
            [.. before.Where(step => !after.ContainsKey(step.Key)).Select(step => new PlacedStep(step.Key, step.Value.Place, step.Value.Position))],
            Moves(before, after), changed);
    }

    private sealed record Placed(JsonElement Step, string Place, int Position);

    /// <summary>All steps by name. A place is the list that a step is in: <c>steps</c>, <c>size/Big</c>, <c>order/onError</c>.</summary>
    private static OrderedDictionary<string, Placed> Index(JsonElement definition)
    {
        var steps = new OrderedDictionary<string, Placed>(StringComparer.Ordinal);
        Walk(definition, "steps", "steps");
        return steps;

        void Walk(JsonElement owner, string field, string place)
        {
            if (owner.ValueKind != JsonValueKind.Object || !owner.TryGetProperty(field, out var list) || list.ValueKind != JsonValueKind.Array)
                return;
            var position = 0;
            foreach (var step in list.EnumerateArray())
            {
                if (Text(step, "name") is not { } name)
                    continue;
                steps.TryAdd(name, new Placed(step, place, position++));
                Walk(step, "steps", name);
                if (step.TryGetProperty("onError", out var onError))
                    Walk(onError, "steps", $"{name}/onError");
                if (!step.TryGetProperty("branches", out var branches) || branches.ValueKind != JsonValueKind.Array)
                    continue;
                foreach (var branch in branches.EnumerateArray())
                    Walk(branch, "steps", $"{name}/{Text(branch, "name")}");
            }
        }
    }

    /// <summary>Of the steps that stayed in their list, those outside the longest part that kept its order have moved.</summary>
    private static List<MovedStep> Moves(OrderedDictionary<string, Placed> before, OrderedDictionary<string, Placed> after)
    {
        var moved = new List<MovedStep>();
        foreach (var list in after.Where(step => before.ContainsKey(step.Key)).GroupBy(step => step.Value.Place))
        {
            var stayed = list.Where(step => before[step.Key].Place == step.Value.Place).ToList();
            var kept = Rising([.. stayed.Select(step => before[step.Key].Position)]);
            foreach (var (name, now) in list)
            {
                var old = before[name];
                if (old.Place != now.Place || !kept.Contains(old.Position))
                    moved.Add(new MovedStep(name, old.Place, old.Position, now.Place, now.Position));
            }
        }
        return moved;
    }

    /// <summary>The longest rising part of a list of different numbers.</summary>
    private static HashSet<int> Rising(int[] numbers)
    {
        var (length, previous) = (new int[numbers.Length], new int[numbers.Length]);
        var best = -1;
        for (var i = 0; i < numbers.Length; i++)
        {
            (length[i], previous[i]) = (1, -1);
            for (var j = 0; j < i; j++)
            {
                if (numbers[j] < numbers[i] && length[j] + 1 > length[i])
                    (length[i], previous[i]) = (length[j] + 1, j);
            }
            if (best < 0 || length[i] > length[best])
                best = i;
        }
        var kept = new HashSet<int>();
        for (var i = best; i >= 0; i = previous[i])
            kept.Add(numbers[i]);
        return kept;
    }

    private static List<FieldChange> Changes(Dictionary<string, JsonElement> before, Dictionary<string, JsonElement> after)
    {
        var changes = new List<FieldChange>();
        foreach (var field in before.Keys.Union(after.Keys))
            Compare(field, before.TryGetValue(field, out var old) ? old : null, after.TryGetValue(field, out var now) ? now : null, changes);
        return changes;
    }

    // Objects are compared field by field, so that a long input shows the one value that changed; anything else as a whole.
    private static void Compare(string path, JsonElement? before, JsonElement? after, List<FieldChange> changes)
    {
        if (before is { ValueKind: JsonValueKind.Object } old && after is { ValueKind: JsonValueKind.Object } now)
        {
            foreach (var field in old.EnumerateObject().Concat(now.EnumerateObject()).Select(property => property.Name).Distinct().ToList())
                Compare($"{path}.{field}", Get(old, field), Get(now, field), changes);
        }
        else if (before is null || after is null || !JsonElement.DeepEquals(before.Value, after.Value))
        {
            changes.Add(new FieldChange(path, before, after));
        }
    }

    /// <summary>The fields of a step without the steps inside it.</summary>
    private static Dictionary<string, JsonElement> Own(JsonElement step)
    {
        var own = FieldsOf(step);
        foreach (var container in s_containers)
            own.Remove(container);
        if (step.TryGetProperty("onError", out var onError) && onError.ValueKind == JsonValueKind.String)
            own["onError"] = onError;
        if (step.TryGetProperty("branches", out var branches) && branches.ValueKind == JsonValueKind.Array)
        {
            foreach (var branch in branches.EnumerateArray().Where(branch => branch.ValueKind == JsonValueKind.Object))
            {
                foreach (var field in branch.EnumerateObject().Where(field => field.Name is not ("name" or "steps")))
                    own[$"branches.{Text(branch, "name")}.{field.Name}"] = field.Value;
            }
        }
        return own;
    }

    private static Dictionary<string, JsonElement> Fields(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object
            ? FieldsOf(value)
            : [];

    // Of a field that an unfinished draft has twice the last counts.
    private static Dictionary<string, JsonElement> FieldsOf(JsonElement owner)
    {
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var field in owner.EnumerateObject())
            fields[field.Name] = field.Value;
        return fields;
    }

    private static JsonElement? Get(JsonElement owner, string name) => owner.TryGetProperty(name, out var value) ? value : null;

    private static string? Text(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}

/// <param name="Field">Path inside the step: <c>input.url</c>.</param>
/// <param name="From">Null: it was not there.</param>
/// <param name="To">Null: it is there no more.</param>
internal sealed record FieldChange(string Field, JsonElement? From, JsonElement? To);

/// <param name="Place">The list that the step is in: <c>steps</c>, the name of a loop, <c>router/branch</c>, or <c>step/onError</c>.</param>
internal sealed record PlacedStep(string Name, string Place, int Position);

internal sealed record MovedStep(string Name, string FromPlace, int FromPosition, string ToPlace, int ToPosition);

internal sealed record ChangedStep(string Name, IReadOnlyList<FieldChange> Fields);
