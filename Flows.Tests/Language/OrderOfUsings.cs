using System.Text.RegularExpressions;

namespace Flows.Tests.Language;

/// <summary>What the check of the format, which sees each file by itself, does not look at.</summary>
public sealed partial class OrderOfUsings
{
    [Fact]
    public void In_every_file_System_comes_first_and_the_rest_by_name()
    {
        var root = Path.GetDirectoryName(Tree.PathOf("Flows.sln"))!;
        var wrong = Directory.EnumerateDirectories(root, "Flows.*").Append(Path.Combine(root, "bench"))
            .SelectMany(project => Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories))
            .Where(file => !Made().IsMatch(file) && !IsInOrder([.. File.ReadLines(file)
                .Select(line => Using().Match(line)).SkipWhile(line => !line.Success).TakeWhile(line => line.Success).Select(line => line.Groups[1].Value)]))
            .Select(file => Path.GetRelativePath(root, file));
        Assert.Equal([], wrong);
        Assert.False(IsInOrder(["Flows.Api", "System"]));
        Assert.False(IsInOrder(["System.Text", "System"]));
        Assert.True(IsInOrder(["System", "System.Text", "Flows.Api", "Flows.Api.Runs", "Npgsql"]));
    }

    private static bool IsInOrder(IReadOnlyList<string> names) =>
        names.OrderBy(name => name == "System" || name.StartsWith("System.", StringComparison.Ordinal) ? 0 : 1).ThenBy(name => name, StringComparer.OrdinalIgnoreCase).SequenceEqual(names);

    [GeneratedRegex(@"^using ([A-Z][\w.]*);$")]
    private static partial Regex Using();

    [GeneratedRegex(@"[/\\](bin|obj|node_modules)[/\\]")]
    private static partial Regex Made();
}
