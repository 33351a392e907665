using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Flows.Contracts.Network;
using Flows.Worker.Egress;
using Flows.Worker.Sandbox;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Flows.Bench;

/// <summary>
/// What the egress broker adds to an HTTP request: the same client and server on loopback, once connected through the policy in the process, once
/// through a broker's socket. The two take turns, so that both see the same machine. Client, broker and server share this process.
/// </summary>
internal static class EgressBench
{
    private const int Block = 200;

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var duration = TimeSpan.FromSeconds(arguments.Number(0, "The number of seconds", 10, 1, 300));
        List<string> report = ["| connection | way | requests | p50 ms | p95 ms | p99 ms | mean ms |", "|---|---|---|---|---|---|---|", .. await MeasureAsync(duration)];
        report.ForEach(Console.WriteLine);
        Results.Keep(arguments, "egress", $"To reach: at most 0.5 ms added.\n\n{string.Join('\n', report)}");
        return 0;
    }

    /// <returns>Rows of a table: connection, way, requests, p50, p95, p99 and mean in ms.</returns>
    internal static async Task<List<string>> MeasureAsync(TimeSpan duration)
    {
        List<string> report = [];
        await using var server = Server();
        await server.StartAsync();
        var url = new Uri(server.Urls.Single());

        var options = new NetworkOptions { Allow = "127.0.0.0/8" };
        using var metrics = new EgressMetrics();
        using var starter = new ProcessStarter();
        var namespaces = new NetworkNamespace(starter, NullLogger<NetworkNamespace>.Instance);
        using var broker = new EgressBroker(Options.Create(options), Options.Create(new ExecutionOptions()), namespaces, metrics, TimeProvider.System, NullLogger<EgressBroker>.Instance);
        await using var egress = broker.OpenSocket([]);
        using var gate = new NetworkGate(options.ToSettings());

        foreach (var isKept in new[] { true, false })
        {
            using var near = Client(async (at, cancel) => await gate.ConnectAsync(at.Host, at.Port, cancel), isKept);
            using var far = Client((at, cancel) => AskAsync(egress.SocketPath, at, cancel), isKept);
            await BlockAsync(near, url, []);
            await BlockAsync(far, url, []);
            var nearTimes = new List<double>();
            var farTimes = new List<double>();
            for (var clock = Stopwatch.StartNew(); clock.Elapsed < duration / 2;)
            {
                await BlockAsync(near, url, nearTimes);
                await BlockAsync(far, url, farTimes);
            }
            var what = isKept ? "kept" : "new each";
            report.Add(Row(what, "in the process", nearTimes));
            report.Add(Row(what, "broker", farTimes));
            report.Add(FormattableString.Invariant($"| {what} | **added** | | {At(farTimes, 0.5) - At(nearTimes, 0.5):F3} | | | {farTimes.Average() - nearTimes.Average():F3} |"));
        }
        return report;
    }

    private static async Task BlockAsync(HttpClient client, Uri url, List<double> times)
    {
        for (var i = 0; i < Block; i++)
        {
            var start = Stopwatch.GetTimestamp();
            _ = await client.GetByteArrayAsync(url);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }
    }

    private static string Row(string connection, string way, List<double> times)
    {
        times.Sort();
        return FormattableString.Invariant(
            $"| {connection} | {way} | {times.Count} | {At(times, 0.5):F3} | {At(times, 0.95):F3} | {At(times, 0.99):F3} | {times.Average():F3} |");
    }

    private static double At(List<double> sorted, double quantile) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * quantile))];

    private static HttpClient Client(Func<DnsEndPoint, CancellationToken, ValueTask<Stream>> connect, bool isKept) => new(new SocketsHttpHandler
    {
        ConnectCallback = (connection, cancel) => connect(connection.DnsEndPoint, cancel),
        UseProxy = false,
        PooledConnectionLifetime = isKept ? Timeout.InfiniteTimeSpan : TimeSpan.Zero,
    });

    private static async ValueTask<Stream> AskAsync(string path, DnsEndPoint at, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
        var stream = new NetworkStream(socket, ownsSocket: true);
        await EgressWire.AskAsync(stream, at.Host, at.Port, cancel);
        return stream;
    }

    private static WebApplication Server()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = builder.Build();
        var answer = new byte[1024];
        server.Run(async http => await http.Response.Body.WriteAsync(answer));
        return server;
    }
}
