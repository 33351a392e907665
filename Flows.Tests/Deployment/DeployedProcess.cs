#pragma warning disable RS0030 // What is deployed is processes, and these are started with the variables of the compose file.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Flows.Tests.Worker;

namespace Flows.Tests.Deployment;

/// <summary>The API's or the worker's executable, started with the environment that the compose file gives it. Killed when disposed.</summary>
internal sealed class DeployedProcess : IAsyncDisposable
{
    private readonly Process _process;

    private DeployedProcess(Process process, int port)
    {
        (_process, Port) = (process, port);
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
    }

    public int Port { get; }

    public int Id => _process.Id;

    /// <param name="program"><c>Flows.Api</c> or <c>Flows.Worker</c>.</param>
    public static DeployedProcess Start(string program, IReadOnlyDictionary<string, string> environment)
    {
        var port = FreePort();
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var dll = Path.Combine(DeployFiles.Root, program, "bin", configuration, "net10.0", $"{program}.dll");
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, WorkingDirectory = Path.GetDirectoryName(dll) };
        start.ArgumentList.Add(dll);
        start.Environment.Clear();
        foreach (var name in new[] { "PATH", "HOME", "DOTNET_ROOT", "DOTNET_TieredPGO" })
            start.Environment[name] = Environment.GetEnvironmentVariable(name);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        // In a container every process has port 8080 to itself.
        start.Environment["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}";
        return new DeployedProcess(Process.Start(start)!, port);
    }

    public async Task UntilHealthyAsync()
    {
        using var http = new HttpClient();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (await tick.WaitForNextTickAsync(limit.Token))
        {
            Assert.False(_process.HasExited, "The process ended.");
            try
            {
                using var health = await http.GetAsync($"http://127.0.0.1:{Port}/health", limit.Token);
                if (health.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
        }
    }

    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>Tells it to end, as an orchestrator does, and waits for that.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        ChildProbe.Terminate(_process.Id);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
