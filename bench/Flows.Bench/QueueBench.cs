using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Runs;
using Flows.Queue;
using StackExchange.Redis;

namespace Flows.Bench;

/// <summary>
/// The queue's providers and BullMQ on one Redis, a private one on this machine, in turns A B … B A: no-op jobs of 100 projects, enqueued one
/// at a time by 16 callers, taken by 32 slots in the same process. Then how fair the Redis provider is, and how soon an idle one starts a job.
/// </summary>
internal sealed class QueueBench(int port, string? bullMq)
{
    private const int Callers = 16;
    private const int Slots = 32;
    private readonly Guid[] _projects = [.. Enumerable.Range(0, 100).Select(_ => Guid.CreateVersion7())];

    private readonly StringBuilder _said = new();

    private sealed record Round(double JobsPerSecond, double ClientCpu, double RedisCpu, double Commands);

    /// <summary>`./flows bench queue` has started a Redis for it, and installed the peer where npm can.</summary>
    /// <param name="arguments">Rounds, 3 when they are left out.</param>
    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var port = int.TryParse(Environment.GetEnvironmentVariable("FLOWS_BENCH_REDIS"), CultureInfo.InvariantCulture, out var given)
            ? given
            : throw new BenchException("FLOWS_BENCH_REDIS is not set; run ./flows bench queue.");
        var peer = Environment.GetEnvironmentVariable("FLOWS_BENCH_BULLMQ") is { Length: > 0 } path ? path : null;
        await new QueueBench(port, peer).RunAsync(arguments, arguments.Number(0, "rounds", otherwise: 3, least: 1, most: 20));
        return 0;
    }

    private async Task RunAsync(BenchArguments arguments, int rounds)
    {
        var peers = new List<(string Name, Func<Task<Round>> Run)>
        {
            ("Redis provider", () => OursAsync("Redis", 30_000)),
            ("Hangfire provider", () => OursAsync("Hangfire", 1_500)),
        };
        if (bullMq is not null)
            peers.Insert(1, ("BullMQ", () => BullMqAsync(10_000)));
        else
            Say("BullMQ is not measured: it could not be installed (npm).");

        Say($"No-op jobs of 100 projects, enqueued one at a time by {Callers} callers and taken by {Slots} slots in the same process; in turns, {rounds} rounds there and back.");
        Say("");
        var results = peers.ToDictionary(peer => peer.Name, _ => new List<Round>());
        await OursAsync("Redis", 5_000); // warms the compiler and Redis
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (name, run) in peers.Concat(peers.AsEnumerable().Reverse()))
                results[name].Add(await run());
        }

        Say("| | jobs/s: median [min–max] | client CPU ms/job | Redis CPU ms/job | Redis commands/job |");
        Say("|---|---|---|---|---|");
        foreach (var (name, all) in results)
        {
            Say(FormattableString.Invariant(
                $"| {name} | {Median(all, r => r.JobsPerSecond):F0} [{all.Min(r => r.JobsPerSecond):F0}–{all.Max(r => r.JobsPerSecond):F0}] | {Median(all, r => r.ClientCpu):F3} | {Median(all, r => r.RedisCpu):F3} | {Median(all, r => r.Commands):F1} |"));
        }
        Say("");
        await FairnessAsync();
        await LatencyAsync();
        Results.Keep(arguments, "queue", _said.ToString());
    }

    private void Say(string line)
    {
        Console.WriteLine(line);
        _said.Append(line).Append('\n');
    }

    private Task<Round> OursAsync(string provider, int jobs) => MeasureAsync(jobs, async () =>
    {
        await using var pump = await Pump.StartAsync(port, provider, Slots);
        var seen = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pump.Handle = _ =>
        {
            if (Interlocked.Increment(ref seen) == jobs)
                all.TrySetResult();
            return Task.CompletedTask;
        };
        var (clock, cpu, next) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime, -1);
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var n && n < jobs)
                await pump.Queue.EnqueueAsync([new RunJob(Guid.CreateVersion7(), _projects[n % _projects.Length], RunPriority.Normal)], CancellationToken.None);
        }));
        await all.Task.WaitAsync(TimeSpan.FromMinutes(2));
        return (clock.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    });

    private Task<Round> BullMqAsync(int jobs) => MeasureAsync(jobs, async () =>
    {
#pragma warning disable RS0030 // The peer runs in Node, in a process of its own; nothing else of the benchmark starts one.
        using var node = Process.Start(new ProcessStartInfo("node", [bullMq!, $"{port}", $"{jobs}"]) { RedirectStandardOutput = true })!;
        try
        {
            var result = JsonElement.Parse((await node.StandardOutput.ReadToEndAsync().WaitAsync(TimeSpan.FromMinutes(2))).Trim());
            return (result.GetProperty("seconds").GetDouble(), result.GetProperty("cpuMs").GetDouble());
        }
        finally
        {
            node.Kill(entireProcessTree: true);
        }
#pragma warning restore RS0030
    });

    private async Task<Round> MeasureAsync(int jobs, Func<Task<(double Seconds, double CpuMs)>> run)
    {
        await using var redis = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},allowAdmin=true");
        var server = redis.GetServer("127.0.0.1", port);
        await server.FlushAllDatabasesAsync();
        var (cpu, commands) = await UsedAsync(server);
        var (seconds, cpuMs) = await run();
        var (cpuAfter, commandsAfter) = await UsedAsync(server);
        return new Round(jobs / seconds, cpuMs / jobs, (cpuAfter - cpu) * 1000 / jobs, (commandsAfter - commands) / jobs);
    }

    private static async Task<(double Cpu, double Commands)> UsedAsync(IServer server)
    {
        var facts = (await server.InfoAsync()).SelectMany(section => section).DistinctBy(fact => fact.Key).ToDictionary(fact => fact.Key, fact => fact.Value);
        return (Number("used_cpu_user") + Number("used_cpu_sys"), Number("total_commands_processed"));

        double Number(string key) => double.Parse(facts[key], CultureInfo.InvariantCulture);
    }

    /// <summary>One project has flooded the queue, eight others ask for little: who is served while all nine wait, and how long a trickler waits.</summary>
    private async Task FairnessAsync()
    {
        var (alone, _) = await TrickleAsync(flood: 0);
        var (flooded, share) = await TrickleAsync(flood: 100_000);
        Say(FormattableString.Invariant(
            $"Fairness: Jain index {share:F4} while nine projects wait; a trickler's start p99 {At(alone, 0.99):F1} ms alone, {At(flooded, 0.99):F1} ms beside a flood."));
    }

    private async Task<(List<double> Waits, double Jain)> TrickleAsync(int flood)
    {
        await using var pump = await Pump.StartAsync(port, "Redis", Slots);
        var waits = new System.Collections.Concurrent.ConcurrentQueue<double>();
        var starts = new System.Collections.Concurrent.ConcurrentQueue<Guid>();
        var asked = new System.Collections.Concurrent.ConcurrentDictionary<Guid, long>();
        pump.Handle = async job =>
        {
            if (asked.TryRemove(job.RunId, out var since))
                waits.Enqueue(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
            starts.Enqueue(job.ProjectId);
            await Task.Delay(2);
        };
        var backlog = 200;
        var jain = 1.0;
        if (flood > 0)
        {
            // Equal demand first: as many jobs of each trickler as will be served while all nine wait.
            var jobs = Enumerable.Range(0, backlog * 9).Select(i => new RunJob(Guid.CreateVersion7(), _projects[i % 9], RunPriority.Normal));
            var rest = Enumerable.Range(0, flood).Select(_ => new RunJob(Guid.CreateVersion7(), _projects[0], RunPriority.Normal));
            await pump.Queue.EnqueueAsync([.. rest.Take(2_000), .. jobs, .. rest], CancellationToken.None);
            while (starts.Count < 2_000 && _projects[1..9].Any(project => starts.Count(start => start == project) < backlog / 2))
                await Task.Delay(5);
            var counts = starts.SkipWhile(project => project == _projects[0]).Skip(Slots * 2).Take(9 * backlog / 2).CountBy(project => project).Select(count => (double)count.Value).ToList();
            jain = Math.Pow(counts.Sum(), 2) / (9 * counts.Sum(count => count * count));
            while (_projects[1..9].Any(project => starts.Count(start => start == project) < backlog))
                await Task.Delay(20);
        }
        for (var i = 0; i < 800; i++)
        {
            var job = new RunJob(Guid.CreateVersion7(), _projects[1 + i % 8], RunPriority.Normal);
            asked[job.RunId] = Stopwatch.GetTimestamp();
            await pump.Queue.EnqueueAsync([job], CancellationToken.None);
            await Task.Delay(3);
        }
        while (!asked.IsEmpty)
            await Task.Delay(5);
        return ([.. waits.Order()], jain);
    }

    private async Task LatencyAsync()
    {
        const int Jobs = 500;
        await using var pump = await Pump.StartAsync(port, "Redis", slots: 5);
        await using var redis = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},allowAdmin=true");
        var server = redis.GetServer("127.0.0.1", port);
        var times = new List<double>();
        for (var i = -50; i < Jobs; i++)
        {
            if (i == 0)
            {
                await server.ExecuteAsync("CONFIG", "RESETSTAT");
                times.Clear(); // what came before warmed the connection and the compiler
            }
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            pump.Handle = _ => { started.TrySetResult(); return Task.CompletedTask; };
            await Task.Delay(5);
            var since = Stopwatch.GetTimestamp();
            await pump.Queue.EnqueueAsync([new RunJob(Guid.CreateVersion7(), _projects[0], RunPriority.Normal)], CancellationToken.None);
            await started.Task.WaitAsync(TimeSpan.FromSeconds(10));
            times.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
        }
        var (_, commands) = await UsedAsync(server);
        var scripts = (await server.InfoAsync("commandstats")).SelectMany(section => section).Where(fact => fact.Key is "cmdstat_evalsha")
            .Sum(fact => double.Parse(fact.Value.Split('=', ',')[1], CultureInfo.InvariantCulture));
        times.Sort();
        Say(FormattableString.Invariant(
            $"Into an idle queue, one at a time: enqueue to start p50 {At(times, 0.5):F2} ms, p99 {At(times, 0.99):F2} ms; {commands / Jobs:F1} Redis commands and {scripts / Jobs:F2} round trips a job."));
    }

    private static double Median(List<Round> rounds, Func<Round, double> of) => rounds.Select(of).Order().ElementAt(rounds.Count / 2);

    private static double At(List<double> sorted, double quantile) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * quantile))];
}
