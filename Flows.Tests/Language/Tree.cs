namespace Flows.Tests.Language;

/// <summary>Files of the source tree, found from where the tests run.</summary>
internal static class Tree
{
    public static string PathOf(params string[] parts)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Flows.sln")))
            folder = folder.Parent;
        return Path.Combine([folder?.FullName ?? throw new InvalidOperationException("The tests do not run inside the source tree."), .. parts]);
    }
}
