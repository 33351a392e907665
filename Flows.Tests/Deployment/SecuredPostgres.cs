#pragma warning disable RS0030 // A server of the test's own.
using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using Flows.LocalHosting.Servers;
using Flows.Tests.Engine.Pieces;
using Microsoft.Extensions.Configuration;
using Npgsql;

namespace Flows.Tests.Deployment;

/// <summary>A Postgres that takes connections over TLS only, with a certificate of an authority of the test's own. Its database is postgres, and empty.</summary>
internal sealed class SecuredPostgres : IAsyncDisposable
{
    private const string Password = "of-the-secured-postgres";
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Process _server;
    private readonly DirectoryInfo _folder;
    private readonly int _port;

    private SecuredPostgres(Process server, DirectoryInfo folder, int port) => (_server, _folder, _port) = (server, folder, port);

    private static string? Programs { get; } = new ServerPrograms(new ConfigurationBuilder().Build()).PostgresFolders.FirstOrDefault();

    /// <summary>Null when this machine has what it takes.</summary>
    public static string? Missing { get; } = Programs is null ? "PostgreSQL is not installed." : MayBeAnotherUser() ? null : "This machine gives no user namespaces.";

    /// <summary>The file of the authority, as <c>Root Certificate</c> takes it.</summary>
    public string Authority => Path.Combine(_folder.FullName, "authority.pem");

    /// <param name="authority">Null: whatever this machine trusts, which is not this server.</param>
    public string ConnectionString(string? authority) => new NpgsqlConnectionStringBuilder
    {
        Host = "localhost",
        Port = _port,
        Username = "postgres",
        Password = Password,
        Database = "postgres",
        Timeout = 5,
        SslMode = SslMode.VerifyFull,
        RootCertificate = authority,
    }.ConnectionString;

    public static async Task<SecuredPostgres> StartAsync()
    {
        var (folder, port) = (Directory.CreateTempSubdirectory("flows-secured-postgres-"), DeployedProcess.FreePort());
        string In(string name) => Path.Combine(folder.FullName, name);
        var (certificate, pem) = LocalhostCertificate.Make();
        using (certificate)
        {
            await File.WriteAllTextAsync(In("authority.pem"), pem);
            await File.WriteAllTextAsync(In("server.crt"), pem);
            await File.WriteAllTextAsync(In("server.key"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        }
        await File.WriteAllTextAsync(In("password"), Password);
        await File.WriteAllTextAsync(In("pg_hba.conf"), "hostssl all all 127.0.0.1/32 scram-sha-256\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(In("server.key"), UnixFileMode.UserRead | UnixFileMode.UserWrite); // else Postgres does not start

        using var init = Start("initdb", "-D", In("data"), "-U", "postgres", "-A", "scram-sha-256", $"--pwfile={In("password")}", "-N", "--locale=C.UTF-8");
        await init.WaitForExitAsync().WaitAsync(s_limit);
        Assert.True(init.ExitCode == 0, await init.StandardError.ReadToEndAsync());
        var server = Start("postgres", "-D", In("data"), "-p", $"{port}", "-k", folder.FullName, "-c", "listen_addresses=127.0.0.1", "-c", $"hba_file={In("pg_hba.conf")}",
            "-c", "ssl=on", "-c", $"ssl_cert_file={In("server.crt")}", "-c", $"ssl_key_file={In("server.key")}", "-c", "logging_collector=off");
        var postgres = new SecuredPostgres(server, folder, port);
        _ = server.StandardError.BaseStream.CopyToAsync(Stream.Null);
        _ = server.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        for (var since = Stopwatch.StartNew(); ;)
        {
            try
            {
                await postgres.ScalarAsync("SELECT 1");
                return postgres;
            }
            catch (NpgsqlException) when (since.Elapsed < s_limit && !server.HasExited)
            {
                await Task.Delay(50);
            }
        }
    }

    public async Task<object?> ScalarAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString(Authority)) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        // It has memory of the machine's, which a kill would leave behind.
        using (var stop = Start("pg_ctl", "-D", Path.Combine(_folder.FullName, "data"), "-m", "immediate", "stop"))
            await stop.WaitForExitAsync().WaitAsync(s_limit);
        _server.Kill(entireProcessTree: true);
        await _server.WaitForExitAsync().WaitAsync(s_limit);
        _server.Dispose();
        _folder.Delete(recursive: true);
    }

    // Postgres refuses to be root, so it is another user in a namespace of its own; the files stay ours.
    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo("unshare") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])["-U", "--map-user=1000", "--map-group=1000", Path.Combine(Programs!, program), .. arguments])
            start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }

    private static bool MayBeAnotherUser()
    {
        using var probe = OperatingSystem.IsLinux() ? Process.Start(new ProcessStartInfo("unshare", ["-U", "--map-user=1000", "--map-group=1000", "true"]) { RedirectStandardError = true }) : null;
        return probe is not null && probe.WaitForExit(TimeSpan.FromSeconds(20)) && probe.ExitCode == 0;
    }
}

/// <summary>A test that needs <see cref="SecuredPostgres"/>.</summary>
public sealed class SecuredPostgresFactAttribute : FactAttribute
{
    public SecuredPostgresFactAttribute() => Skip = SecuredPostgres.Missing;
}
