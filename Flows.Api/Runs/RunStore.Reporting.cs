using Flows.Api.Runs.Values;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <param name="Taken">The reports that were committed; every other one was stale.</param>
/// <param name="News">Runs that were answered or moved.</param>
internal sealed record ReportedRuns(HashSet<(Guid RunId, int Attempt, string Worker)> Taken, List<RunNews> News);

internal sealed partial class RunStore
{
    /// <summary>Statuses in which a worker may leave a run; each has Running among its sources.</summary>
    public static readonly IReadOnlySet<RunStatus> Outcomes = Enum.GetValues<RunStatus>()
        .Where(to => to != RunStatus.Cancelled && RunTransitions.Into(to).Contains(RunStatus.Running))
        .ToHashSet();

    // A run that is handed back with an error has lost its engine. That counts as a lost lease does, or one that kills every engine would
    // be handed back for ever; the last time, the error stays as the run's.
    // held is the fence: rows that are Running, this attempt's and this worker's, locked in the order of their ids. The journal and the
    // moves are joined to it, so a stale report can leave nothing behind.
    private static string ReportSqlOf(string values) => $"""
        WITH held AS (
            SELECT l.id, a.attempt, a.worker, a.to_status, a.output, a.response, a.error, a.failed_step, a.waiting_for, l.after_loss
            FROM unnest($3::uuid[], $4::int[], $5::text[], $6::smallint[], $7::json[], $8::json[], $9::json[], $10::text[], $11::json[])
                AS a(id, attempt, worker, to_status, output, response, error, failed_step, waiting_for) CROSS JOIN LATERAL (
                SELECT r.id, {RunSql.AfterLoss("$26")} AS after_loss
                FROM runs r WHERE r.id = a.id AND r.attempt = a.attempt AND r.worker = a.worker AND r.status + 0 = 1 AND {RunSql.Within("$3")} FOR NO KEY UPDATE
            ) l
        ), lines AS (
            INSERT INTO run_steps (run_id, path, name, kind, status, effect, run_attempt, attempt, started_at, duration_ms, input, output, error, logs)
            SELECT s.run_id, s.path, s.name, s.kind, s.status, s.effect, s.run_attempt, s.attempt, s.started_at, s.duration_ms, s.input, s.output, s.error, s.logs
            FROM unnest($12::uuid[], $13::text[], $14::text[], $15::text[], $16::smallint[], $17::smallint[], $18::int[], $19::int[], $20::timestamptz[],
                    $21::float8[], $22::json[], $23::json[], $24::json[], $25::text[])
                AS s(run_id, path, name, kind, status, effect, run_attempt, attempt, started_at, duration_ms, input, output, error, logs)
            JOIN held h ON h.id = s.run_id AND h.attempt = s.run_attempt
            ON CONFLICT (run_id, path) DO UPDATE SET
                status = EXCLUDED.status, effect = EXCLUDED.effect, run_attempt = EXCLUDED.run_attempt, attempt = EXCLUDED.attempt,
                started_at = EXCLUDED.started_at, duration_ms = EXCLUDED.duration_ms, input = coalesce(EXCLUDED.input, run_steps.input),
                output = EXCLUDED.output, error = EXCLUDED.error, logs = coalesce(EXCLUDED.logs, run_steps.logs)
            WHERE run_steps.status IN ({RunSql.In(StepLines.Unfinished)})
        ), {values}answered AS (
            UPDATE runs r SET response = coalesce(r.response, h.response) FROM held h
            WHERE r.id = h.id AND h.to_status IS NULL AND h.response IS NOT NULL AND {RunSql.Within("$3")}
            RETURNING {RunSql.News}
        ), moves ({RunSql.MoveColumns}) AS (
            SELECT h.id, h.attempt, CASE WHEN h.to_status = 0 AND h.error IS NOT NULL THEN h.after_loss ELSE h.to_status END, NULL::text, $2::timestamptz,
                h.to_status = 0 AND h.error IS NOT NULL, h.output, h.response, h.error, h.failed_step, h.waiting_for
            FROM held h WHERE h.to_status IS NOT NULL
        ), moved AS (
            {RunSql.MoveWithin("$3")}
            RETURNING {RunSql.News}
        )
        SELECT n.*, h.attempt, h.worker, h.id FROM held h
        LEFT JOIN (SELECT * FROM answered UNION ALL SELECT * FROM moved) AS n(id, project_id, priority, status, waiter, response, output, error, failed_step)
            ON n.id = h.id
        """;

