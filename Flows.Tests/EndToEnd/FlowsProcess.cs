#pragma warning disable RS0030 // The thing to be shown with it is one real process that is both API and worker.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Flows.Tests.Api;

namespace Flows.Tests.EndToEnd;

/// <summary>The API's executable as API and worker in one process, with an engine, over a database and a Redis of the test's choice. Killed when disposed.</summary>
internal sealed class FlowsProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _http;
    private readonly Task<string> _output;

    private FlowsProcess(Process process, HttpClient http, string key)
    {
        (_process, _http, Api) = (process, http, new FlowsClient(http, key));
        _output = process.StandardOutput.ReadToEndAsync();
    }

    public int Id => _process.Id;
    public FlowsClient Api { get; }

    /// <summary>Starts it and waits until it is healthy.</summary>
    public static async Task<FlowsProcess> StartAsync(TestDatabase database, string redis, params (string Name, string Value)[] settings)
    {
        await TestDatabase.FillAsync(database.ConnectionString);
        var key = $"flk_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24))}";
        var address = $"http://127.0.0.1:{FreePort()}";
        var environment = new Dictionary<string, string>
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["ASPNETCORE_URLS"] = address,
            ["ConnectionStrings__flowsdb"] = database.ConnectionString,
            ["ConnectionStrings__redis"] = redis,
            ["Flows__Queue__KeyPrefix"] = database.Name,
            ["Flows__Execution__Allow"] = "127.0.0.0/8",
            ["Flows__Security__EncryptionKey"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["Flows__Security__WorkerToken"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["Flows__Bootstrap__ApiKey"] = key,
        };
        foreach (var (name, value) in settings)
            environment[name] = value;
        var flows = new FlowsProcess(Start(environment), new HttpClient { BaseAddress = new Uri(address) }, environment["Flows__Bootstrap__ApiKey"]);
        var isUp = false;
        try
        {
            await flows.UntilHealthyAsync();
            isUp = true;
            return flows;
        }
        finally
        {
            if (!isUp)
                await flows.DisposeAsync();
        }
    }

    /// <summary>Kills it.</summary>
    /// <returns>What it has written.</returns>
    public async Task<string> EndAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return await _output.WaitAsync(TimeSpan.FromSeconds(60));
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _process.Dispose();
        _http.Dispose();
    }

    private static Process Start(Dictionary<string, string> environment)
    {
        // The executable in its own output: that is where its engine lies.
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var dll = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../Flows.Api/bin", configuration, "net10.0/Flows.Api.dll"));
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, WorkingDirectory = Path.GetDirectoryName(dll) };
        start.ArgumentList.Add(dll);
        start.Environment.Clear();
        foreach (var name in new[] { "PATH", "HOME", "DOTNET_ROOT", "DOTNET_TieredPGO" })
            start.Environment[name] = Environment.GetEnvironmentVariable(name);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private async Task UntilHealthyAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (await tick.WaitForNextTickAsync(limit.Token))
        {
            Assert.False(_process.HasExited, "The process ended.");
            try
            {
                using var health = await _http.GetAsync("/health", limit.Token);
                if (health.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
