using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Flows.Api.Retention;
using Npgsql;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench retention [runs] [rate]</c>: a day with so many runs, each with a line in its journal, is dropped as the housekeeper does it, while callers have runs accepted at a
/// steady rate. Ends with 1 when the drop takes a second or more, or an accept that met it did, or one failed. Ten million runs take about 10 GB of disk and some minutes.
/// </summary>
internal static class RetentionBench
{
    private const int Callers = 16;
    private const int ChunkOfRuns = 500_000;
    private const int MostTries = 30;
    private static readonly TimeSpan s_untilNextTry = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_around = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_most = TimeSpan.FromSeconds(1);

    private sealed record Accept(TimeSpan At, double Ms, bool IsTaken);

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var runs = arguments.Number(0, "runs", otherwise: 10_000_000, least: 1_000, most: 50_000_000);
        var rate = arguments.Number(1, "rate", otherwise: 50, least: 1, most: 1_000);
        // The API's own housekeeper keeps everything: the drop is made here, by the same code, so that it can be timed.
        await using var platform = await LocalPlatform.StartAsync(workers: 1, "--Flows:Retention:RunDays=0");
        var day = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime).AddDays(-40);
        var since = Stopwatch.GetTimestamp();
        var bytes = await FillAsync(platform, day, runs);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{runs:N0} runs of {day} were written in {Stopwatch.GetElapsedTime(since).TotalSeconds:F0} s: {bytes >> 20:N0} MiB"));

        var flow = await platform.Target.PublishAsync("accepted", WebhookBench.Pure);
        var accepts = new ConcurrentQueue<Accept>();
        using var over = new CancellationTokenSource();
        var clock = Stopwatch.StartNew();
        var load = PaceAsync(platform, flow, rate, clock, accepts, over.Token);
        await Task.Delay(s_around, TimeProvider.System);
        var (first, began, tables, gaveUp) = (clock.Elapsed, clock.Elapsed, 0, 0);
        while (tables == 0)
        {
            began = clock.Elapsed;
            try
            {
                tables = await new RunDays(platform.Database).DropAsync(day, CancellationToken.None);
            }
            catch (PostgresException busy) when (busy.SqlState == PostgresErrorCodes.LockNotAvailable && gaveUp < MostTries)
            {
                // As the housekeeper: it lets the others through and comes back; here sooner than after ten minutes.
                gaveUp++;
                await Task.Delay(s_untilNextTry, TimeProvider.System);
            }
        }
        var ended = clock.Elapsed;
        await Task.Delay(s_around, TimeProvider.System);
        await over.CancelAsync();
        await load;

        if (await ScalarAsync(platform, $"SELECT to_regclass('runs_{Name(day)}')::text") is not DBNull)
            throw new BenchException("the day was not dropped.");
        var took = ended - began;
        // Whoever was under way in the middle of it, or came until a moment after.
        var (before, during, after) = (Of(accepts, accept => End(accept) < first), Of(accepts, accept => End(accept) >= first && accept.At <= ended + TimeSpan.FromMilliseconds(500)), Of(accepts, accept => accept.At > ended + TimeSpan.FromMilliseconds(500)));
        var failed = accepts.Count(accept => !accept.IsTaken);
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            A day of {runs:N0} runs with as many lines of journal ({bytes >> 20:N0} MiB in Postgres with its indexes) was dropped in **{took.TotalMilliseconds:F0} ms** ({tables} tables), while {rate} runs a second were accepted; {failed} accepts failed. Before that it gave up {gaveUp} times after half a second, because something else had a lock.
            Goal: less than {s_most.TotalSeconds:F0} s, without blocking accepts.

            | accepts | how many | p50 ms | p99 ms | max ms |
            | --- | --- | --- | --- | --- |
            | in the ten seconds before | {Row(before)} |
            | that met the drop or a try | {Row(during)} |
            | in the ten seconds after | {Row(after)} |
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "retention", report);
        return took < s_most && failed == 0 && during.DefaultIfEmpty().Max() < s_most.TotalMilliseconds ? 0 : 1;
    }

    // Apart from the table of runs until it is full, so that no housekeeper and no index of the others is in the way; then it becomes a day as any other.
    private static async Task<long> FillAsync(LocalPlatform platform, DateOnly day, int runs)
    {
        var (name, floor, ceiling) = (Name(day), $"run_id_floor('{day:yyyy-MM-dd}T00:00:00Z')", $"run_id_floor('{day.AddDays(1):yyyy-MM-dd}T00:00:00Z')");
        var project = (Guid)(await ScalarAsync(platform, "SELECT id FROM projects ORDER BY created_at LIMIT 1"))!;
        await ScalarAsync(platform, $"CREATE TABLE runs_{name} (LIKE runs INCLUDING DEFAULTS INCLUDING GENERATED); CREATE TABLE run_steps_{name} (LIKE run_steps INCLUDING DEFAULTS INCLUDING GENERATED)");
        for (var done = 0; done < runs; done += ChunkOfRuns)
        {
            await ScalarAsync(platform, $$"""
                WITH made AS (
                    INSERT INTO runs_{{name}} (id, project_id, flow_id, version_id, version, status, environment, origin, priority, attempt, worker, created_at, started_at, claimed_at, finished_at,
                        status_changed_at, trigger, output)
                    SELECT (lpad(to_hex((extract(epoch FROM n.at) * 1000)::bigint), 12, '0') || '7' || substr(n.hash, 1, 3) || '8' || substr(n.hash, 4, 15))::uuid, '{{project}}',
                        md5('flow' || n.i % 200)::uuid, md5('version')::uuid, 1, 4, 0, 0, 2, 1, 'worker', n.at, n.at, n.at, n.at, n.at, '{"body":{"id":"A-7","n":21} }', '{"ok":true}'
                    FROM (SELECT i, md5(i::text) AS hash, '{{day:yyyy-MM-dd}}T00:00:00Z'::timestamptz + i * (interval '1 day' / {{runs + 1}}) AS at
                        FROM generate_series({{done + 1}}, {{Math.Min(done + ChunkOfRuns, runs)}}) AS i) n
                    RETURNING id, created_at)
                INSERT INTO run_steps_{{name}} (run_id, path, name, kind, status, effect, run_attempt, attempt, started_at, duration_ms, output)
                SELECT id, 'set', 'set', 'action', 1, 0, 1, 1, created_at, 0.4, '{"id":"A-7","n":42}' FROM made
                """);
        }
        foreach (var (table, key) in new[] { ("runs", "id"), ("run_steps", "run_id") })
        {
            // The check spares Postgres the look at every row while the parent is locked; the indexes are made by the attaching, before anybody waits for it.
            await ScalarAsync(platform, $"""
                ALTER TABLE {table}_{name} ADD CONSTRAINT of_the_day CHECK ({key} IS NOT NULL AND {key} >= '{await ScalarAsync(platform, $"SELECT {floor}")}' AND {key} < '{await ScalarAsync(platform, $"SELECT {ceiling}")}')
                """);
            await ScalarAsync(platform, $"ALTER TABLE {table} ATTACH PARTITION {table}_{name} FOR VALUES FROM ('{await ScalarAsync(platform, $"SELECT {floor}")}') TO ('{await ScalarAsync(platform, $"SELECT {ceiling}")}')");
        }
        await ScalarAsync(platform, $"SELECT ensure_run_partitions('{day:yyyy-MM-dd}', 1)");
        // As a day of a month ago is.
        await ScalarAsync(platform, $"VACUUM (ANALYZE, FREEZE) runs_{name}");
        await ScalarAsync(platform, $"VACUUM (ANALYZE, FREEZE) run_steps_{name}");
        await ScalarAsync(platform, "CHECKPOINT");
        return (long)(await ScalarAsync(platform, $"SELECT pg_total_relation_size('runs_{name}') + pg_total_relation_size('run_steps_{name}')"))!;
    }

    private static async Task PaceAsync(LocalPlatform platform, Guid flow, int rate, Stopwatch clock, ConcurrentQueue<Accept> accepts, CancellationToken over)
    {
        var (since, next) = (clock.Elapsed, -1);
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            while (!over.IsCancellationRequested)
            {
                var wait = since + TimeSpan.FromSeconds(Interlocked.Increment(ref next) / (double)rate) - clock.Elapsed;
                if (wait > TimeSpan.Zero)
                    await Task.Delay(wait, TimeProvider.System);
                var at = clock.Elapsed;
                using var body = new StringContent("""{"id":"A-7","n":21}""", Encoding.UTF8, "application/json");
                using var answer = await platform.Target.Http.PostAsync($"/webhooks/{flow}", body);
                accepts.Enqueue(new Accept(at, (clock.Elapsed - at).TotalMilliseconds, answer.IsSuccessStatusCode));
            }
        }));
    }

    private static TimeSpan End(Accept accept) => accept.At + TimeSpan.FromMilliseconds(accept.Ms);

    private static List<double> Of(IEnumerable<Accept> accepts, Func<Accept, bool> which) => [.. accepts.Where(which).Select(accept => accept.Ms).Order()];

    private static string Row(List<double> sorted) => sorted.Count == 0
        ? "0 | | |"
        : string.Create(CultureInfo.InvariantCulture, $"{sorted.Count} | {WebhookBench.At(sorted, 0.5):F1} | {WebhookBench.At(sorted, 0.99):F1} | {sorted[^1]:F1}");

    private static string Name(DateOnly day) => day.ToString("yyyyMMdd", CultureInfo.InvariantCulture);

    private static async Task<object?> ScalarAsync(LocalPlatform platform, string sql)
    {
        await using var command = platform.Database.CreateCommand(sql);
        command.CommandTimeout = 3600;
        return await command.ExecuteScalarAsync();
    }
}
