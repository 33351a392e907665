using System.Text;
using Flows.Contracts.Expressions;

namespace Flows.Api.Import;

/// <summary>Gives each foreign step a name that the flow language allows, the same for the same step, unique in the flow.</summary>
internal sealed class Slugs
{
    private const int Longest = 60;
    private static readonly HashSet<string> s_taken = new(StringComparer.Ordinal) { "trigger", "run", "flow", "errors", "connections", "vars", "resume" };

    private readonly Dictionary<string, string> _byForeignName = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>A name for a step that had none.</summary>
    public string New(string like) => Unused(Slug(like));

    public string Of(string foreignName)
    {
        if (!_byForeignName.TryGetValue(foreignName, out var slug))
            _byForeignName[foreignName] = slug = Unused(Slug(foreignName));
        return slug;
    }

    /// <summary>The name given to a foreign step; null when there is none of that name.</summary>
    public string? Find(string foreignName) => _byForeignName.GetValueOrDefault(foreignName);

    public void Set(string foreignName, string slug) => _byForeignName[foreignName] = slug;

    private string Unused(string slug)
    {
        var name = slug;
        for (var number = 2; s_taken.Contains(name) || Parser.IsReserved(name) || !_used.Add(name); number++)
            name = $"{slug}_{number}";
        return name;
    }

    private static string Slug(string text)
    {
        var slug = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (char.IsAsciiLetterOrDigit(c))
                slug.Append(char.ToLowerInvariant(c));
            else if (slug.Length > 0 && slug[^1] != '_')
                slug.Append('_');
        }
        var name = slug.ToString().Trim('_');
        if (name.Length > Longest)
            name = name[..Longest].TrimEnd('_');
        return name.Length == 0 ? "step" : char.IsAsciiDigit(name[0]) ? "step_" + name : name;
    }
}
