using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace Flows.Bench.Hosted;

/// <summary>
/// <c>./flows bench schedules [flows]</c>: so many flows have a schedule that is due in the same minute, and two replicas of the API look at the clock. Lateness is taken twice:
/// as the run says (its created time), and as a reader of Postgres sees it, which holds the commit as well. The queue holds the runs back, because a
/// worker would do them on the same cores. Ends with 1 when the 99th percentile of the later of the two is above three seconds, when a flow was
/// started twice for its time, or when one was not.
/// </summary>
internal static class SchedulesBench
{
    private const double MostSeconds = 3;
    /// <summary>Seconds that are left for the preparations, and some more for many flows.</summary>
    private const int Quiet = 8;

    private sealed record Lateness(double P50, double P99, double Most);

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var flows = arguments.Number(0, "flows", otherwise: 10_000, least: 10, most: 200_000);
        await using var platform = await LocalPlatform.StartAsync(workers: 1, "--Flows:Api:Replicas=2");
        await FailoverBench.UntilAsync("both replicas are up", () => Task.FromResult(platform.AddressesOf("api").Count), count => count == 2);
        var due = await FillAsync(platform, flows);
        using (var paused = await platform.Target.Http.PostAsync("/api/v1/system/queue/pause", content: null))
            paused.EnsureSuccessStatusCode();
        var seen = await WatchAsync(platform, due, flows);
        // A second start would come with one of the next looks of either replica.
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System);
        var (written, runs, times) = await CountAsync(platform);
        var shares = await Task.WhenAll(platform.AddressesOf("api").Values.Select(address => StartedByAsync(platform, address)));
        var (doubles, missing) = (runs - times, flows - times);
        var worst = Math.Max(written.P99, seen.P99);
        var report = string.Create(CultureInfo.InvariantCulture, $"""
            {flows:N0} flows with a schedule that is due in the same minute, two replicas of the API with the default settings (each looks every half second), which share the machine with Postgres and Redis. The queue held the runs back.
            The replicas started {string.Join(" and ", shares.Select(share => share.ToString("N0", CultureInfo.InvariantCulture)))} of them.

            | seconds after the minute | p50 | p99 | max | to reach (p99) |
            | --- | --- | --- | --- | --- |
            | created time of the run | {Row(written)} | ≤ {MostSeconds:F0} |
            | committed, as a reader of Postgres sees it (looked every 50 ms) | {Row(seen)} | ≤ {MostSeconds:F0} |

            | runs | started twice for their time | to reach | not started | to reach |
            | --- | --- | --- | --- | --- |
            | {runs:N0} | {doubles} | 0 | {missing} | 0 |
            """);
        Console.WriteLine(report);
        Results.Keep(arguments, "schedules", report);
        return worst <= MostSeconds && doubles == 0 && missing == 0 ? 0 : 1;
    }

    // One flow is published over HTTP; the others are copies of all that this has written.
    private static async Task<DateTimeOffset> FillAsync(LocalPlatform platform, int flows)
    {
        // The first minute that is far enough away.
        var earliest = TimeProvider.System.GetUtcNow().AddSeconds(Quiet + (flows / 2_000)).Ticks;
        var due = new DateTimeOffset(earliest - (earliest % TimeSpan.TicksPerMinute) + TimeSpan.TicksPerMinute, TimeSpan.Zero);
        var model = await platform.Target.PublishAsync("at the same time", string.Create(CultureInfo.InvariantCulture, $$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "schedule", "event": "cron", "input": { "cron": "{{due.Minute}} {{due.Hour}} * * *" } },
              "steps": [ { "name": "note", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{"{{trigger.scheduledAt}}"}}" } } ] }
            """));
        await using var command = platform.Database.CreateCommand("""
            WITH made AS (SELECT gen_random_uuid() AS flow, gen_random_uuid() AS version FROM generate_series(2, $2)),
            f AS (
                INSERT INTO flows (id, project_id, name, draft, published_version_id)
                SELECT made.flow, f.project_id, f.name, f.draft, made.version FROM flows f, made WHERE f.id = $1),
            v AS (
                INSERT INTO flow_versions (id, flow_id, number, definition)
                SELECT made.version, made.flow, v.number, v.definition FROM flow_versions v JOIN flows f ON f.published_version_id = v.id, made WHERE f.id = $1)
            INSERT INTO schedules (flow_id, times, time_zone, due_at, fire_at)
            SELECT made.flow, s.times, s.time_zone, s.due_at, s.fire_at FROM schedules s, made WHERE s.flow_id = $1
            """);
        command.CommandTimeout = 60;
        command.Parameters.Add(new NpgsqlParameter { Value = model });
        command.Parameters.Add(new NpgsqlParameter { Value = flows });
        await command.ExecuteNonQueryAsync();
        await using var analyze = platform.Database.CreateCommand("ANALYZE flows, flow_versions, schedules");
        await analyze.ExecuteNonQueryAsync();
        var ready = await FailoverBench.CountAsync(platform, string.Create(CultureInfo.InvariantCulture, $"SELECT count(*) FROM schedules WHERE due_at = '{due:O}'"));
        if (ready != flows || TimeProvider.System.GetUtcNow() >= due)
            throw new BenchException($"{ready} of {flows} schedules are due at {due:O}, or the minute came before everything was ready.");
        return due;
    }

    private static async Task<Lateness> WatchAsync(LocalPlatform platform, DateTimeOffset due, int flows)
    {
        var wait = due - TimeProvider.System.GetUtcNow();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{flows:N0} schedules are due in {wait.TotalSeconds:F0} s"));
        await Task.Delay(wait, TimeProvider.System);
        var (late, since) = (new List<double>(flows), Stopwatch.GetTimestamp());
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        while (late.Count < flows)
        {
            if (limit.IsCancellationRequested)
                throw new BenchException($"{late.Count} of {flows} runs had been started after 90 s.");
            var count = await FailoverBench.CountAsync(platform, "SELECT count(*) FROM runs");
            // When it was read is when it was seen; those that were there before that are a little less late.
            var now = (TimeProvider.System.GetUtcNow() - due).TotalSeconds;
            late.AddRange(Enumerable.Repeat(now, (int)Math.Max(0, count - late.Count)));
            await tick.WaitForNextTickAsync();
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"all are there {Stopwatch.GetElapsedTime(since).TotalSeconds:F2} s after the minute"));
        return new Lateness(WebhookBench.At(late, 0.5), WebhookBench.At(late, 0.99), late[^1]);
    }

    private static async Task<(Lateness Written, long Runs, long Times)> CountAsync(LocalPlatform platform)
    {
        await using var command = platform.Database.CreateCommand("""
            SELECT percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM created_at - at)::float8),
                count(*), count(DISTINCT (flow_id, at))
            FROM (SELECT flow_id, created_at, (trigger ->> 'scheduledAt')::timestamptz AS at FROM runs) r
            """);
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        var times = row.GetFieldValue<double[]>(0);
        return (new Lateness(times[0], times[1], times[2]), row.GetInt64(1), row.GetInt64(2));
    }

    /// <summary>Runs that the clock of one replica has started, as its own metrics say.</summary>
    private static async Task<long> StartedByAsync(LocalPlatform platform, Uri replica)
    {
        using var http = platform.Client(TimeSpan.FromSeconds(10), replica);
        var page = await http.GetStringAsync("/metrics");
        return (long)page.Split('\n')
            .Where(line => line.StartsWith("flows_runs_accepted", StringComparison.Ordinal) && line.Contains("origin=\"schedule\"", StringComparison.OrdinalIgnoreCase))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    private static string Row(Lateness late) => string.Create(CultureInfo.InvariantCulture, $"{late.P50:F2} | {late.P99:F2} | {late.Most:F2}");
}
