using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench telemetry [seconds] [rounds] [callers]</c>: what it costs that spans, meters and logs go out over OTLP. Two platforms stand side by side, one without and one
/// with, and take turns under the same load: A B B A, so that what the machine does meanwhile meets both. The receiver only reads, and is on the same machine. Ends
/// with 1 when the throughput is more than 5 % lower.
/// </summary>
internal static class TelemetryBench
{
    private const double MostPercent = 5;

    private sealed record Turn(bool On, double RunsPerSecond, double CpuMsOfARun, double P50, double P99);

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var duration = TimeSpan.FromSeconds(arguments.Number(0, "seconds", otherwise: 20, least: 2, most: 300));
        var rounds = arguments.Number(1, "rounds", otherwise: 3, least: 1, most: 20);
        var callers = arguments.Number(2, "callers", otherwise: 16, least: 1, most: 64);
        await using var sink = await OtlpSink.StartAsync();
        await using var off = await StartAsync(endpoint: null);
        await using var on = await StartAsync(sink.Url);
        var flows = (Off: await off.Target.PublishAsync("telemetry", WebhookBench.Pure), On: await on.Target.PublishAsync("telemetry", WebhookBench.Pure));

        // Warm: compiled, connected, engines up.
        await TurnAsync(off, flows.Off, callers, TimeSpan.FromSeconds(5), on: false);
        await TurnAsync(on, flows.On, callers, TimeSpan.FromSeconds(5), on: true);
        var turns = new List<Turn>();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var isOn in new[] { false, true, true, false })
            {
                turns.Add(isOn ? await TurnAsync(on, flows.On, callers, duration, on: true) : await TurnAsync(off, flows.Off, callers, duration, on: false));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(isOn ? "on " : "off")} {turns[^1].RunsPerSecond:F0} runs/s, {turns[^1].CpuMsOfARun:F2} ms of processor each"));
            }
        }
        if (sink.Requests == 0)
            throw new BenchException("nothing has come over OTLP: the platform that should send does not.");
        var cost = (1 - (Mean(turns, on: true, turn => turn.RunsPerSecond) / Mean(turns, on: false, turn => turn.RunsPerSecond))) * 100;
        var report = ToMarkdown(turns, duration, callers, cost, sink);
        Console.WriteLine(report);
        Results.Keep(arguments, "telemetry", report);
        return cost <= MostPercent ? 0 : 1;
    }

    // The AppHost hands its own environment on to what it starts.
    private static async Task<LocalPlatform> StartAsync(string? endpoint)
    {
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL", endpoint is null ? null : "http/protobuf");
        try
        {
            return await LocalPlatform.StartAsync(workers: 2);
        }
        finally
        {
            Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT", null);
            Environment.SetEnvironmentVariable("OTEL_EXPORTER_OTLP_PROTOCOL", null);
        }
    }

    private static async Task<Turn> TurnAsync(LocalPlatform platform, Guid flow, int callers, TimeSpan duration, bool on)
    {
        var before = ProcessorTime.Of(platform);
        var (times, failed, seconds) = await WebhookBench.LoadAsync(platform.Target, flow, callers, duration);
        var used = ProcessorTime.Of(platform) - before; // the API and the workers send the spans
        if (failed > 0)
            throw new BenchException($"{failed} calls failed.");
        times.Sort();
        return new Turn(on, times.Count / seconds, (used.Api + used.Workers) / times.Count, WebhookBench.At(times, 0.5), WebhookBench.At(times, 0.99));
    }

    private static double Mean(List<Turn> turns, bool on, Func<Turn, double> of) => turns.Where(turn => turn.On == on).Average(of);

    private static string ToMarkdown(List<Turn> turns, TimeSpan duration, int callers, double cost, OtlpSink sink)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            A synchronous webhook of three pure steps, {callers} callers, {duration.TotalSeconds:F0} s a turn, {turns.Count} turns in the order A B B A (A: nothing is sent, B: OTLP over http/protobuf to a receiver on
            the same machine that only reads; 20 traces a second and process, which is the default). Each kind has two workers, and both stand all the time. Throughput with telemetry is {cost:F1} % lower (goal: at most {MostPercent:F0} %).
            {sink.Requests} messages of {sink.Bytes / 1024} KiB in all were sent.

            | | runs/s | processor of API and workers, ms a run | p50 ms | p99 ms |
            | --- | --- | --- | --- | --- |
            """);
        foreach (var on in new[] { false, true })
            text.AppendLine(CultureInfo.InvariantCulture, $"| {(on ? "with" : "without")}, mean | {Mean(turns, on, turn => turn.RunsPerSecond):F0} | {Mean(turns, on, turn => turn.CpuMsOfARun):F2} | {Mean(turns, on, turn => turn.P50):F1} | {Mean(turns, on, turn => turn.P99):F1} |");
        foreach (var turn in turns)
            text.AppendLine(CultureInfo.InvariantCulture, $"| {(turn.On ? "B with" : "A without")} | {turn.RunsPerSecond:F0} | {turn.CpuMsOfARun:F2} | {turn.P50:F1} | {turn.P99:F1} |");
        return text.ToString();
    }

    /// <summary>Reads what is sent, and counts it.</summary>
    private sealed class OtlpSink : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private long _requests, _bytes;

        private OtlpSink(WebApplication app) => _app = app;

        public string Url => _app.Urls.Single();
        public long Requests => Interlocked.Read(ref _requests);
        public long Bytes => Interlocked.Read(ref _bytes);

        public static async Task<OtlpSink> StartAsync()
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
            var sink = new OtlpSink(builder.Build());
            sink._app.MapPost("/v1/{signal}", async (HttpContext http) =>
            {
                var buffer = new byte[64 << 10];
                for (int read; (read = await http.Request.Body.ReadAsync(buffer, http.RequestAborted)) > 0;)
                    Interlocked.Add(ref sink._bytes, read);
                Interlocked.Increment(ref sink._requests);
                return Microsoft.AspNetCore.Http.Results.Bytes([], "application/x-protobuf");
            });
            await sink._app.StartAsync();
            return sink;
        }

        public async ValueTask DisposeAsync()
        {
            await _app.StopAsync();
            await _app.DisposeAsync();
        }
    }
}
