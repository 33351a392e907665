using System.Text.Json;
using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Chaos;

/// <summary>The rows of drills, and what a drill reads of its run. Each change says what it expects the row to be, so that several replicas may work on one drill.</summary>
internal sealed class ChaosRows(NpgsqlDataSource db)
{
    private const int Shown = 20;
    private const int Kept = 200;

    private const string Columns = """
        d.id, d.project_id, d.run_id, d.flow_id, d.started_by, d.started_at, d.worker, d.worker_runs, d.attempt, d.before, d.ordered_at, d.gone_at, d.taken_by,
        d.taken_at, d.asked, d.replaced_by, d.replaced_at, d.ended_at, d.problem, d.report
        """;

    /// <summary>Begins a drill, unless one is under way. One that nobody has seen through for the given time is given up first.</summary>
    /// <returns>False: another is under way.</returns>
    public async Task<bool> TryBeginAsync(Guid id, Guid projectId, Guid runId, Guid flowId, string startedBy, DateTimeOffset now, TimeSpan longest, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection);
        var expire = new NpgsqlBatchCommand("UPDATE chaos_drills SET ended_at = $1, problem = 'Nobody has seen it through.' WHERE ended_at IS NULL AND started_at < $2");
        expire.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
        expire.Parameters.Add(RunSql.Value(now - longest, NpgsqlDbType.TimestampTz));
        var forget = new NpgsqlBatchCommand("DELETE FROM chaos_drills WHERE id IN (SELECT id FROM chaos_drills WHERE project_id = $1 AND ended_at IS NOT NULL ORDER BY id DESC OFFSET $2)");
        forget.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        forget.Parameters.Add(RunSql.Value(Kept, NpgsqlDbType.Integer));
        var begin = new NpgsqlBatchCommand("""
            INSERT INTO chaos_drills (id, project_id, run_id, flow_id, started_by, started_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
            """);
        begin.Parameters.Add(RunSql.Value(id, NpgsqlDbType.Uuid));
        begin.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        begin.Parameters.Add(RunSql.Value(runId, NpgsqlDbType.Uuid));
        begin.Parameters.Add(RunSql.Value(flowId, NpgsqlDbType.Uuid));
        begin.Parameters.Add(RunSql.Value(startedBy, NpgsqlDbType.Text));
        begin.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
        batch.BatchCommands.Add(expire);
        batch.BatchCommands.Add(forget);
        batch.BatchCommands.Add(begin);
        await batch.ExecuteNonQueryAsync(cancel);
        return begin.RecordsAffected == 1;
    }

    /// <summary>Writes down whom the kill will meet. False: another replica has.</summary>
    public Task<bool> TryOrderAsync(Guid id, string worker, int workerRuns, int attempt, IReadOnlyList<ChaosLine> before, DateTimeOffset now, CancellationToken cancel) =>
        ChangeAsync("worker = $2, worker_runs = $3, attempt = $4, before = $5, ordered_at = $6 WHERE id = $1 AND ended_at IS NULL AND ordered_at IS NULL", cancel,
            RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(worker, NpgsqlDbType.Text), RunSql.Value(workerRuns, NpgsqlDbType.Integer),
            RunSql.Value(attempt, NpgsqlDbType.Integer), RunSql.Value(JsonSerializer.SerializeToUtf8Bytes(before.ToList(), ChaosJson.Default.ListChaosLine), NpgsqlDbType.Json),
            RunSql.Value(now, NpgsqlDbType.TimestampTz));

    /// <summary>Another worker has the run.</summary>
    public Task<bool> TryTakeAsync(Guid id, string? takenBy, DateTimeOffset takenAt, DateTimeOffset goneAt, CancellationToken cancel) =>
        ChangeAsync("taken_by = $2, taken_at = $3, gone_at = $4 WHERE id = $1 AND ended_at IS NULL AND taken_at IS NULL", cancel,
            RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(takenBy, NpgsqlDbType.Text), RunSql.Value(takenAt, NpgsqlDbType.TimestampTz),
            RunSql.Value(goneAt, NpgsqlDbType.TimestampTz));

    public Task<bool> AskedAsync(Guid id, string path, CancellationToken cancel) =>
        ChangeAsync("asked = asked || $2 WHERE id = $1 AND ended_at IS NULL AND NOT asked @> ARRAY[$2]", cancel, RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(path, NpgsqlDbType.Text));

    public Task<bool> ReplacedAsync(Guid id, string worker, DateTimeOffset at, CancellationToken cancel) =>
        ChangeAsync("replaced_by = $2, replaced_at = $3 WHERE id = $1 AND ended_at IS NULL AND replaced_by IS NULL", cancel,
            RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(worker, NpgsqlDbType.Text), RunSql.Value(at, NpgsqlDbType.TimestampTz));

    /// <summary>Ends a drill with what was seen.</summary>
    public Task<bool> TryEndAsync(ChaosReport report, CancellationToken cancel) =>
        ChangeAsync("ended_at = $2, problem = $3, report = $4 WHERE id = $1 AND ended_at IS NULL", cancel,
            RunSql.Value(report.Id, NpgsqlDbType.Uuid), RunSql.Value(report.EndedAt, NpgsqlDbType.TimestampTz), RunSql.Value(report.Problem, NpgsqlDbType.Text),
            RunSql.Value(JsonSerializer.SerializeToUtf8Bytes(report, ChaosJson.Default.ChaosReport), NpgsqlDbType.Json));

    /// <param name="projectId">Null for whatever project it is of.</param>
    public async Task<ChaosDrill?> FindAsync(Guid? projectId, Guid id, CancellationToken cancel) =>
        (await ListAsync("d.id = $1 AND ($2::uuid IS NULL OR d.project_id = $2)", cancel, RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(projectId, NpgsqlDbType.Uuid))).FirstOrDefault();

    /// <summary>The project's newest drills first.</summary>
    public Task<List<ChaosDrill>> NewestAsync(Guid projectId, CancellationToken cancel) =>
        ListAsync($"d.project_id = $1 ORDER BY d.id DESC LIMIT {Shown}", cancel, RunSql.Value(projectId, NpgsqlDbType.Uuid));

    public Task<List<ChaosDrill>> OpenAsync(CancellationToken cancel) => ListAsync("d.ended_at IS NULL", cancel);

    public async Task<bool> IsTestProjectAsync(Guid projectId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT is_test FROM projects WHERE id = $1");
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        return await command.ExecuteScalarAsync(cancel) is true;
    }

    /// <summary>The run with its journal, in the order in which the steps began; null when it is gone.</summary>
    public async Task<ChaosRun?> RunOfAsync(Guid runId, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection);
        foreach (var sql in new[]
        {
            "SELECT status, attempt, worker, claimed_at, finished_at, waiting_for ->> 'path', output ->> 'counted' FROM runs WHERE id = $1",
            "SELECT path, kind, effect, status, run_attempt, started_at, duration_ms FROM run_steps WHERE run_id = $1 ORDER BY started_at, path",
        })
        {
            var command = new NpgsqlBatchCommand(sql);
            command.Parameters.Add(RunSql.Value(runId, NpgsqlDbType.Uuid));
            batch.BatchCommands.Add(command);
        }
        await using var row = await batch.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        var status = (RunStatus)row.GetInt16(0);
        var lines = new List<ChaosLine>();
        var run = new ChaosRun(status, row.GetInt32(1), row.TextOrNull(2), row.TimeOrNull(3), row.TimeOrNull(4),
            status == RunStatus.NeedsDecision ? row.TextOrNull(5) : null, int.TryParse(row.TextOrNull(6), out var counted) ? counted : null, lines);
        await row.NextResultAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            lines.Add(new ChaosLine(row.GetString(0), row.GetString(1), (StepEffect)row.GetInt16(2), (StepStatus)row.GetInt16(3), row.GetInt32(4),
                row.GetFieldValue<DateTimeOffset>(5), row.IsDBNull(6) ? null : row.GetDouble(6)));
        }
        return run;
    }

    private async Task<bool> ChangeAsync(string change, CancellationToken cancel, params NpgsqlParameter[] parameters)
    {
        await using var command = db.CreateCommand($"UPDATE chaos_drills SET {change}");
        command.Parameters.AddRange(parameters);
        return await command.ExecuteNonQueryAsync(cancel) == 1;
    }

    private async Task<List<ChaosDrill>> ListAsync(string which, CancellationToken cancel, params NpgsqlParameter[] parameters)
    {
        await using var command = db.CreateCommand($"SELECT {Columns} FROM chaos_drills d WHERE {which}");
        command.Parameters.AddRange(parameters);
        await using var row = await command.ExecuteReaderAsync(cancel);
        var drills = new List<ChaosDrill>();
        while (await row.ReadAsync(cancel))
        {
            drills.Add(new ChaosDrill(
                row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.GetGuid(3), row.GetString(4), row.GetFieldValue<DateTimeOffset>(5), row.TextOrNull(6),
                row.IsDBNull(7) ? null : row.GetInt32(7), row.IsDBNull(8) ? null : row.GetInt32(8),
                row.JsonOrNull(9) is { } before ? JsonSerializer.Deserialize(before.Utf8.Span, ChaosJson.Default.ListChaosLine)! : [],
                row.TimeOrNull(10), row.TimeOrNull(11), row.TextOrNull(12), row.TimeOrNull(13), row.GetFieldValue<string[]>(14), row.TextOrNull(15), row.TimeOrNull(16),
                row.TimeOrNull(17), row.TextOrNull(18), row.JsonOrNull(19) is { } report ? JsonSerializer.Deserialize(report.Utf8.Span, ChaosJson.Default.ChaosReport) : null));
        }
        return drills;
    }
}