    internal static readonly string ReportSql = ReportSqlOf("");

    // Behind the same fence as the lines that refer to them.
    internal static readonly string ReportWithValuesSql = ReportSqlOf("""
        kept AS (
            INSERT INTO run_values (run_id, id, size, encoding, data)
            SELECT v.run_id, v.id, v.size, v.encoding, v.data
            FROM unnest($27::uuid[], $28::uuid[], $29::int[], $30::smallint[], $31::bytea[], $32::int[], $33::text[]) AS v(run_id, id, size, encoding, data, attempt, worker)
            JOIN held h ON h.id = v.run_id AND h.attempt = v.attempt AND h.worker = v.worker
            ON CONFLICT (run_id, id) DO NOTHING
        ),
        """ + " ");

    /// <summary>A report as its rows will hold it; see <see cref="PackedReport.Of"/>.</summary>
    public PackedReport Pack(string worker, RunReport report) => PackedReport.Of(worker, report, limits.Value.InlineBytes);

    /// <inheritdoc cref="ReportAsync(IEnumerable{PackedReport}, CancellationToken)"/>
    public Task<ReportedRuns> ReportAsync(IEnumerable<(string Worker, RunReport Report)> batch, CancellationToken cancel) =>
        ReportAsync(batch.Select(item => Pack(item.Worker, item.Report)), cancel);

