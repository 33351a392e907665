#pragma warning disable RS0030 // The scripts of the web app are programs of their own, which this waits for.
using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Flows.Bench.Hosted;
using Npgsql;

namespace Flows.Bench.Lists;

/// <summary>
/// <c>./flows bench lists [runs] [--browser]</c>: fills thirty days with runs of twenty projects, asks for every kind of list over HTTP, and shows what Postgres does for
/// those that are one statement. Ends with 1 when a page takes longer than 50 ms (the median of those that were asked).
/// </summary>
internal static class ListsBench
{
    private const int Days = 30;
    private const int Asked = 20;
    private const double MostMs = 50;
    private static readonly TimeSpan s_browserLimit = TimeSpan.FromMinutes(5);

    public static async Task<int> RunAsync(BenchArguments arguments)
    {
        var runs = arguments.Number(0, "runs", otherwise: 5_000_000, least: 10_000, most: 50_000_000);
        await using var platform = await LocalPlatform.StartAsync(workers: 1);
        var since = Stopwatch.GetTimestamp();
        var (project, flow) = await FillAsync(platform, runs);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{runs:N0} runs were written in {Stopwatch.GetElapsedTime(since).TotalSeconds:F0} s"));

        var now = TimeProvider.System.GetUtcNow();
        string Day(int ago) => Uri.EscapeDataString(now.AddDays(-ago).ToString("O", CultureInfo.InvariantCulture));
        var cursor = await CursorAsync(platform, project, ago: 20);
        (string Name, string Query, string Sql)[] lists =
        [
            ("the newest of the project", "", ""),
            ("of one flow", $"flow={flow}", $"AND r.flow_id = '{flow}'"),
            ("failed", "status=Failed", "AND r.status = 5"),
            ("failed, of one flow", $"flow={flow}&status=Failed", $"AND r.flow_id = '{flow}' AND r.status = 5"),
            ("waiting for a decision (one a day)", "status=NeedsDecision", "AND r.status = 3"),
            ("waiting for anything, or cancelled", "status=Paused,NeedsDecision,Cancelled", "AND r.status = 2|AND r.status = 3|AND r.status = 7"),
            ("under way (none)", "status=Running", "AND r.status = 1"),
            ("of one day, 20 days ago", $"from={Day(20)}&to={Day(19)}", $"AND r.id >= run_id_floor(now() - interval '20 d') AND r.id < run_id_floor(now() - interval '19 d')"),
            ("a page 20 days deep", $"cursor={Base64Url.EncodeToString(cursor.ToByteArray(bigEndian: true))}", $"AND r.id < '{cursor}'"),
            ("with a tag that one in eight has", "tag=shop", ""),
            ("with a tag that one in 5,000 has", "tag=order-7", ""),
            ("with a tag that none has", "tag=nobody", ""),
            ("failed, with a tag", "tag=shop&status=Failed", ""),
            ("with a tag, of one flow", $"tag=shop&flow={flow}", ""),
            ("with a text that every error has", "q=answered+with", ""),
            ("with a text that the errors of one day have, 25 days ago", "q=shop+is+CLOSED", ""),
            ("with a text that no error has", "q=nothing+like+it", ""),
            ("with a text of three letters that no error has", "q=zqx", ""),
            ("failed, with a text that no error has", "status=Failed&q=nothing+like+it", ""),
            ("with a text, of one day", $"q=answered+with&from={Day(20)}&to={Day(19)}", ""),
        ];
        var (table, plans, slow) = (new StringBuilder("| list | rows | p50 ms | max ms | to reach |\n| --- | --- | --- | --- | --- |\n"), new StringBuilder(), false);
        foreach (var (name, query, sql) in lists)
        {
            var (count, times) = await AskAsync(platform, query);
            slow |= times[times.Count / 2] > MostMs;
            table.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {count} | {times[times.Count / 2]:F1} | {times[^1]:F1} | ≤ {MostMs} |");
            if (sql.Length > 0 || query.Length == 0)
                plans.AppendLine(CultureInfo.InvariantCulture, $"\n### {name}\n```\n{await PlanAsync(platform, project, sql)}\n```");
        }
        var browser = arguments.Browser ? $"## In Chromium\n{await InBrowserAsync(platform, "opening.mjs")}\n{await InBrowserAsync(platform, "frames.mjs")}" : "";
        var report = $"{runs.ToString("N0", CultureInfo.InvariantCulture)} runs of 20 projects over {Days} days; pages of 50 of a project with a quarter of them, {Asked} times each over HTTP.\n\n{table}\n{browser}\n## Plans\n{plans}";
        Console.WriteLine(report);
        Results.Keep(arguments, "lists", report);
        return slow ? 1 : 0;
    }

