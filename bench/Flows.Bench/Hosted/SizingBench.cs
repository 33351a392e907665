using System.Globalization;
using System.Text;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench sizing [seconds] [callers]</c>: the table that docs/scaling.md sizes by. A whole Flows on one core and on two, with a worker of 1, 2 and 4 slots each: runs a second of the
/// synchronous webhook with three pure steps, and for each part the processor time of a run and the memory. On one core the callers have the other one; on two they
/// share them. Needs Linux, and as many cores.
/// </summary>
internal static class SizingBench
{
    private static readonly int[] s_slots = [1, 2, 4];
    private static readonly string[] s_parts = ["api", "worker", "engines", "postgres", "redis"];
    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(6);

    private sealed record Row(int Cores, int Slots, double RunsPerSecond, double P50, double P99, IReadOnlyDictionary<string, Usage> Before, IReadOnlyDictionary<string, Usage> After, int Runs)
    {
        public double CpuMs(string part) => (After[part].CpuMs - Before[part].CpuMs) / Runs;
    }

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var duration = TimeSpan.FromSeconds(arguments.Number(0, "seconds", otherwise: 10, least: 1, most: 300));
        var callers = arguments.Number(1, "callers", otherwise: 16, least: 1, most: 64);
        var rows = new List<Row>();
        for (var cores = 1; cores <= Math.Min(2, Environment.ProcessorCount); cores++)
        {
            foreach (var slots in s_slots)
            {
                rows.Add(await MeasureAsync(cores, slots, callers, duration));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cores} cores, {slots} slots: {rows[^1].RunsPerSecond:F0} runs/s, {s_parts.Sum(rows[^1].CpuMs):F2} ms of processor each"));
            }
        }
        var report = ToMarkdown(rows, callers, duration);
        Console.WriteLine(report);
        Results.Keep(arguments, "sizing", report);
        return 0;
    }

    private static async Task<Row> MeasureAsync(int cores, int slots, int callers, TimeSpan duration)
    {
        // What is started now inherits it, and takes so many cores for all that there are: pools of threads and the like are as large as they would be.
        var isSplit = cores < Environment.ProcessorCount;
        ProcessUsage.RestrictSelf(first: 0, cores);
        try
        {
            await using var platform = await LocalPlatform.StartAsync(workers: 1, $"--Flows:Worker:Concurrency={slots}");
            if (isSplit)
                ProcessUsage.RestrictSelf(first: cores, Environment.ProcessorCount - cores);
            var flow = await platform.Target.PublishAsync("sizing", WebhookBench.Pure);
            await WebhookBench.LoadAsync(platform.Target, flow, callers, s_warmUp);
            var before = Usages(platform);
            var (times, failed, seconds) = await WebhookBench.LoadAsync(platform.Target, flow, callers, duration);
            var after = Usages(platform);
            if (failed > 0)
                throw new BenchException($"{failed} calls failed with {cores} cores and {slots} slots.");
            times.Sort();
            return new Row(cores, slots, times.Count / seconds, WebhookBench.At(times, 0.5), WebhookBench.At(times, 0.99), before, after, times.Count);
        }
        finally
        {
            ProcessUsage.RestrictSelf(first: 0, Environment.ProcessorCount);
        }
    }

    private static Dictionary<string, Usage> Usages(LocalPlatform platform)
    {
        var worker = platform.PidsOf("worker").Single();
        return new Dictionary<string, Usage>
        {
            ["api"] = ProcessUsage.Of(platform.PidsOf("api")),
            ["worker"] = ProcessUsage.Of([worker]),
            ["engines"] = ProcessUsage.OfTree(worker, withRoot: false),
            ["postgres"] = ProcessUsage.OfTree(platform.PidsOf("postgres").Single(), withRoot: true),
            ["redis"] = ProcessUsage.Of(platform.PidsOf("redis")),
        };
    }

    private static string ToMarkdown(List<Row> rows, int callers, TimeSpan duration)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            A synchronous webhook of three pure steps, {callers} callers, {duration.TotalSeconds:F0} s after {s_warmUp.TotalSeconds:F0} s to get warm; one API and one worker, boxes as this machine has them, Postgres with its defaults (fsync on), Redis as the AppHost starts it. On one
            core all of Flows shares it, and the callers have another; on two the callers share them too. Memory is the proportional share (PSS) after the load.

            | cores | slots of the worker | runs/s | p50 ms | p99 ms | API ms | worker ms | engines ms | Postgres ms | Redis ms | all, ms of processor a run | API MiB | worker MiB | engines MiB | Postgres MiB | Redis MiB |
            |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
            """);
        foreach (var row in rows)
        {
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {row.Cores} | {row.Slots} | {row.RunsPerSecond:F0} | {row.P50:F1} | {row.P99:F1} | {string.Join(" | ", s_parts.Select(part => row.CpuMs(part).ToString("F2", CultureInfo.InvariantCulture)))} | {s_parts.Sum(row.CpuMs):F2} | {string.Join(" | ", s_parts.Select(part => $"{row.After[part].MemoryKiB >> 10}"))} |");
        }
        return text.ToString();
    }
}
