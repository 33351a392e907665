#pragma warning disable RS0030 // A server that a test may kill: nothing else of the tests starts a process here.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Flows.Tests.Queue;

/// <summary>A Redis of the test's own, with its append-only file: it may be killed, started again and flushed.</summary>
public sealed class PrivateRedis : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("flows-redis-").FullName;
    private readonly int _port = FreePort();
    private Process? _process;

    public int Port => _port;

    public string ConnectionString => $"127.0.0.1:{_port}";

    /// <summary>Where its file is, and what a test puts beside it.</summary>
    public string Folder => _folder;

    public void Start(params string[] settings)
    {
        Run(["--port", $"{_port}", "--bind", "127.0.0.1", "--dir", _folder, "--appendonly", "yes", "--appendfsync", "always", "--save", "", .. settings]);
    }

    /// <summary>A sentinel that watches one master under the name "flows", and alone decides when it is down.</summary>
    public void StartAsSentinelOf(PrivateRedis master)
    {
        var file = Path.Combine(_folder, "sentinel.conf"); // the sentinel writes what it learns into it
        File.WriteAllText(file, $"""
            port {_port}
            bind 127.0.0.1
            dir {_folder}
            sentinel monitor flows 127.0.0.1 {master.Port} 1
            sentinel down-after-milliseconds flows 500
            sentinel failover-timeout flows 3000

            """);
        Run([file, "--sentinel"]);
    }

    private void Run(string[] arguments)
    {
        var start = new ProcessStartInfo("redis-server") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        _process = Process.Start(start) ?? throw new InvalidOperationException("redis-server did not start.");
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>As kill -9.</summary>
    public void Kill()
    {
        _process?.Kill();
        _process?.WaitForExit(TimeSpan.FromSeconds(10));
        _process?.Dispose();
        _process = null;
    }

    public async Task<string> CommandAsync(string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(command + "\r\n"));
        var answer = new byte[4096];
        var length = await stream.ReadAsync(answer).AsTask().WaitAsync(QueueSituation.Limit);
        return System.Text.Encoding.ASCII.GetString(answer, 0, length);
    }

    /// <summary>redis-cli, for what it alone can do. Fails when it does.</summary>
    public static async Task CliAsync(string[] arguments)
    {
        using var limit = new CancellationTokenSource(QueueSituation.Limit);
        using var cli = Process.Start(new ProcessStartInfo("redis-cli", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = cli.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = cli.StandardError.ReadToEndAsync(limit.Token);
        await cli.WaitForExitAsync(limit.Token);
        Assert.True(cli.ExitCode == 0, $"redis-cli: {await output} {await errors}");
    }

    public void Dispose()
    {
        Kill();
        Directory.Delete(_folder, recursive: true);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