    /// <summary>What a script of the web app prints about the Flows that this has filled.</summary>
    private static async Task<string> InBrowserAsync(LocalPlatform platform, string script)
    {
        var results = Environment.GetEnvironmentVariable("FLOWS_BENCH_RESULTS") ?? throw new BenchException("FLOWS_BENCH_RESULTS is not set; run ./flows bench.");
        var web = Path.GetFullPath(Path.Combine(results, "..", "..", "Flows.Web"));
        var start = new ProcessStartInfo("node", [Path.Combine("e2e", script)]) { WorkingDirectory = web, RedirectStandardOutput = true };
        (start.Environment["FLOWS_URL"], start.Environment["FLOWS_KEY"]) = ($"{platform.Address}".TrimEnd('/'), platform.ApiKey);
        using var node = Process.Start(start)!;
        using var limit = new CancellationTokenSource(s_browserLimit);
        try
        {
            var text = await node.StandardOutput.ReadToEndAsync(limit.Token);
            await node.WaitForExitAsync(limit.Token);
            return node.ExitCode == 0 ? $"`node e2e/{script}`:\n```\n{text.Trim()}\n```" : throw new BenchException($"node e2e/{script} ended with {node.ExitCode}.");
        }
        finally
        {
            node.Kill(entireProcessTree: true);
        }
    }

    // Inside of Postgres: no row crosses the network. One in 30 has failed, one in 200 was cancelled, one a day waits for a person.
    private static async Task<(Guid Project, Guid Flow)> FillAsync(LocalPlatform platform, int runs)
    {
        var project = (Guid)(await ScalarAsync(platform, "SELECT id FROM projects ORDER BY created_at LIMIT 1"))!;
        await ScalarAsync(platform, $"SELECT ensure_run_partitions((now() AT TIME ZONE 'UTC')::date - {Days}, {Days + 1})");
        for (var day = Days - 1; day >= 0; day--)
        {
            await ScalarAsync(platform, $$"""
                INSERT INTO runs (id, project_id, flow_id, version_id, version, status, environment, origin, priority, attempt, worker, created_at, started_at, claimed_at,
                    finished_at, status_changed_at, trigger, output, error, failed_step, waiting_for)
                SELECT (lpad(to_hex((extract(epoch FROM n.at) * 1000)::bigint), 12, '0') || '7' || substr(n.hash, 1, 3) || '8' || substr(n.hash, 4, 15))::uuid,
                    CASE WHEN n.i % 4 = 0 THEN '{{project}}'::uuid ELSE md5('project' || n.i % 19)::uuid END, md5('flow' || n.i / 4 % 200)::uuid, md5('version')::uuid, 1,
                    n.status, 0, 0, 2, 1, 'worker', n.at, n.at, n.at, CASE WHEN n.status >= 4 THEN n.at + interval '1 s' END, n.at + interval '1 s',
                    '{"body":{"id":"A-7","n":21} }', CASE WHEN n.status = 4 THEN '{"ok":true}'::json END,
                    CASE WHEN n.status = 5 THEN json_build_object('code', 'http_5xx', 'message', CASE WHEN {{day}} = 25 THEN 'The shop is closed.' ELSE 'It answered with status 503: ' || n.hash END) END, CASE WHEN n.status IN (3, 5) THEN 'pay' END,
                    CASE WHEN n.status = 3 THEN '{"kind":"decision","path":"pay"}'::json END
                FROM (SELECT i, md5(i::text || '/{{day}}') AS hash, now() - interval '{{day}} d' - i * (interval '1 d' / {{runs / Days}}) AS at,
                    (CASE WHEN i % 500000 = 4 THEN 3 WHEN i % 200 = 8 THEN 7 WHEN i % 30 = 2 THEN 5 ELSE 4 END)::smallint AS status
                    FROM generate_series(1, {{runs / Days}}) AS i) n
                """);
        }
        await ScalarAsync(platform, $"""
            INSERT INTO run_tags (run_id, tag, project_id)
            SELECT id, 'order-' || (('x' || substr(md5(id::text), 1, 6))::bit(24)::int % 5000), project_id FROM runs WHERE project_id = '{project}'
            UNION ALL SELECT id, 'shop', project_id FROM runs WHERE project_id = '{project}' AND substr(id::text, 36, 1) IN ('0', '1')
            """);
        await ScalarAsync(platform, "VACUUM ANALYZE runs");
        await ScalarAsync(platform, "VACUUM ANALYZE run_tags");
        return (project, (Guid)(await ScalarAsync(platform, "SELECT md5('flow7')::uuid"))!);
    }

