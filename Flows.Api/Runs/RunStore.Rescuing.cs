using Flows.Contracts.Runs;
using Flows.Queue;
using NpgsqlTypes;

namespace Flows.Api.Runs;

internal sealed partial class RunStore
{
    // SKIP LOCKED: several replicas sweep at once, each takes what no other has in hand, and none waits.
    private static readonly string s_rescue = $"""
        WITH moves ({RunSql.MoveColumns}) AS (
            SELECT r.id, r.attempt,
                {RunSql.AfterLoss("$3")},
                NULL::text, $2::timestamptz, true, NULL::json, NULL::json, CASE WHEN r.lost_leases + 1 >= $3 THEN $4::json END, NULL::text, NULL::json
            FROM runs r WHERE r.status = {(int)RunStatus.Running} AND r.lease_until < $1
            ORDER BY r.lease_until LIMIT $5 FOR NO KEY UPDATE OF r SKIP LOCKED
        )
        {RunSql.Move}
        RETURNING {RunSql.News}
        """;

    /// <summary>
    /// Running → Queued where the lease has run out, at most <paramref name="limit"/> of them; → Failed with <c>attempts_exhausted</c>
    /// where that has happened too often in a row.
    /// </summary>
    public Task<List<RunNews>> RescueAsync(int limit, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var attempts = options.Value.MaxAttempts;
        var exhausted = new StepError("attempts_exhausted",
            $"The run was taken up {attempts} times, and each time its worker stopped answering before the run was done. Its last step may use too much memory or time.");
        return MoveAsync(s_rescue,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Value(attempts, NpgsqlDbType.Integer),
            RunSql.Value(Json(exhausted, RunsJson.Default.StepError), NpgsqlDbType.Json),
            RunSql.Value(limit, NpgsqlDbType.Integer),
        ], then: null, cancel);
    }

    private const string TakeDue = """
        WITH due AS (
            SELECT r.id FROM runs r WHERE r.status = 0 AND r.due_at <= $1 ORDER BY r.due_at LIMIT $2 FOR NO KEY UPDATE OF r SKIP LOCKED
        )
        UPDATE runs r SET due_at = $1 + least($4::interval, greatest($3::interval, $1 - r.status_changed_at))
        FROM due WHERE r.id = due.id AND r.status + 0 = 0
        RETURNING r.id, r.project_id, r.priority, r.flow_id
        """;

    /// <summary>
    /// Queued runs that nobody has claimed in time, at most <paramref name="limit"/>. They are due again after as long as they have waited,
    /// from <see cref="RunOptions.RingAgainAfter"/> to a minute, so that a long queue is not rung for without end.
    /// </summary>
    public Task<List<RunJob>> TakeDueAsync(int limit, CancellationToken cancel) =>
        WriteAsync(RunSql.Behind, TakeDue,
        [
            RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz),
            RunSql.Value(limit, NpgsqlDbType.Integer),
            RunSql.Value(options.Value.RingAgainAfter, NpgsqlDbType.Interval),
            RunSql.Value(TimeSpan.FromMinutes(1) > options.Value.RingAgainAfter ? TimeSpan.FromMinutes(1) : options.Value.RingAgainAfter, NpgsqlDbType.Interval),
        ], static row => new RunJob(row.GetGuid(0), row.GetGuid(1), (RunPriority)row.GetInt16(2)) { FlowId = row.GetGuid(3) }, cancel);

    private const string MakeDue = """
        WITH held AS (
            SELECT l.id FROM unnest($2::uuid[]) AS j(id) CROSS JOIN LATERAL (
                SELECT r.id FROM runs r WHERE r.id = j.id AND r.status + 0 = 0 FOR NO KEY UPDATE SKIP LOCKED
            ) l
        )
        UPDATE runs r SET due_at = $1 FROM held h WHERE r.id = h.id AND r.status + 0 = 0
        """;

    /// <summary>Makes Queued runs due at once: their bell could not be rung.</summary>
    public Task MakeDueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel) =>
        WriteAsync(RunSql.Behind, MakeDue,
        [
            RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(jobs, job => job.RunId), NpgsqlDbType.Uuid),
        ], static _ => 0, cancel);
}
