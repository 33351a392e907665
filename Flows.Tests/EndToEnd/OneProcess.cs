#pragma warning disable RS0030 // The thing to be shown here is one real process that is both API and worker.
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using Flows.Tests.Api;

namespace Flows.Tests.EndToEnd;

[Collection(nameof(Platform))]
public sealed class OneProcess(Platform platform)
{
    [Fact]
    public async Task The_api_executable_alone_runs_a_flow_when_it_is_worker_and_app()
    {
        await using var database = new TestDatabase(platform);
        var key = $"flk_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24))}";
        var address = $"http://127.0.0.1:{FreePort()}";
        using var process = Start(new()
        {
            ["ASPNETCORE_ENVIRONMENT"] = "Production",
            ["ASPNETCORE_URLS"] = address,
            ["ConnectionStrings__flowsdb"] = database.ConnectionString,
            ["ConnectionStrings__redis"] = platform.RedisConnectionString,
            ["Flows__Queue__KeyPrefix"] = database.Name,
            ["Flows__Security__EncryptionKey"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["Flows__Security__WorkerToken"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
            ["Flows__Bootstrap__ApiKey"] = key,
        });
        var output = process.StandardOutput.ReadToEndAsync();
        try
        {
            using var http = new HttpClient { BaseAddress = new Uri(address) };
            var api = new FlowsClient(http, key);
            await UntilHealthyAsync(http, process);
            var flow = await api.PublishAsync("Sum", """
                { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
                  "steps": [ { "name": "sum", "kind": "code", "language": "javascript", "input": { "n": "{{trigger.body}}" }, "source": "export default ({ n }) => n.reduce((a, b) => a + b, 0);" },
                             { "name": "answer", "kind": "respond", "body": { "sum": "{{sum}}" } } ] }
                """);

            using var answer = await http.PostAsJsonAsync($"/webhooks/{flow}/sync", new[] { 1, 2, 39 });

            Assert.Equal("""{"sum":42}""", await answer.Content.ReadAsStringAsync());
            var worker = Assert.Single((await api.SendAsync(HttpMethod.Get, "/api/v1/system/workers", null)).GetProperty("items").EnumerateArray().ToList());
            Assert.Equal(process.Id, worker.GetProperty("processId").GetInt32());
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
            await output.WaitAsync(TimeSpan.FromSeconds(10));
        }
    }

    private static Process Start(Dictionary<string, string> environment)
    {
        // The executable in its own output: that is where its engine lies.
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var dll = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../Flows.Api/bin", configuration, "net10.0/Flows.Api.dll"));
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, WorkingDirectory = Path.GetDirectoryName(dll) };
        start.ArgumentList.Add(dll);
        start.Environment.Clear();
        foreach (var name in new[] { "PATH", "HOME", "DOTNET_ROOT" })
            start.Environment[name] = Environment.GetEnvironmentVariable(name);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static async Task UntilHealthyAsync(HttpClient http, Process process)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (await tick.WaitForNextTickAsync(limit.Token))
        {
            Assert.False(process.HasExited, "The process ended.");
            try
            {
                using var health = await http.GetAsync("/health", limit.Token);
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