    private static async Task<Guid> CursorAsync(LocalPlatform platform, Guid project, int ago) =>
        (Guid)(await ScalarAsync(platform, $"SELECT id FROM runs WHERE project_id = '{project}' AND id < run_id_floor(now() - interval '{ago} d') ORDER BY id DESC LIMIT 1"))!;

    private static async Task<(int Count, List<double> Times)> AskAsync(LocalPlatform platform, string query)
    {
        var (count, times) = (0, new List<double>());
        for (var i = 0; i < Asked; i++)
        {
            var since = Stopwatch.GetTimestamp();
            using var answer = await platform.Target.Http.GetAsync($"/api/v1/runs?limit=50&{query}");
            var text = await answer.Content.ReadAsStringAsync();
            times.Add(Stopwatch.GetElapsedTime(since).TotalMilliseconds);
            if (!answer.IsSuccessStatusCode)
                throw new BenchException($"the list with '{query}' answered {(int)answer.StatusCode}: {text}");
            using var page = System.Text.Json.JsonDocument.Parse(text);
            count = page.RootElement.GetProperty("items").GetArrayLength();
        }
        times.Sort();
        return (count, times);
    }

    private static async Task<string> PlanAsync(LocalPlatform platform, Guid project, string condition)
    {
        // As RunReader.ListSql has it: several statuses are looked up one by one.
        string Newest(string what, string which) => $"SELECT {what} FROM runs r WHERE r.project_id = '{project}' {which} ORDER BY r.id DESC LIMIT 51";
        var list = condition.Split('|') is [_, _, ..] several
            ? $"SELECT r.id, r.status, r.output FROM ({string.Join(" UNION ALL ", several.Select(one => $"({Newest("*", one)})"))}) r ORDER BY r.id DESC LIMIT 51"
            : Newest("r.id, r.status, r.output", condition);
        await using var command = platform.Database.CreateCommand($"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) {list}");
        command.CommandTimeout = 120;
        var lines = new List<string>();
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
        {
            if (!row.GetString(0).Contains("never executed", StringComparison.Ordinal))
                lines.Add(row.GetString(0));
        }
        return string.Join('\n', lines.Count <= 14 ? lines : [.. lines.Take(11), "…", .. lines.TakeLast(2)]);
    }

    private static async Task<object?> ScalarAsync(LocalPlatform platform, string sql)
    {
        await using var command = platform.Database.CreateCommand(sql);
        command.CommandTimeout = 600;
        return await command.ExecuteScalarAsync();
    }
}
