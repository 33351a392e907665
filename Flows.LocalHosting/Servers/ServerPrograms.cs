using Flows.LocalHosting.Processes;
using Microsoft.Extensions.Configuration;

namespace Flows.LocalHosting.Servers;

/// <summary>Where the server programs of this machine may be.</summary>
internal sealed class ServerPrograms(IConfiguration configuration)
{
    /// <summary>Folders, separated as in PATH, to look in instead of everywhere.</summary>
    public const string SearchPathSetting = "Flows:LocalHosting:SearchPath";

    // Homebrew's folders are not always on the PATH of a program started from a desktop.
    private static readonly string[] UsualFolders = ["/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"];

    private readonly string? only = configuration[SearchPathSetting];

    public string? Redis =>
        Executables.Find("redis-server", Folders) ?? Executables.Find("valkey-server", Folders);

    /// <summary>Folders with both postgres and initdb: PATH first, then Debian's by version, newest first.</summary>
    public IEnumerable<string> PostgresFolders => Folders.Concat(only is null ? DebianPostgres() : [])
        .Select(folder => Executables.Find("postgres", [folder]))
        .OfType<string>()
        // A link on PATH: initdb and the rest lie beside the real file.
        .Select(file => Path.GetDirectoryName(File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file)!)
        .Where(folder => File.Exists(Path.Combine(folder, "initdb")))
        .Distinct();

    private IEnumerable<string> Folders =>
        only is not null ? Executables.PathFolders(only) : Executables.PathFolders(Environment.GetEnvironmentVariable("PATH")).Concat(UsualFolders);

    private static IEnumerable<string> DebianPostgres()
    {
        const string root = "/usr/lib/postgresql";
        return Directory.Exists(root)
            ? Directory.GetDirectories(root)
                .OrderByDescending(folder => int.TryParse(Path.GetFileName(folder), out var version) ? version : 0)
                .Select(folder => Path.Combine(folder, "bin"))
            : [];
    }
}
