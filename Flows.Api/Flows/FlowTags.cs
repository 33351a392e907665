namespace Flows.Api.Flows;

/// <summary>The words that flows are found by.</summary>
internal static class FlowTags
{
    public const int MaximumTags = 20;
    private const int MaximumLength = 50;

    /// <summary>Null when the tags are fine.</summary>
    public static FieldProblem? Check(string place, IReadOnlyList<string?> tags)
    {
        if (tags.Count > MaximumTags)
            return new FieldProblem(place, $"At most {MaximumTags} tags are allowed.");
        for (var i = 0; i < tags.Count; i++)
        {
            if (tags[i] is not { Length: > 0 and <= MaximumLength } tag || tag.Trim() != tag || tag.Any(c => char.IsControl(c) || c == ','))
                return new FieldProblem($"{place}[{i}]", $"A tag has 1 to {MaximumLength} characters, no comma, no control characters, and no blanks at its ends.");
        }
        return null;
    }

    /// <summary>Each once, in the order of the alphabet.</summary>
    public static string[] Tidy(IEnumerable<string> tags) => [.. tags.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}
