using Flows.Contracts.Expressions;

namespace Flows.Contracts.Definitions;

/// <summary>The names of a flow's steps: slugs, unique, and none that means something else in an expression.</summary>
internal sealed class StepNames(ProblemList problems)
{
    public const int MaxLength = 64;

    /// <summary>What an expression may name beside the steps.</summary>
    public static IReadOnlyList<string> Reserved { get; } = ["trigger", "run", "flow", "errors", "connections", "vars"];

    private readonly Dictionary<string, string> _paths = new(StringComparer.Ordinal);

    /// <summary>Every name that is taken.</summary>
    public IReadOnlyCollection<string> All => _paths.Keys;

    public void Add(string name, string path)
    {
        if (name.Length > MaxLength || !IsSlug(name))
            problems.Error(path, $"'{(name.Length > 80 ? name[..80] + "…" : name)}' cannot be a name: it needs a letter or _ first, then letters, digits or _, {MaxLength} characters at most.");
        else if (Reserved.Contains(name))
            problems.Error(path, $"'{name}' cannot be a name: expressions use it for something else.");
        else if (Parser.IsReserved(name))
            problems.Error(path, $"'{name}' cannot be a name: it is a word of the expression language.");
        else if (!_paths.TryAdd(name, path))
            problems.Error(path, $"The name '{name}' is taken by the step at {_paths[name][..^".name".Length]}. Names are unique within a flow.");
    }

    private static bool IsSlug(string name)
    {
        if (name.Length == 0 || !(char.IsAsciiLetter(name[0]) || name[0] == '_'))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        }
        return true;
    }
}
