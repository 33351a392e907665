using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>A run and one of its waits, both locked.</summary>
/// <param name="Status">Of the run.</param>
/// <param name="Point">Null: the run has not got there yet, and nobody has called before.</param>
internal sealed record LockedWait(Guid RunId, Guid ProjectId, Guid FlowId, RunStatus Status, WaitPoint? Point);

/// <summary>A stored wait.</summary>
/// <param name="IsAsked">False: made by a call of the link; the run has not got there yet.</param>
/// <param name="Votes">[{by, approved, at, comment}] as JSON.</param>
internal sealed record WaitPoint(
    string Path, WaitKind Kind, WaitStatus Status, bool IsAsked, DateTimeOffset? DueAt, int Approvers, RawJson? Message, RawJson? Votes,
    Guid? ChildId, RawJson? Output, RawJson? Error);

/// <summary>What becomes of a wait.</summary>
/// <param name="Waiter">The API instance whose caller waits for the run's next answer; null for none.</param>
internal sealed record WaitChange(WaitKind Kind, WaitStatus Status, RawJson? Output = null, RawJson? Votes = null, string? Waiter = null);

internal sealed partial class RunStore
{
    // The runs first and then their waits, as everybody does who ends a wait. SKIP LOCKED: what another has in hand is still due afterwards.
    private static readonly string s_wakeDue = $"""
        WITH due AS (
            SELECT DISTINCT w.run_id AS id FROM (SELECT w.run_id FROM waitpoints w WHERE w.status = 0 AND w.due_at <= $1 ORDER BY w.due_at LIMIT $3) w ORDER BY 1
        ), held AS (
            SELECT l.id, l.attempt, l.status FROM due d CROSS JOIN LATERAL (
                SELECT r.id, r.attempt, r.status FROM runs r WHERE r.id = d.id FOR NO KEY UPDATE SKIP LOCKED
            ) l
        ), ended AS (
            UPDATE waitpoints w SET ended_at = $1, status = CASE
                WHEN h.status >= {(int)RunStatus.Succeeded} THEN {(int)WaitStatus.Dropped}
                WHEN w.kind IN ({(int)WaitKind.Delay}, {(int)WaitKind.Until}, {(int)WaitKind.Retry}) THEN {(int)WaitStatus.Completed}
                ELSE {(int)WaitStatus.Expired} END
            FROM held h WHERE w.run_id = h.id AND w.status = 0 AND w.due_at <= $1
            RETURNING w.run_id
        ), {s_wake}
        """;

