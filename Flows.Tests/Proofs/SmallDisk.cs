#pragma warning disable RS0030 // A server that a test lets run into the wall.
using System.Diagnostics;
using Flows.LocalHosting.Servers;
using Flows.Tests.Deployment;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Flows.Tests.Proofs;

/// <summary>
/// A Postgres whose disk is a few MiB in memory, in a mount and user namespace of its own, beside a shell that fills the disk and makes room again. Nothing of it is left when
/// it is disposed of.
/// </summary>
internal sealed class SmallDisk : IAsyncDisposable
{
    // The shell of the inside. It may mount; Postgres must not be root, so it runs in a further namespace, in which the same user has another number.
    private const string Inside = """
        mount -t tmpfs -o size=$SIZE,mode=0777 tmpfs "$FOLDER" || exit 3
        as_user() { unshare -U --map-user=1000 --map-group=1000 "$@"; }
        as_user "$PROGRAMS/initdb" -D "$FOLDER/pg" -U postgres -A trust --wal-segsize=1 -N >/dev/null || exit 4
        start() { as_user "$PROGRAMS/postgres" -D "$FOLDER/pg" -p $PORT -k "$FOLDER" -c listen_addresses=127.0.0.1 -c max_wal_size=8MB -c min_wal_size=2MB -c shared_buffers=16MB >/dev/null 2>&1 & server=$!; }
        start
        echo ready
        while read -r line; do
          case $line in
            fill) dd if=/dev/zero of="$FOLDER/filler" bs=64k 2>/dev/null; echo full;;
            free) rm -f "$FOLDER/filler"; kill -0 $server 2>/dev/null || start; echo free;;
            *) break;;
          esac
        done
        as_user "$PROGRAMS/pg_ctl" -D "$FOLDER/pg" -m immediate stop >/dev/null 2>&1; wait
        """;

    private readonly Process _shell;
    private readonly DirectoryInfo _folder;

    private SmallDisk(Process shell, DirectoryInfo folder, int port) => (_shell, _folder, Port) = (shell, folder, port);

    public int Port { get; }

    public string ConnectionString => new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = Port, Username = "postgres", Database = "flowsdb", Timeout = 5 }.ConnectionString;

    /// <summary>Null when this machine has no user namespaces or no Postgres.</summary>
    public static string? Missing { get; } = Find();

    public static async Task<SmallDisk> StartAsync(int mebibytes)
    {
        var (folder, port) = (Directory.CreateTempSubdirectory("flows-small-disk-"), DeployedProcess.FreePort());
        var start = Shell("unshare", ["-Urm", "bash", "-c", Inside]);
        start.Environment["SIZE"] = $"{mebibytes}m";
        start.Environment["FOLDER"] = folder.FullName;
        start.Environment["PORT"] = $"{port}";
        start.Environment["PROGRAMS"] = Programs();
        var disk = new SmallDisk(Process.Start(start)!, folder, port);
        await disk.UntilSaidAsync("ready");
        return disk;
    }

    /// <summary>Not a byte is free when this returns.</summary>
    public Task FillAsync() => TellAsync("fill", "full");

    /// <summary>Makes room, and starts Postgres again if it has given up.</summary>
    public Task FreeAsync() => TellAsync("free", "free");

    public async ValueTask DisposeAsync()
    {
        if (!_shell.HasExited)
            await _shell.StandardInput.WriteLineAsync("end");
        try
        {
            await _shell.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        }
        finally
        {
            if (!_shell.HasExited)
                _shell.Kill(entireProcessTree: true);
            _shell.Dispose();
            _folder.Delete(recursive: true);
        }
    }

    private async Task TellAsync(string word, string answer)
    {
        await _shell.StandardInput.WriteLineAsync(word);
        await UntilSaidAsync(answer);
    }

    private async Task UntilSaidAsync(string word)
    {
        var line = await _shell.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(60));
        Assert.True(line == word, $"The shell says '{line}' where '{word}' was to come.");
    }

    private static string? Programs() => new ServerPrograms(new ConfigurationBuilder().Build()).PostgresFolders.FirstOrDefault();

    private static string? Find()
    {
        if (Programs() is null)
            return "PostgreSQL is not installed.";
        using var probe = Process.Start(Shell("unshare", ["-Urm", "unshare", "-U", "--map-user=1000", "true"]));
        return probe is not null && probe.WaitForExit(TimeSpan.FromSeconds(20)) && probe.ExitCode == 0 ? null : "This machine gives no user namespaces.";
    }

    private static ProcessStartInfo Shell(string program, string[] arguments) =>
        new(OperatingSystem.IsLinux() ? program : "false", OperatingSystem.IsLinux() ? arguments : []) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
}

/// <summary>A test that needs <see cref="SmallDisk"/>.</summary>
public sealed class SmallDiskFactAttribute : FactAttribute
{
    public SmallDiskFactAttribute() => Skip = SmallDisk.Missing;
}
