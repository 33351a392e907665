#pragma warning disable RS0030 // A real pooler between the API and Postgres: nothing else of the tests starts one.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace Flows.Tests.Deployment;

/// <summary>A PgBouncer in transaction mode in front of the tests' Postgres. Ended when disposed.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flows-pgbouncer-").FullName;
    private readonly NpgsqlConnectionStringBuilder _postgres;
    private readonly int _port;
    private readonly Process _process;

    private PgBouncer(string postgres, int serverConnections)
    {
        _postgres = new NpgsqlConnectionStringBuilder(postgres);
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            _port = ((IPEndPoint)free.LocalEndpoint).Port;
        }
        var users = Path.Combine(_folder, "users.txt");
        File.WriteAllText(users, $"\"{_postgres.Username}\" \"{_postgres.Password}\"\n");
        var settings = Path.Combine(_folder, "pgbouncer.ini");
        File.WriteAllText(settings, $"""
            [databases]
            * = host={_postgres.Host} port={_postgres.Port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {_port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {users}
            pool_mode = transaction
            default_pool_size = {serverConnections}
            max_client_conn = 500

            """);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        var start = new ProcessStartInfo(Program!) { RedirectStandardError = true, RedirectStandardOutput = true };
        // It refuses to be root, and becomes who it is told to be.
        foreach (var argument in Environment.IsPrivilegedProcess ? ["-q", "-u", "nobody", settings] : new[] { "-q", settings })
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Where it is installed, or null. <c>./flows check</c> installs it where it can.</summary>
    public static string? Program { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/sbin").Select(folder => Path.Combine(folder, "pgbouncer")).FirstOrDefault(File.Exists);

    /// <summary>The connection string that docs/scaling.md gives, through this pooler.</summary>
    public string ConnectionString(string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = _port,
        Username = _postgres.Username,
        Password = _postgres.Password,
        Database = database,
        MaxPoolSize = 20,
        NoResetOnClose = true,
    }.ConnectionString;

    public static async Task<PgBouncer> StartAsync(string postgres, int serverConnections)
    {
        var pooler = new PgBouncer(postgres, serverConnections);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(pooler.ConnectionString("postgres")) { Pooling = false }.ConnectionString);
                await connection.OpenAsync(limit.Token);
                return pooler;
            }
            catch (NpgsqlException) when (!pooler._process.HasExited)
            {
                await tick.WaitForNextTickAsync(limit.Token); // it does not listen yet
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>A test that is skipped, with the reason, on a machine without PgBouncer.</summary>
public sealed class PgBouncerFactAttribute : FactAttribute
{
    public PgBouncerFactAttribute() => Skip = PgBouncer.Program is null ? "PgBouncer is not installed (Debian package pgbouncer)." : null;
}
