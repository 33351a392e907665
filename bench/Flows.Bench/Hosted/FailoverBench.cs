using System.Globalization;
using Npgsql;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench failover [kills]</c>: workers that hold runs are killed, with default settings, and the time is taken until each run has been claimed by
/// another worker. Ends with 1 when the 99th percentile is above ten seconds.
/// </summary>
internal static class FailoverBench
{
    private static readonly TimeSpan s_goal = TimeSpan.FromSeconds(10);
    private const int RunsAtATime = 8;

    private const string Sleeper = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
          "steps": [ { "name": "long", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done(1), 4000));" } ] }
        """;

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var kills = arguments.Number(0, "kills", otherwise: 50, least: 1, most: 1_000);
        await using var platform = await LocalPlatform.StartAsync(workers: 2, "--Flows:Runs:MaxAttempts=100");
        var flow = await platform.Target.PublishAsync("sleeper", Sleeper);
        var seconds = new List<double>();
        for (var kill = 1; kill <= kills; kill++)
        {
            seconds.AddRange(await KillOneAsync(platform, flow));
            if (kill % 10 == 0)
                Console.WriteLine($"{kill} kills, {seconds.Count} runs have gone on elsewhere");
        }
        seconds.Sort();
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            | kills | runs that went on elsewhere | p50 s | p99 s | max s |
            | --- | --- | --- | --- | --- |
            | {kills} | {seconds.Count} | {At(seconds, 0.5):F2} | {At(seconds, 0.99):F2} | {seconds[^1]:F2} |

            From kill -9 of the worker to the claim of another, with the default settings (lease 6 s, renewed every 2 s).
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "failover", report);
        return At(seconds, 0.99) <= s_goal.TotalSeconds ? 0 : 1;
    }

    private static double At(List<double> sorted, double quantile) => sorted[Math.Min(sorted.Count - 1, (int)(sorted.Count * quantile))];

    private static async Task<List<double>> KillOneAsync(LocalPlatform platform, Guid flow)
    {
        for (var i = 0; i < RunsAtATime; i++)
        {
            using var answer = await platform.Target.Http.PostAsync($"/api/v1/flows/{flow}/runs", content: null);
            answer.EnsureSuccessStatusCode();
        }
        var (victim, held) = await UntilAsync("a worker holds runs", () => HeldAsync(platform), found => found.Runs.Length > 0);
        // Both workers are alive, or nobody could go on.
        await UntilAsync("there are two workers", () => Task.FromResult(platform.PidsOf("worker").Count), count => count == 2);
        var killedAt = TimeProvider.System.GetUtcNow();
        if (!Signal.Send(victim, Signal.Kill))
            throw new BenchException($"the worker {victim} had ended by itself.");
        var claims = await UntilAsync("its runs go on elsewhere", () => ClaimsAsync(platform, held), found => found.Count == held.Length);
        await UntilAsync("everything is over", () => CountAsync(platform, "SELECT count(*) FROM runs WHERE status < 4"), count => count == 0);
        await UntilAsync("the worker is replaced", async () => platform.PidsOf("worker") is [_, _] pids && !pids.Contains(victim)
            && await CountAsync(platform, $"SELECT count(*) FROM workers WHERE process_id IN ({string.Join(',', pids)}) AND seen_at > now() - interval '4 s'") == 2, ready => ready);
        // Runs that had ended before the blow arrived were never claimed again.
        return [.. claims.OfType<DateTimeOffset>().Select(claim => (claim - killedAt).TotalSeconds)];
    }

    private static async Task<(int Worker, Guid[] Runs)> HeldAsync(LocalPlatform platform)
    {
        await using var command = platform.Database.CreateCommand("""
            SELECT w.process_id, array_agg(r.id) FROM runs r JOIN workers w ON w.id = r.worker WHERE r.status = 1 GROUP BY w.process_id ORDER BY count(*) DESC, 1 LIMIT 1
            """);
        await using var row = await command.ExecuteReaderAsync();
        return await row.ReadAsync() ? (row.GetInt32(0), row.GetFieldValue<Guid[]>(1)) : (0, []);
    }

    /// <summary>For each run that has been claimed again the moment, for each that had ended after all null; nothing for those that still wait.</summary>
    private static async Task<List<DateTimeOffset?>> ClaimsAsync(LocalPlatform platform, Guid[] runs)
    {
        await using var command = platform.Database.CreateCommand("SELECT CASE WHEN attempt > 1 THEN claimed_at END FROM runs WHERE id = ANY($1) AND (attempt > 1 OR status >= 4)");
        command.Parameters.Add(new NpgsqlParameter { Value = runs });
        var claims = new List<DateTimeOffset?>();
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
            claims.Add(row.IsDBNull(0) ? null : row.GetFieldValue<DateTimeOffset>(0));
        return claims;
    }

    internal static async Task<long> CountAsync(LocalPlatform platform, string sql)
    {
        await using var command = platform.Database.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    internal static async Task<T> UntilAsync<T>(string what, Func<Task<T>> ask, Func<T, bool> isSo)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        try
        {
            while (true)
            {
                var now = await ask();
                if (isSo(now))
                    return now;
                await tick.WaitForNextTickAsync(limit.Token);
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new BenchException($"not within 90 s: {what}.");
        }
    }
}