    /// <summary>
    /// Writes the journal, the answer and the end of several runs in one commit. A report counts as a whole or not at all: it is stale when
    /// its run is no longer Running under its attempt and worker.
    /// </summary>
    /// <param name="batch">At most one for a run and attempt, and for each at most one line for a path.</param>
    public async Task<ReportedRuns> ReportAsync(IEnumerable<PackedReport> batch, CancellationToken cancel)
    {
        var reports = batch.OrderBy(item => item.Report.RunId).ToList();
        var lines = reports.SelectMany(item => item.Steps.Select(step => (Run: item.Report, Step: step.Line, Values: step))).ToList();
        var large = reports.SelectMany(item => item.Large.Select(value => (item.Worker, item.Report.Attempt, Value: value))).ToList();
        var now = clock.GetUtcNow();
        var taken = new HashSet<(Guid, int, string)>();
        var news = new List<RunNews>();
        var after = new List<RunNews>();
        List<NpgsqlParameter> parameters =
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(reports, item => item.Report.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(reports, item => item.Report.Attempt), NpgsqlDbType.Integer),
            RunSql.Array(Each(reports, item => item.Worker), NpgsqlDbType.Text),
            RunSql.Array(Each(reports, item => (short?)item.Report.Outcome?.Status), NpgsqlDbType.Smallint),
            RunSql.Array(Each(reports, item => Json(item.Output)), NpgsqlDbType.Json),
            RunSql.Array(Each(reports, item => Json(item.Response)), NpgsqlDbType.Json),
            RunSql.Array(Each(reports, item => Json(item.Error)), NpgsqlDbType.Json),
            RunSql.Array(Each(reports, item => Text(item.Report.Outcome?.FailedStep)), NpgsqlDbType.Text),
            RunSql.Array(Each(reports, item => Json(WaitingFor(item.Report.Outcome), RunsJson.Default.WaitingForDecision)), NpgsqlDbType.Json),
            RunSql.Array(Each(lines, line => line.Run.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(lines, line => Text(line.Step.Path)), NpgsqlDbType.Text),
            RunSql.Array(Each(lines, line => Text(line.Step.Name)), NpgsqlDbType.Text),
            RunSql.Array(Each(lines, line => Text(line.Step.Kind)), NpgsqlDbType.Text),
            RunSql.Array(Each(lines, line => (short)line.Step.Status), NpgsqlDbType.Smallint),
            RunSql.Array(Each(lines, line => (short)line.Step.Effect), NpgsqlDbType.Smallint),
            RunSql.Array(Each(lines, line => line.Run.Attempt), NpgsqlDbType.Integer),
            RunSql.Array(Each(lines, line => line.Step.Attempt), NpgsqlDbType.Integer),
            RunSql.Array(Each(lines, line => line.Step.StartedAt.ToUniversalTime()), NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(lines, line => line.Step.DurationMs), NpgsqlDbType.Double),
            RunSql.Array(Each(lines, line => Json(line.Values.Input)), NpgsqlDbType.Json),
            RunSql.Array(Each(lines, line => Json(line.Values.Output)), NpgsqlDbType.Json),
            RunSql.Array(Each(lines, line => Json(line.Values.Error)), NpgsqlDbType.Json),
            RunSql.Array(Each(lines, line => Text(line.Step.Logs)), NpgsqlDbType.Text),
            RunSql.Value(options.Value.MaxAttempts, NpgsqlDbType.Integer),
        ];
        if (large.Count > 0)
        {
            parameters.AddRange(ColumnsOf([.. large.Select(item => item.Value)]));
            parameters.Add(RunSql.Array(Each(large, item => item.Attempt), NpgsqlDbType.Integer));
            parameters.Add(RunSql.Array(Each(large, item => item.Worker), NpgsqlDbType.Text));
        }
        var statements = new List<Statement>(3) { new(large.Count == 0 ? ReportSql : ReportWithValuesSql, [.. parameters], row =>
        {
            taken.Add((row.GetGuid(11), row.GetInt32(9), row.GetString(10)));
            if (!row.IsDBNull(0))
                news.Add(RunNews.Read(row));
        }) };
        if (reports.Any(item => item.Report.Outcome is { Status: RunStatus.Paused }))
        {
            var called = new List<LargeValue>();
            statements.Add(Pause(reports, now, after, called, out var children));
            if (called.Count > 0)
                statements.Add(Keep(called));
            if (children.Length > 0 && RunTraces.IsOn)
                statements.Add(InheritTrace(children));
        }
        var over = reports.Where(item => !item.Report.IsOnItsOwn && item.Report.Outcome is { Status: var to } && RunTransitions.IsFinal(to)).Select(item => item.Report.RunId).ToList();
        if (over.Count > 0)
            statements.Add(EndCalls(over, now, after));
        await WriteAllAsync(MustWait(reports) ? RunSql.Durable : RunSql.Behind, statements, cancel, () =>
        {
            taken.Clear();
            news.Clear();
            after.Clear();
        });

        // Word on one run may come from each of the statements; the last is how it stands after the commit.
        var latest = after.Select(run => run.RunId).ToHashSet();
        return new ReportedRuns(taken, [.. news.Where(run => !latest.Contains(run.RunId)), .. after.AsEnumerable().Reverse().DistinctBy(run => run.RunId).Reverse()]);
    }

    /// <summary>Results of pure steps alone can be computed again, so their commit need not wait for the disk. Anything else is a promise.</summary>
    private static bool MustWait(List<PackedReport> reports) => reports.Any(item =>
        item.Report is { Outcome: not null } or { Response: not null } || item.Steps.Any(step => step.Line.Effect != StepEffect.Pure));

    private static WaitingForDecision? WaitingFor(RunOutcome? outcome) =>
        outcome is { Status: RunStatus.NeedsDecision, FailedStep: { } path } ? new WaitingForDecision(path) : null;

    /// <summary>Postgres keeps every character but NUL; one in a log must not spoil the reports of other runs.</summary>
    private static string? Text(string? text) => text?.Replace('\0', '\uFFFD');
}
