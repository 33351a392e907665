using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using Npgsql;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench newworker [rounds]</c>: how soon a worker that has just been started takes part. The only worker is killed while it has nothing to do, runs are
/// accepted, and the time is taken from the start of the process that comes in its place, as the kernel has it, to its first claim and to the first step of a run.
/// Ends with 1 when the median to the first step is above three seconds.
/// </summary>
internal static class NewWorkerBench
{
    private const double GoalSeconds = 3;
    private const int RunsThatWait = 10;

    private sealed record Start(double ToServices, double ToClaim, double ToStep, double ToEnd, string Load);

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var rounds = arguments.Number(0, "rounds", otherwise: 10, least: 1, most: 200);
        await using var platform = await LocalPlatform.StartAsync(workers: 1);
        var flow = await platform.Target.PublishAsync("new worker", WebhookBench.Pure);
        // The API is warm: it is not what is measured.
        await OverAsync(platform, await QueueAsync(platform, flow));
        var starts = new List<Start>();
        for (var round = 1; round <= rounds; round++)
        {
            starts.Add(await RoundAsync(platform, flow));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{round}: claim after {starts[^1].ToClaim:F2} s, step after {starts[^1].ToStep:F2} s (load {starts[^1].Load})"));
        }
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            | from the start of the process to its | median s | max s |
            | --- | --- | --- |
            | services | {Row(starts, start => start.ToServices)} |
            | first claim | {Row(starts, start => start.ToClaim)} |
            | first step of a run | {Row(starts, start => start.ToStep)} |
            | first end of a run | {Row(starts, start => start.ToEnd)} |

            {rounds} starts of a worker with {RunsThatWait} runs of three pure steps waiting, boxes as this machine has them. Goal: {GoalSeconds:F0} s to the first step. Load average at the starts: {string.Join(", ", starts.Select(start => start.Load))}.
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "newworker", report);
        return Median(starts, start => start.ToStep) <= GoalSeconds ? 0 : 1;
    }

    private static async Task<Start> RoundAsync(LocalPlatform platform, Guid flow)
    {
        var old = platform.PidsOf("worker").Single();
        if (!Signal.Send(old, Signal.Kill))
            throw new BenchException($"the worker {old} had ended by itself.");
        var runs = await QueueAsync(platform, flow);
        var pid = await FailoverBench.UntilAsync("another worker is started", () => Task.FromResult(platform.PidsOf("worker").FirstOrDefault(pid => pid != old)), pid => pid != 0);
        var started = StartOf(pid);
        var load = File.ReadAllText("/proc/loadavg").Split(' ')[0];
        await OverAsync(platform, runs);
        await platform.UntilReplacedAsync("worker", old);
        await using var command = platform.Database.CreateCommand("""
            SELECT (SELECT min(w.started_at) FROM workers w WHERE w.process_id = $2), min(r.claimed_at), (SELECT min(s.started_at) FROM run_steps s WHERE s.run_id = ANY($1)), min(r.finished_at)
            FROM runs r WHERE r.id = ANY($1)
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = runs });
        command.Parameters.Add(new NpgsqlParameter { Value = pid });
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        double Seconds(int column) => row.IsDBNull(column) ? double.NaN : (row.GetFieldValue<DateTimeOffset>(column) - started).TotalSeconds;
        return new Start(Seconds(0), Seconds(1), Seconds(2), Seconds(3), load);
    }

    private static async Task<Guid[]> QueueAsync(LocalPlatform platform, Guid flow) => await Task.WhenAll(Enumerable.Range(0, RunsThatWait).Select(async _ =>
    {
        using var answer = await platform.Target.Http.PostAsJsonAsync($"/webhooks/{flow}", new { n = 21 });
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("runId").GetGuid();
    }));

    private static async Task OverAsync(LocalPlatform platform, Guid[] runs) => await FailoverBench.UntilAsync("the runs are over", () => FailoverBench.CountAsync(
        platform, $"SELECT count(*) FROM runs WHERE status < 4 AND id IN ({string.Join(',', runs.Select(run => $"'{run}'"))})"), count => count == 0);

    /// <summary>Field 22 of /proc/PID/stat: hundredths of a second from the start of the machine to that of the process.</summary>
    private static DateTimeOffset StartOf(int pid)
    {
        const int StartTime = 21 - 2, TicksPerSecond = 100;
        var ticks = double.Parse(Signal.StatOf(pid)[StartTime], CultureInfo.InvariantCulture);
        var up = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], CultureInfo.InvariantCulture);
        return TimeProvider.System.GetUtcNow() - TimeSpan.FromSeconds(up - (ticks / TicksPerSecond));
    }

    private static double Median(List<Start> starts, Func<Start, double> of) => starts.Select(of).Order().ElementAt(starts.Count / 2);

    private static string Row(List<Start> starts, Func<Start, double> of) => string.Create(CultureInfo.InvariantCulture, $"{Median(starts, of):F2} | {starts.Max(of):F2}");
}