    /// <summary>Ends the waits whose time has come, the longest due first and about <paramref name="limit"/> of them, and wakes their runs.</summary>
    /// <returns>The runs that were Paused and are Queued now.</returns>
    public Task<List<RunNews>> WakeDueAsync(int limit, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        return WriteAsync(RunSql.Durable, s_wakeDue,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Value(limit, NpgsqlDbType.Integer),
        ], RunNews.Read, cancel);
    }

    private const string EndedCalls = """
        SELECT c.id FROM waitpoints w JOIN runs c ON c.id = w.child_id WHERE w.status = 0 AND w.child_id IS NOT NULL AND c.status + 0 >= 4 LIMIT $1
        """;

    /// <summary>Ends the waits for runs that have ended without that, at most so many.</summary>
    public async Task<List<RunNews>> EndCallsAsync(int limit, CancellationToken cancel)
    {
        var ended = await WriteAsync(RunSql.Durable, EndedCalls, [RunSql.Value(limit, NpgsqlDbType.Integer)], static row => row.GetGuid(0), cancel);
        var news = new List<RunNews>();
        if (ended.Count > 0)
            await WriteAllAsync(RunSql.Durable, [EndCalls(ended, clock.GetUtcNow(), news)], cancel, news.Clear);
        return news;
    }

    private const string LockRun = "SELECT r.id, r.project_id, r.flow_id, r.status FROM runs r WHERE r.id = $1 FOR NO KEY UPDATE";

    internal const string PointColumns =
        "w.path, w.kind, w.status, w.asked_at IS NOT NULL, w.due_at, w.approvers, w.message, w.votes, w.child_id, w.output, w.error";

    private const string ReadPoint = $"SELECT {PointColumns} FROM waitpoints w WHERE w.run_id = $1 AND w.path = $2";

    private static readonly string s_change = $"""
        WITH held AS (
            SELECT r.id, r.attempt, r.status FROM runs r WHERE r.id = $3
        ), point AS (
            INSERT INTO waitpoints (run_id, path, kind, status, output, votes, ended_at)
            VALUES ($3, $4, $5, $6, $7, $8, CASE WHEN $6 <> 0 THEN $1 END)
            ON CONFLICT (run_id, path) DO UPDATE SET status = EXCLUDED.status, output = EXCLUDED.output, votes = EXCLUDED.votes, ended_at = EXCLUDED.ended_at
        ), ended AS (
            SELECT $3 AS run_id WHERE $6 <> 0
        ), {s_wake}
        """;

    // The next answer is for the caller that waits now; the one before has had its own.
    private const string ListenForAnswer = "UPDATE runs r SET waiter = $2, response = NULL WHERE r.id = $1";

    /// <summary>Changes one wait, with the run locked, and wakes the run when the wait has ended.</summary>
    /// <param name="decide">Told how the wait stands; null says to leave it so.</param>
    /// <returns>Null: there is no such run. Else how it stood, and the run when it was woken.</returns>
    public async Task<(LockedWait Before, RunNews? Woken)?> ChangeWaitAsync(
        Guid runId, string path, Func<LockedWait, WaitChange?> decide, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var packer = new ValuePacker(runId, limits.Value.InlineBytes);
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var run = await OneAsync(connection, LockRun, [RunSql.Value(runId, NpgsqlDbType.Uuid)],
            static row => new LockedWait(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), (RunStatus)row.GetInt16(3), Point: null), cancel);
        if (run is null)
            return null;
        // A statement of its own: it sees what was committed before the lock was ours.
        var before = run with
        {
            Point = await OneAsync(connection, ReadPoint, [RunSql.Value(runId, NpgsqlDbType.Uuid), RunSql.Value(path, NpgsqlDbType.Text)], ReadWaitPoint, cancel),
        };
        if (decide(before) is not { } change)
            return (before, null);

        if (change.Waiter is not null)
            await OneAsync(connection, ListenForAnswer, [RunSql.Value(runId, NpgsqlDbType.Uuid), RunSql.Value(change.Waiter, NpgsqlDbType.Text)], static _ => "", cancel);
        var woken = await OneAsync(connection, s_change,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Value(runId, NpgsqlDbType.Uuid),
            RunSql.Value(path, NpgsqlDbType.Text),
            RunSql.Value((short)change.Kind, NpgsqlDbType.Smallint),
            RunSql.Value((short)change.Status, NpgsqlDbType.Smallint),
            RunSql.Value(Json(packer.Pack(change.Output)), NpgsqlDbType.Json),
            RunSql.Value(Json(change.Votes), NpgsqlDbType.Json),
        ], RunNews.Read, cancel);
        if (packer.Large.Count > 0)
            await ExecuteAsync(connection, Keep(packer.Large), cancel);
        await transaction.CommitAsync(cancel);
        return (before, woken);
    }

    internal static WaitPoint ReadWaitPoint(NpgsqlDataReader row) => new(
        row.GetString(0),
        (WaitKind)row.GetInt16(1),
        (WaitStatus)row.GetInt16(2),
        row.GetBoolean(3),
        row.TimeOrNull(4),
        row.GetInt32(5),
        row.JsonOrNull(6),
        row.JsonOrNull(7),
        row.IsDBNull(8) ? null : row.GetGuid(8),
        row.JsonOrNull(9),
        row.JsonOrNull(10));

    private static async Task<T?> OneAsync<T>(
        NpgsqlConnection connection, string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, T> read, CancellationToken cancel) where T : class
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = CommandTimeout };
        command.Parameters.AddRange(parameters);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        return await reader.ReadAsync(cancel) ? read(reader) : null;
    }
}
