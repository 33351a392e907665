using System.Globalization;
using Npgsql;

namespace Flows.Bench.Hosted;

/// <param name="Rounds">Workers that were stopped past their lease.</param>
/// <param name="Runs">Runs that went on elsewhere meanwhile.</param>
internal sealed record FencingOutcome(int Rounds, int Runs, IReadOnlyList<string> Violations);

/// <summary>
/// <c>./flows bench fencing [rounds]</c>: a worker is stopped (SIGSTOP) until its leases are over and others have finished its runs, then it goes on as if
/// nothing had happened. Nothing of what it reports may be taken: rows and journals stay as they are, and no effect is done twice.
/// </summary>
internal static class FencingBench
{
    private const int RunsAtATime = 6;

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var rounds = arguments.Number(0, "rounds", otherwise: 30, least: 1, most: 10_000);
        var outcome = await RunAsync(rounds);
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            | rounds | runs finished by another while their worker stood still | violations |
            | --- | --- | --- |
            | {outcome.Rounds} | {outcome.Runs} | {outcome.Violations.Count} |

            Lease 1 s.
            {string.Join('\n', outcome.Violations.Select(violation => $"- {violation}"))}
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "fencing", report);
        return outcome.Violations.Count == 0 ? 0 : 1;
    }

    public static async Task<FencingOutcome> RunAsync(int rounds)
    {
        await using var ledger = await Ledger.StartAsync(TimeProvider.System);
        await using var platform = await LocalPlatform.StartAsync(workers: 2,
            "--Flows:Runs:Lease=00:00:01", "--Flows:Queue:Lease=00:00:01", "--Flows:Runs:SweepEvery=00:00:00.200", "--Flows:Runs:MaxAttempts=100");
        var flow = await platform.Target.PublishAsync("fenced", $$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [
                { "name": "pay", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{ledger.Address}}/write", "body": { "value": 1 } } },
                { "name": "think", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done(Math.random()), 800));" },
                { "name": "mark", "kind": "action", "piece": "http", "action": "request", "input": { "method": "PUT", "url": "{{ledger.Address}}/write", "body": { "value": 2 } } } ] }
            """);
        var (runs, violations) = (0, new List<string>());
        for (var round = 0; round < rounds; round++)
        {
            var moved = await RoundAsync(platform, flow, violations);
            runs += moved;
        }
        violations.AddRange(ledger.Entries.Where(entry => entry.Path == "pay").CountBy(entry => entry.Key).Where(key => key.Value > 1).Select(key => $"{key.Key} was done {key.Value} times"));
        return new FencingOutcome(rounds, runs, violations);
    }

    private static async Task<int> RoundAsync(LocalPlatform platform, Guid flow, List<string> violations)
    {
        for (var i = 0; i < RunsAtATime; i++)
        {
            using var answer = await platform.Target.Http.PostAsync($"/api/v1/flows/{flow}/runs", content: null);
            answer.EnsureSuccessStatusCode();
        }
        // A run whose effect is done and whose code is under way: its worker has something to report when it comes back.
        var (victim, run) = await FailoverBench.UntilAsync("a worker is in the middle of a run", () => MiddleAsync(platform), found => found.Worker > 0);
        if (!Signal.Send(victim, Signal.Stop))
            throw new BenchException($"the worker {victim} had ended by itself.");
        try
        {
            await FailoverBench.UntilAsync("everything is over without it", () => FailoverBench.CountAsync(platform, "SELECT count(*) FROM runs WHERE status < 3"), count => count == 0);
            var before = await SnapshotAsync(platform, run);
            var seen = await FailoverBench.CountAsync(platform, $"SELECT extract(epoch FROM seen_at)::bigint FROM workers WHERE process_id = {victim}");
            Signal.Send(victim, Signal.Continue);
            await FailoverBench.UntilAsync("the stopped worker is heard of again",
                () => FailoverBench.CountAsync(platform, $"SELECT coalesce((SELECT extract(epoch FROM seen_at)::bigint FROM workers WHERE process_id = {victim}), 0)"), now => now > seen);
            await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
            var after = await SnapshotAsync(platform, run);
            if (before != after)
                violations.Add($"run {run} was {before} and is {after} after its first worker came back");
            return await FailoverBench.CountAsync(platform, $"SELECT count(*) FROM runs WHERE id = '{run}' AND attempt > 1") > 0 ? 1 : 0;
        }
        finally
        {
            Signal.Send(victim, Signal.Continue);
        }
    }

    private static async Task<(int Worker, Guid Run)> MiddleAsync(LocalPlatform platform)
    {
        await using var command = platform.Database.CreateCommand("""
            SELECT w.process_id, r.id FROM runs r JOIN workers w ON w.id = r.worker JOIN run_steps s ON s.run_id = r.id AND s.path = 'pay' AND s.status = 1
            WHERE r.status = 1 ORDER BY r.id DESC LIMIT 1
            """);
        await using var row = await command.ExecuteReaderAsync();
        return await row.ReadAsync() ? (row.GetInt32(0), row.GetGuid(1)) : default;
    }

    private static async Task<string> SnapshotAsync(LocalPlatform platform, Guid run)
    {
        await using var command = platform.Database.CreateCommand("""
            SELECT concat_ws(' ', r.status, r.attempt, r.worker, r.finished_at, r.output::text,
                (SELECT string_agg(concat_ws('/', s.path, s.status, s.run_attempt, s.output::text, s.duration_ms), ' ' ORDER BY s.path) FROM run_steps s WHERE s.run_id = r.id))
            FROM runs r WHERE r.id = $1
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = run });
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
