using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Flows.Bench.Hosted;

/// <summary>What a second of the load has seen.</summary>
/// <param name="Accepted">Runs accepted since the load began; likewise those that are over.</param>
/// <param name="Waiting">Runs that were Queued at its end.</param>
/// <param name="OldestMs">How long the oldest of them had waited.</param>
internal sealed record LoadSecond(int Second, long Accepted, long Over, long Waiting, double OldestMs);

/// <summary>Runs of three light steps at a steady rate: does the queue stay as short as it is, or does it grow?</summary>
internal sealed record SteadyLoad(int Rate, IReadOnlyList<LoadSecond> Seconds, double LatencyP50Ms, double LatencyP99Ms)
{
    private const int MostCallers = 64;
    private const int WarmUpSeconds = 3;

    private const string Definition = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "n": "{{trigger.body.n * 2}}" } } },
            { "name": "b", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "big": "{{a.n > 10}}" } } },
            { "name": "c", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "text": "order {{a.n}}" } } } ] }
        """;

    /// <summary>Runs accepted in a second, on average, and those that were over.</summary>
    public double AcceptedRate => Seconds[^1].Accepted / (double)Seconds[^1].Second;
    public double OverRate => Seconds[^1].Over / (double)Seconds[^1].Second;

    /// <summary>The rate was reached, and in the last quarter no more than a second's worth of runs waited on average.</summary>
    public bool KeepsUp => AcceptedRate >= Rate * 0.98 && Seconds.TakeLast(Math.Max(1, Seconds.Count / 4)).Average(second => second.Waiting) <= Rate;

    public static async Task<SteadyLoad> RunAsync(LocalPlatform platform, int rate, TimeSpan duration)
    {
        var flow = await platform.Target.PublishAsync("steady", Definition);
        await PaceAsync(platform, flow, rate, TimeSpan.FromSeconds(WarmUpSeconds), new Counter());
        await FailoverBench.UntilAsync("the warm-up is over", () => FailoverBench.CountAsync(platform, "SELECT count(*) FROM runs WHERE status < 4"), count => count == 0);
        var before = await FailoverBench.CountAsync(platform, $"SELECT count(*) FROM runs WHERE flow_id = '{flow}'");

        var (accepted, seconds) = (new Counter(), new List<LoadSecond>());
        var load = PaceAsync(platform, flow, rate, duration, accepted);
        using var tick = new PeriodicTimer(TimeSpan.FromSeconds(1));
        var since = Stopwatch.GetTimestamp();
        while (!load.IsCompleted && await tick.WaitForNextTickAsync())
            seconds.Add(await LookAsync(platform, flow, accepted.Value, before, (int)Math.Round(Stopwatch.GetElapsedTime(since).TotalSeconds)));
        await load;
        await FailoverBench.UntilAsync("what was left is over", () => FailoverBench.CountAsync(platform, "SELECT count(*) FROM runs WHERE status < 4"), count => count == 0);
        var (p50, p99) = await LatenciesAsync(platform, flow, before);
        return new SteadyLoad(rate, seconds, p50, p99);
    }

    public string ToMarkdown()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"""
            Runs of 3 pure steps, {Rate} offered a second for {Seconds[^1].Second} s: {AcceptedRate:F0} accepted and {OverRate:F0} done a second; from acceptance to the end p50 {LatencyP50Ms:F0} ms, p99 {LatencyP99Ms:F0} ms. {(KeepsUp ? "The queue does not grow." : "It does not keep up.")}

            | after s | accepted | over | waiting | oldest ms |
            | --- | --- | --- | --- | --- |
            """);
        var every = Math.Max(1, Seconds.Count / 12);
        foreach (var second in Seconds.Where((_, i) => i % every == every - 1))
            text.AppendLine(CultureInfo.InvariantCulture, $"| {second.Second} | {second.Accepted} | {second.Over} | {second.Waiting} | {second.OldestMs:F0} |");
        return text.ToString();
    }

    // Each run has its moment. Callers that are late do not wait for theirs, so that a pause of the machine is made up for; and there are only so
    // many callers, so that an API that does not keep up slows the load instead of being buried.
    private static async Task PaceAsync(LocalPlatform platform, Guid flow, int rate, TimeSpan duration, Counter accepted)
    {
        var since = Stopwatch.GetTimestamp();
        var (next, total) = (-1, (int)(rate * duration.TotalSeconds));
        await Task.WhenAll(Enumerable.Range(0, MostCallers).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var number && number < total && Stopwatch.GetElapsedTime(since) < duration)
            {
                var wait = TimeSpan.FromSeconds(number / (double)rate) - Stopwatch.GetElapsedTime(since);
                if (wait > TimeSpan.Zero)
                    await Task.Delay(wait, TimeProvider.System);
                using var body = new StringContent("""{"n":21}""", Encoding.UTF8, "application/json");
                using var answer = await platform.Target.Http.PostAsync($"/webhooks/{flow}", body);
                if (!answer.IsSuccessStatusCode)
                    throw new BenchException($"a run was refused with {(int)answer.StatusCode}.");
                accepted.Add();
            }
        }));
    }

    private static async Task<LoadSecond> LookAsync(LocalPlatform platform, Guid flow, long accepted, long before, int second)
    {
        await using var command = platform.Database.CreateCommand("""
            SELECT (SELECT count(*) FROM runs WHERE flow_id = $1 AND status >= 4),
                (SELECT count(*) FROM runs WHERE status = 0),
                coalesce((SELECT extract(epoch FROM now() - min(status_changed_at))::float8 * 1000 FROM runs WHERE status = 0), 0)
            """);
        command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = flow });
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        return new LoadSecond(second, accepted, row.GetInt64(0) - before, row.GetInt64(1), Math.Max(0, row.GetDouble(2)));
    }

    private static async Task<(double P50, double P99)> LatenciesAsync(LocalPlatform platform, Guid flow, long before)
    {
        await using var command = platform.Database.CreateCommand("""
            SELECT percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - created_at)::float8 * 1000)
            FROM (SELECT finished_at, created_at FROM runs WHERE flow_id = $1 ORDER BY id OFFSET $2) r
            """);
        command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = flow });
        command.Parameters.Add(new Npgsql.NpgsqlParameter { Value = before });
        var both = (double[])(await command.ExecuteScalarAsync())!;
        return (both[0], both[1]);
    }

    private sealed class Counter
    {
        private long _value;
        public long Value => Interlocked.Read(ref _value);
        public void Add() => Interlocked.Increment(ref _value);
    }
}
