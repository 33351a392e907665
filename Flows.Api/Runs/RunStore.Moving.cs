using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>What a person says of a step whose effect may or may not have happened.</summary>
internal enum Decision { Happened, Repeat, Stop }

internal sealed partial class RunStore
{
    private static string CancelSql(string which) => $"""
        WITH moves ({RunSql.MoveColumns}) AS (
            SELECT l.id, l.attempt, {(int)RunStatus.Cancelled}::smallint, NULL::text, NULL::timestamptz, false, NULL::json, NULL::json, NULL::json, NULL::text, NULL::json
            FROM {which}
        )
        {RunSql.Move}
        RETURNING {RunSql.News}
        """;

    private static readonly string s_cancel = CancelSql($"""
        unnest($2::uuid[]) AS a(id) CROSS JOIN LATERAL (
                SELECT r.id, r.attempt FROM runs r WHERE r.id = a.id AND r.project_id = $3 AND {RunSql.IsOneOf(RunTransitions.Into(RunStatus.Cancelled))} FOR NO KEY UPDATE
            ) l
        """);

    private static readonly string s_cancelCalls = CancelSql($"""
        (SELECT r.id, r.attempt FROM runs r WHERE r.parent_run_id = ANY($2) AND r.parent_path IS NOT NULL
                AND {RunSql.IsOneOf(RunTransitions.Into(RunStatus.Cancelled))} ORDER BY r.id FOR NO KEY UPDATE) l
        """);

    private const string DropWaits = "UPDATE waitpoints w SET status = 4, ended_at = $1 WHERE w.run_id = ANY($2) AND w.status = 0";

    /// <summary>
    /// Ends runs on a person's word, from every status that is not final, with the runs that they wait for. The worker that holds one learns so
    /// with its next heartbeat.
    /// </summary>
    /// <returns>Those that ended. Another is not in the project, is over, or changed in this very moment; read it and, when it is not over, try again.</returns>
    public Task<List<RunNews>> CancelAsync(Guid projectId, IEnumerable<Guid> runIds, CancellationToken cancel) =>
        MoveAsync(s_cancel,
        [
            RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz),
            RunSql.Array(runIds.Distinct().Order().ToArray(), NpgsqlDbType.Uuid),
            RunSql.Value(projectId, NpgsqlDbType.Uuid),
        ], (connection, news) => CancelCallsAsync(connection, news, cancel), cancel);

    /// <summary>As <see cref="CancelAsync"/>, for one run; null when it did not end by this.</summary>
    public async Task<RunNews?> TryCancelAsync(Guid projectId, Guid runId, CancellationToken cancel) =>
        (await CancelAsync(projectId, [runId], cancel)).FirstOrDefault(run => run.RunId == runId);

    /// <summary>Drops the waits of runs that were cancelled and cancels the runs that they wait for, level by level.</summary>
    private async Task CancelCallsAsync(NpgsqlConnection connection, List<RunNews> news, CancellationToken cancel)
    {
        for (var done = 0; done < news.Count;)
        {
            var level = news.Skip(done).Select(run => run.RunId).ToArray();
            done = news.Count;
            var now = clock.GetUtcNow();
            await ExecuteAsync(connection, new Statement(DropWaits,
                [RunSql.Value(now, NpgsqlDbType.TimestampTz), RunSql.Array(level, NpgsqlDbType.Uuid)], static _ => { }), cancel);
            await ExecuteAsync(connection, new Statement(s_cancelCalls,
                [RunSql.Value(now, NpgsqlDbType.TimestampTz), RunSql.Array(level, NpgsqlDbType.Uuid)], row => news.Add(RunNews.Read(row))), cancel);
        }
    }

    private static readonly StepError s_stopped = new("stopped",
        "It is not known whether this step took effect before its worker was lost, and a person decided to stop the run.");

    // The journal line changes only together with the run, and only while it is an intent without a result.
    private static string DecisionSql(string line) => $"""
        WITH moves ({RunSql.MoveColumns}) AS (
            SELECT r.id, r.attempt, $5::smallint, NULL::text, $6::timestamptz, false, NULL::json, NULL::json, $7::json,
                CASE WHEN $7::json IS NOT NULL THEN $4 END, NULL::json
            FROM runs r WHERE r.id = $2 AND r.project_id = $3 AND r.status = {(int)RunStatus.NeedsDecision}
                AND EXISTS (SELECT FROM run_steps s WHERE s.run_id = $2 AND s.path = $4 AND s.status = {(int)StepStatus.Running})
            FOR NO KEY UPDATE OF r
        ), moved AS (
            {RunSql.Move}
            RETURNING {RunSql.News}
        ), line AS (
            {line} AND s.run_id = $2 AND s.path = $4 AND s.status = {(int)StepStatus.Running}
        )
        SELECT * FROM moved
        """;

    private static readonly string s_finishLine = DecisionSql($"""
        UPDATE run_steps s SET status = CASE WHEN $7::json IS NULL THEN {(int)StepStatus.Succeeded} ELSE {(int)StepStatus.Failed} END,
            output = $8::json, error = $7::json, duration_ms = greatest(0, extract(epoch FROM $1 - s.started_at) * 1000)
        FROM moved m WHERE m.id = s.run_id
        """);

    private static readonly string s_removeLine = DecisionSql("""
        DELETE FROM run_steps s USING moved m WHERE m.id = s.run_id AND $8::json IS NULL
        """);

    /// <summary>
    /// Settles an uncertain step and moves its run on: happened and repeat queue it, stop ends it as Failed.
    /// A run with more than one uncertain step comes back with the next.
    /// </summary>
    /// <param name="output">The step's output when it happened.</param>
    /// <returns>Null: no such run in the project, it waits for no decision, or not for one on this step.</returns>
    public async Task<RunNews?> TryDecideAsync(
        Guid projectId, Guid runId, string path, Decision decision, RawJson? output, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var to = decision == Decision.Stop ? RunStatus.Failed : RunStatus.Queued;
        var packer = new ValuePacker(runId, limits.Value.InlineBytes);
        var kept = packer.Pack(decision == Decision.Happened ? output ?? RawJson.Null : default(RawJson?));
        return (await MoveAsync(decision == Decision.Repeat ? s_removeLine : s_finishLine,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(runId, NpgsqlDbType.Uuid),
            RunSql.Value(projectId, NpgsqlDbType.Uuid),
            RunSql.Value(path, NpgsqlDbType.Text),
            RunSql.Value((short)to, NpgsqlDbType.Smallint),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Value(Json(decision == Decision.Stop ? s_stopped : null, RunsJson.Default.StepError), NpgsqlDbType.Json),
            RunSql.Value(Json(kept), NpgsqlDbType.Json),
        ], packer.Large.Count == 0 ? null : (connection, _) => ExecuteAsync(connection, Keep(packer.Large), cancel), cancel)).FirstOrDefault();
    }
}
