using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using StackExchange.Redis;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench flows [seconds] [rounds]</c>: runs of three light steps, sandboxed as they are by default, with callers who wait and with callers who do not,
/// in turns; where the processor time of a run goes, by process; and what an idle platform costs. The platform is warm, as one that has been up for a minute.
/// </summary>
internal static class ThroughputBench
{
    private const int AsyncCallers = 16;
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(40);

    private sealed record Kind(string Name, int Callers, bool Waits, string Goal);

    private sealed record Turn(double RunsPerSecond, double P50, double P99, int Runs, ProcessorTime Used);

    private sealed record Idle(double ProcessorPercent, double RedisCommandsPerSecond);

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var duration = TimeSpan.FromSeconds(arguments.Number(0, "seconds", otherwise: 15, least: 1, most: 120));
        var rounds = arguments.Number(1, "rounds", otherwise: 3, least: 1, most: 20);
        await using var platform = await LocalPlatform.StartAsync(workers: 2, "--Flows:Execution:Network=STRICT", "--Flows:LocalHosting:Traces=false"); // what spans cost is another bench
        var disk = DiskWrites.Measure();
        var flow = await platform.Target.PublishAsync("throughput", WebhookBench.Pure);
        Kind[] kinds =
        [
            new("sync, 1 caller", 1, Waits: true, "p99 ≤ 10 ms"), new("sync, 8 callers", 8, Waits: true, "≥ 500 runs/s, p99 ≤ 25 ms"),
            new($"accept and execute, {AsyncCallers} callers", AsyncCallers, Waits: false, "≥ 800 runs/s"),
        ];
        await TurnAsync(platform, flow, kinds[1], s_warmUp);
        await TurnAsync(platform, flow, kinds[2], s_warmUp);
        var turns = kinds.ToDictionary(kind => kind, _ => new List<Turn>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var kind in round % 2 == 0 ? kinds : kinds.Reverse())
            {
                turns[kind].Add(await TurnAsync(platform, flow, kind, duration));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind.Name}: {turns[kind][^1].RunsPerSecond:F0} runs/s"));
            }
        }
        var idle = await IdleAsync(platform);
        var report = $"{ToMarkdown(turns, duration, idle)}\n{disk} An acceptance waits for one, a run whose caller waits for two.\n";
        Console.WriteLine(report);
        Results.Keep(arguments, "flows", report);
        return 0;
    }

    private static async Task<Turn> TurnAsync(LocalPlatform platform, Guid flow, Kind kind, TimeSpan duration)
    {
        var before = ProcessorTime.Of(platform);
        var clock = Stopwatch.StartNew();
        var (times, failed, seconds) = kind.Waits
            ? await WebhookBench.LoadAsync(platform.Target, flow, kind.Callers, duration)
            : await WebhookBench.LoadAsync(() => AcceptAsync(platform.Target, flow), kind.Callers, duration);
        if (failed > 0)
            throw new BenchException($"{failed} calls of '{kind.Name}' failed.");
        if (!kind.Waits)
        {
            await DrainAsync(platform.Target, duration * 10);
            seconds = clock.Elapsed.TotalSeconds;
        }
        times.Sort();
        return new Turn(times.Count / seconds, WebhookBench.At(times, 0.5), WebhookBench.At(times, 0.99), times.Count, ProcessorTime.Of(platform) - before);
    }

    private static async Task<bool> AcceptAsync(Target target, Guid flow)
    {
        using var body = new StringContent("""{"id":"A-7","n":21}""", Encoding.UTF8, "application/json");
        using var answer = await target.Http.PostAsync($"/webhooks/{flow}", body);
        return answer.IsSuccessStatusCode;
    }

    /// <summary>Until the queue has been seen empty twice: between two of its jobs it may look so once.</summary>
    private static async Task DrainAsync(Target target, TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        for (var empty = 0; empty < 2;)
        {
            if (clock.Elapsed > limit)
                throw new BenchException($"the queue was not empty after {limit}.");
            await Task.Delay(20);
            var now = await target.Http.GetFromJsonAsync<JsonElement>("/api/v1/system/queue");
            var left = now.GetProperty("depth").GetInt64() + now.GetProperty("active").GetInt64() + now.GetProperty("delayed").GetInt64();
            empty = left == 0 ? empty + 1 : 0;
        }
    }

    private static async Task<Idle> IdleAsync(LocalPlatform platform)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync($"{await platform.RedisAsync()},allowAdmin=true");
        await Task.Delay(s_settle); // the last of the load: history, statistics, methods that the runtime compiles once more
        var (before, commands) = (ProcessorTime.Of(platform), await CommandsAsync());
        await Task.Delay(s_idle);
        var (used, more) = (ProcessorTime.Of(platform) - before, await CommandsAsync() - commands);
        return new Idle((used.Api + used.Workers) / s_idle.TotalMilliseconds * 100, more / s_idle.TotalSeconds);

        async Task<long> CommandsAsync()
        {
            var info = await redis.GetServer(redis.GetEndPoints()[0]).InfoAsync("stats");
            return long.Parse(info.SelectMany(group => group).Single(entry => entry.Key == "total_commands_processed").Value, CultureInfo.InvariantCulture);
        }
    }

    private static string ToMarkdown(Dictionary<Kind, List<Turn>> turns, TimeSpan duration, Idle idle)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            Runs of 3 light steps (two pure, one that answers), started by webhook; {turns.First().Value.Count} turns of {duration.TotalSeconds:F0} s each, in turns there and back. One API, two workers, their engines in the default sandbox, Postgres (fsync on),
            Redis (append-only file every second) and the callers share the machine. The rate of runs that nobody waits for counts until the last of them is over; their times are those of the acceptance.

            | | runs/s: median [min–max] | p50 ms | p99 ms | goal |
            | --- | --- | --- | --- | --- |
            """);
        foreach (var (kind, each) in turns)
            text.AppendLine(CultureInfo.InvariantCulture, $"| {kind.Name} | {Median(each, turn => turn.RunsPerSecond):F0} [{each.Min(turn => turn.RunsPerSecond):F0}–{each.Max(turn => turn.RunsPerSecond):F0}] | {Median(each, turn => turn.P50):F1} | {Median(each, turn => turn.P99):F1} | {kind.Goal} |");
        text.AppendLine("""

            Processor time of a run, in milliseconds:

            | | API | workers | engines | Postgres | Redis | all | the callers beside it |
            | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach (var (kind, all) in turns)
        {
            // An engine that is replaced in a turn takes its time with it.
            var whole = all.Where(turn => turn.Used.Engines > 0).ToList();
            var each = whole.Count > 0 ? whole : all;
            var cells = new Func<ProcessorTime, double>[] { used => used.Api, used => used.Workers, used => used.Engines, used => used.Postgres, used => used.Redis, used => used.All, used => used.Caller }
                .Select(of => string.Create(CultureInfo.InvariantCulture, $"{Median(each, turn => of(turn.Used) / turn.Runs):F2}"));
            text.AppendLine(CultureInfo.InvariantCulture, $"| {kind.Name} | {string.Join(" | ", cells)} |");
        }
        text.AppendLine(CultureInfo.InvariantCulture, $"""

            Idle, over {s_idle.TotalSeconds:F0} s after the load: the API and both workers take {idle.ProcessorPercent:F1} % of one core (goal ≤ 1 %), and Redis gets {idle.RedisCommandsPerSecond:F1} commands a second from all (goal ≤ 20).
            """);
        return text.ToString();
    }

    private static double Median(List<Turn> turns, Func<Turn, double> of)
    {
        var sorted = turns.Select(of).Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
