using System.Globalization;
using Aspire.Hosting;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Processes;
using Flows.LocalHosting.Storage;
using Microsoft.Extensions.Configuration;

namespace Flows.LocalHosting.Servers;

/// <summary>The data of a private PostgreSQL server, and the programs and the user it runs with.</summary>
internal sealed class PostgresCluster
{
    /// <summary>
    /// False: an ephemeral server does not wait for the disk. Its data outlives a kill of its own, and not one of the machine; it goes with
    /// the application anyway. True by default, and always where the data stays: what is measured is as it is in use.
    /// </summary>
    private const string DurableSetting = "Flows:LocalHosting:Durable";

    private static readonly TimeSpan LongestInit = TimeSpan.FromMinutes(2);

    private readonly string name;
    private readonly HostingContext context;
    private readonly string programs;
    private readonly ServerFolder folder;
    private readonly string superuser;
    private readonly string password;

    private PostgresCluster(string name, HostingContext context, string programs, ServerFolder folder, string superuser, string password) =>
        (this.name, this.context, this.programs, this.folder, this.superuser, this.password) = (name, context, programs, folder, superuser, password);

    private string DataFolder => Path.Combine(folder.Path, "data");
    private bool IsDurable => !context.Data.IsEphemeral || context.Configuration.GetValue(DurableSetting, true);

    /// <exception cref="DistributedApplicationException">There is no server program, or none of the version of the data.</exception>
    public static PostgresCluster Locate(string name, HostingContext context, string superuser, string password)
    {
        var found = new ServerPrograms(context.Configuration).PostgresFolders.ToList();
        if (found.Count == 0)
        {
            throw new DistributedApplicationException(
                $"'{name}' needs PostgreSQL, and this machine has none (no 'postgres' and 'initdb' on PATH or under /usr/lib/postgresql). " +
                "Install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), " +
                "or give a database as the environment variable ConnectionStrings__flowsdb=Host=…;Database=…;Username=…;Password=….");
        }
        var folder = ServerFolder.For(name, context);
        var versionFile = Path.Combine(folder.Path, "data", "PG_VERSION");
        var programs = found[0];
        if (File.Exists(versionFile))
        {
            // Data of one major version cannot be read by another.
            var version = File.ReadAllText(versionFile).Trim();
            programs = found.Find(programs => VersionOf(programs, context) == version)
                ?? throw new DistributedApplicationException(
                    $"The data of '{name}' in {folder.Path} was written by PostgreSQL {version}, and this machine has only {string.Join(", ", found)}. " +
                    $"Install version {version} again, or move that folder away to begin with an empty database.");
        }
        return new(name, context, programs, folder, superuser, password);
    }

    /// <summary>Makes the data folder at the first start. Beside its place, then renamed: a start that was killed halfway leaves nothing that looks finished.</summary>
    public async Task EnsureMadeAsync(CancellationToken cancel)
    {
        if (File.Exists(Path.Combine(DataFolder, "PG_VERSION")))
            return;

        var unfinished = Path.Combine(folder.Path, "unfinished");
        if (Directory.Exists(unfinished))
            Directory.Delete(unfinished, recursive: true);
        folder.CreateOwned(unfinished);
        var passwordFile = Path.Combine(folder.Path, "first-password");
        PrivateFile.Write(passwordFile, password);
        folder.GiveAway(passwordFile);

        List<string> arguments =
        [
            "--pgdata", unfinished, "--username", superuser, "--pwfile", passwordFile, "--auth", "scram-sha-256",
            "--encoding", "UTF8", "--locale", OperatingSystem.IsLinux() ? "C.UTF-8" : "C",
        ];
        if (context.Data.IsEphemeral)
            arguments.Add("--no-sync"); // gone with the application anyway
        try
        {
            var exitCode = await CommandRun.ToEndAsync(Describe("initdb", arguments), name, context, LongestInit, cancel);
            if (exitCode != 0)
                throw new DistributedApplicationException($"initdb ended with code {exitCode}; its output is in the log of '{name}'.");
        }
        finally
        {
            File.Delete(passwordFile);
        }
        Directory.Move(unfinished, DataFolder);
    }

    /// <summary>The server itself: on loopback only, no socket file, durable unless its data is thrown away (<see cref="DurableSetting"/>), enough connections for every replica.</summary>
    public ProcessStart Server(int port)
    {
        string[] settings =
        [
            $"port={port.ToString(CultureInfo.InvariantCulture)}", "listen_addresses=127.0.0.1", "unix_socket_directories=",
            "max_connections=200", "shared_buffers=256MB", "max_wal_size=2GB", "checkpoint_timeout=15min", "wal_compression=on",
            "random_page_cost=1.1", "jit=off", "password_encryption=scram-sha-256", "log_min_messages=warning", "log_line_prefix=%m [%p] ",
            .. IsDurable ? Array.Empty<string>() : ["fsync=off", "full_page_writes=off"],
        ];
        return Describe("postgres", ["-D", DataFolder, .. settings.SelectMany(setting => new[] { "-c", setting })]) with { StopSignal = Native.SigInt };
    }

    private ProcessStart Describe(string program, IReadOnlyList<string> arguments) =>
        new(Path.Combine(programs, program), arguments, context.InheritedEnvironment(), folder.Path) { User = folder.User };

    /// <summary>Debian's folders carry the version in their name; elsewhere the library folder or the program itself tells.</summary>
    private static string VersionOf(string programs, HostingContext context)
    {
        var parent = Path.GetFileName(Path.GetDirectoryName(programs));
        if (int.TryParse(parent, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            return parent!;
        // "postgres (PostgreSQL) 17.6 (Homebrew)"
        var answer = CommandRun.FirstLine(new(Path.Combine(programs, "postgres"), ["--version"], context.InheritedEnvironment(), "/"));
        return answer?.Split(' ').FirstOrDefault(word => word.Length > 0 && char.IsAsciiDigit(word[0]))?.Split('.')[0] ?? "";
    }
}
