using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>A run that has just become a worker's.</summary>
/// <param name="Attempt">The new fencing token.</param>
/// <param name="SpentMs">Active time of earlier claims.</param>
/// <param name="IsRetried">It began with a part of another run's journal.</param>
/// <param name="EditedInput">JSON object: inputs by step path.</param>
/// <param name="PausedMs">Time spent Paused.</param>
/// <param name="IsOnItsOwn">No other run waits for it.</param>
/// <param name="TraceParent">Where its trace begins; null when it is not traced, or nobody collects spans.</param>
internal sealed record ClaimedRun(
    Guid RunId,
    int Attempt,
    string Worker,
    Guid ProjectId,
    Guid FlowId,
    string FlowName,
    Guid VersionId,
    RunEnvironment Environment,
    long SpentMs,
    RawJson Trigger,
    long PausedMs,
    bool IsRetried = false,
    RawJson? EditedInput = null,
    bool IsOnItsOwn = false,
    string? TraceParent = null);

internal sealed partial class RunStore
{
    private static string ClaimSqlOf(string traceParent) => $"""
        WITH moves ({RunSql.MoveColumns}) AS (
            SELECT l.id, l.attempt, 1::smallint, a.worker, $4::timestamptz, false, NULL::json, NULL::json, NULL::json, NULL::text, NULL::json
            FROM unnest($2::uuid[], $3::text[]) AS a(id, worker) CROSS JOIN LATERAL (
                SELECT r.id, r.attempt FROM runs r WHERE r.id = a.id AND {RunSql.IsOneOf(RunTransitions.Into(RunStatus.Running))} AND {RunSql.Within("$2")} FOR NO KEY UPDATE
            ) l
        )
        {RunSql.MoveWithin("$2")}
        RETURNING r.id, r.attempt, r.worker, r.project_id, r.flow_id, (SELECT f.name FROM flows f WHERE f.id = r.flow_id),
            r.version_id, r.environment, r.active_ms, r.trigger, r.paused_ms, r.retried_from IS NOT NULL, r.edited_input, r.parent_path IS NULL,
            {traceParent}
        """;

    internal static readonly string ClaimSql = ClaimSqlOf("NULL::text");

    // With the claim: a question of its own would be another round trip for each commit, and few runs are traced.
    internal static readonly string ClaimWithTracesSql = ClaimSqlOf(
        "(SELECT t.trace_parent FROM run_traces t WHERE t.run_id = r.id AND t.run_id BETWEEN ($2::uuid[])[1] AND ($2::uuid[])[cardinality($2::uuid[])])");

    /// <summary>
    /// Queued → Running for each run that is still free; of two askers for one run only one gets it. The rest is another's, over or paused.
    /// The commit does not wait for the disk: when Postgres forgets a claim the run is Queued again and the worker's reports are refused, and
    /// nothing that must not be repeated can have happened, because the intent of such a step waits for a commit after this one.
    /// </summary>
    public Task<List<ClaimedRun>> ClaimAsync(IEnumerable<(Guid RunId, string Worker)> runs, CancellationToken cancel)
    {
        var asked = runs.OrderBy(ask => ask.RunId).ToList();
        var now = clock.GetUtcNow();
        return WriteAsync(RunSql.Behind, RunTraces.IsOn ? ClaimWithTracesSql : ClaimSql,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(asked, ask => ask.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(asked, ask => ask.Worker), NpgsqlDbType.Text),
            RunSql.Value(now + options.Value.Lease, NpgsqlDbType.TimestampTz),
        ], ReadClaim, cancel);
    }

    private static readonly string s_renewLeases = $"""
        WITH held AS (
            SELECT l.id, l.attempt FROM unnest($1::uuid[], $2::int[]) AS h(id, attempt) CROSS JOIN LATERAL (
                SELECT r.id, r.attempt FROM runs r WHERE r.id = h.id AND r.attempt = h.attempt AND r.worker = $3 AND r.status + 0 = 1 AND {RunSql.Within("$1")} FOR NO KEY UPDATE
            ) l
        )
        UPDATE runs r SET lease_until = $4 FROM held h WHERE r.id = h.id AND r.attempt = h.attempt AND r.worker = $3 AND r.status + 0 = 1 AND {RunSql.Within("$1")}
        RETURNING r.id, r.attempt
        """;

    /// <summary>Makes the claims of a worker hold for another lease from now. Gives back those that do; the others are lost.</summary>
    public async Task<HashSet<(Guid RunId, int Attempt)>> RenewAsync(string worker, IEnumerable<(Guid RunId, int Attempt)> runs, CancellationToken cancel)
    {
        var held = runs.OrderBy(run => run.RunId).ToList();
        if (held.Count == 0)
            return [];
        return [.. await WriteAsync(RunSql.Behind, s_renewLeases,
        [
            RunSql.Array(Each(held, run => run.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(held, run => run.Attempt), NpgsqlDbType.Integer),
            RunSql.Value(worker, NpgsqlDbType.Text),
            RunSql.Value(clock.GetUtcNow() + options.Value.Lease, NpgsqlDbType.TimestampTz),
        ], static row => (row.GetGuid(0), row.GetInt32(1)), cancel)];
    }

    private static ClaimedRun ReadClaim(NpgsqlDataReader row) => new(
        row.GetGuid(0),
        row.GetInt32(1),
        row.GetString(2),
        row.GetGuid(3),
        row.GetGuid(4),
        row.TextOrNull(5) ?? "",
        row.GetGuid(6),
        (RunEnvironment)row.GetInt16(7),
        row.GetInt64(8),
        row.JsonOrNull(9) ?? RawJson.Null,
        row.GetInt64(10),
        row.GetBoolean(11),
        row.JsonOrNull(12),
        row.GetBoolean(13),
        row.TextOrNull(14));
}
