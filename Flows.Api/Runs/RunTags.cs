namespace Flows.Api.Runs;

/// <summary>The words that a run is found by: of the header <c>Flows-Run-Tags</c> or the query <c>flows-run-tags</c>, with commas between.</summary>
internal static class RunTags
{
    public const string Header = "Flows-Run-Tags";
    public const string Query = "flows-run-tags";
    private const int MaxTags = 10;
    private const int MaxLength = 100;

    /// <param name="problem">What is wrong, with the place; null when nothing is.</param>
    public static IReadOnlyList<string> Read(HttpRequest request, out FieldProblem? problem)
    {
        problem = null;
        var (header, query) = (request.Headers[Header], request.Query[Query]);
        if (header.Count == 0 && query.Count == 0)
            return [];
        var tags = header.Concat(query).SelectMany(Split).Distinct(StringComparer.Ordinal).ToList();
        problem = Check(header.Count > 0 ? Header : Query, tags);
        return problem is null ? tags : [];
    }

    /// <summary>Null when the tags are fine.</summary>
    public static FieldProblem? Check(string place, IReadOnlyList<string> tags) =>
        tags.Count > MaxTags ? new FieldProblem(place, $"At most {MaxTags} tags are allowed.")
        : tags.Any(tag => tag.Length > MaxLength || tag.Any(char.IsControl)) ? new FieldProblem(place, $"A tag has at most {MaxLength} characters and no control characters.")
        : null;

    public static string[] Split(string? text) => (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
