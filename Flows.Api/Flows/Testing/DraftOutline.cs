using System.Text.Json;
using Flows.Contracts.Expressions;

namespace Flows.Api.Flows.Testing;

/// <summary>A step of a draft and where it stands.</summary>
/// <param name="Definition">As it is written, with the steps inside it.</param>
/// <param name="Around">Names of the steps around it, the outermost first.</param>
/// <param name="Before">Names of the steps that stand before it, or before a step around it, in the same list: those whose outputs it may use.</param>
internal sealed record DraftStep(string Name, string Kind, JsonElement Definition, IReadOnlyList<string> Around, IReadOnlyList<string> Before)
{
    public bool IsSkipped => Definition.TryGetProperty("skip", out var skip) && skip.ValueKind == JsonValueKind.True;

    /// <summary>The names that expressions use in the step and in the steps inside it, and in the items of the loops around it.</summary>
    public IEnumerable<string> NamesUsed(DraftOutline draft)
    {
        var loops = Around.Select(draft.Find).Where(owner => owner is { Kind: "loop" });
        var items = loops.SelectMany(loop => loop!.Definition.TryGetProperty("items", out var items) ? ExpressionTexts.In(items) : []);
        return ExpressionTexts.In(Definition).Concat(items).SelectMany(NamesIn).ToHashSet(StringComparer.Ordinal);
    }

    private static IEnumerable<string> NamesIn(string text)
    {
        try
        {
            return TextTemplate.Parse(text).Parts.SelectMany(part => References.Of(part).Names).Select(name => name.Text);
        }
        catch (ExpressionSyntaxException)
        {
            return []; // the step fails with it when it comes to it
        }
    }
}

/// <summary>The steps of a draft by name. A draft may be unfinished: what is no step is passed over.</summary>
internal sealed class DraftOutline
{
    private readonly OrderedDictionary<string, DraftStep> _steps = new(StringComparer.Ordinal);

    private DraftOutline()
    {
    }

    public static DraftOutline Of(JsonElement draft)
    {
        var outline = new DraftOutline();
        outline.Add(draft, [], []);
        return outline;
    }

    public DraftStep? Find(string name) => _steps.GetValueOrDefault(name);

    private void Add(JsonElement owner, IReadOnlyList<string> around, IReadOnlyList<string> before)
    {
        if (owner.ValueKind != JsonValueKind.Object || !owner.TryGetProperty("steps", out var list) || list.ValueKind != JsonValueKind.Array)
            return;
        foreach (var step in list.EnumerateArray())
        {
            if (Text(step, "name") is not { } name || Text(step, "kind") is not { } kind)
                continue;
            _steps.TryAdd(name, new DraftStep(name, kind, step, around, before));
            IReadOnlyList<string> inside = [.. around, name];
            Add(step, inside, before);
            if (step.TryGetProperty("onError", out var onError))
                Add(onError, inside, before);
            if (step.TryGetProperty("branches", out var branches) && branches.ValueKind == JsonValueKind.Array)
            {
                foreach (var branch in branches.EnumerateArray())
                    Add(branch, inside, before);
            }
            before = [.. before, name];
        }
    }

    private static string? Text(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
