namespace Flows.Engine.Serving;

/// <summary>
/// The folders that are this process's alone, named by the worker in FLOWS_SCRUB with colons between them: in a box, its temporary folder and its shared
/// memory. They are emptied before each run, so that a run finds no file of an earlier one; what was there when the process started is left, because the box
/// is made of it (the broker's socket, an engine that is installed below a temporary folder). A process that shares its folders with others has none.
/// </summary>
internal sealed class OwnFolders
{
    private readonly string[] _folders;
    private readonly HashSet<string> _given;

    public OwnFolders(string? names)
    {
        _folders = (names ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        _given = [.. _folders.SelectMany(Directory.EnumerateFileSystemEntries)];
    }

    public static OwnFolders FromEnvironment() => new(Environment.GetEnvironmentVariable("FLOWS_SCRUB"));

    /// <exception cref="IOException">Something cannot be removed: the process must not serve another run.</exception>
    public void Empty()
    {
        foreach (var folder in _folders)
        {
            foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos())
            {
                if (_given.Contains(entry.FullName))
                    continue;
                // A link is removed itself, not what it leads to.
                if (entry is DirectoryInfo { LinkTarget: null } directory)
                    directory.Delete(recursive: true);
                else
                    entry.Delete();
            }
        }
    }
}
