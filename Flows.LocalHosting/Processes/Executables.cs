namespace Flows.LocalHosting.Processes;

/// <summary>Finds programs.</summary>
internal static class Executables
{
    /// <summary>A program in the first folder that has it. Null when none has.</summary>
    public static string? Find(string name, IEnumerable<string> folders)
    {
        foreach (var folder in folders)
        {
            var path = Path.Combine(folder, name);
            if (!File.Exists(path))
                continue;
            if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.OtherExecute)) == 0)
                continue;
            return path;
        }
        return null;
    }

    public static string? OnPath(string name) => Find(name, PathFolders(Environment.GetEnvironmentVariable("PATH")));

    public static IEnumerable<string> PathFolders(string? path) =>
        (path ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
}
