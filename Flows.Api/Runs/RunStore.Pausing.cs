using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>What a run that pauses waits for, and how the ends of waits wake runs.</summary>
internal sealed partial class RunStore
{
    private const string EndsOfCalls = """
        CASE e.status WHEN 5 THEN 'failed' WHEN 6 THEN 'used up its time' ELSE 'was cancelled' END
        """;

    // Follows a CTE held (id, attempt, status) of locked runs and a CTE ended (run_id) of those of which a wait has just ended: what is Paused
    // is queued; anything else is marked, so that it does not stay Paused when it gets there. $1 is now, $2 when a sweeper rings again.
    private static readonly string s_wake = $"""
        flagged AS (
            UPDATE runs r SET wake = true FROM held h
            WHERE r.id = h.id AND h.status IN (0, 1, 3) AND h.id IN (SELECT run_id FROM ended) AND r.status + 0 IN (0, 1, 3)
        ), moves ({RunSql.MoveColumns}) AS (
            SELECT h.id, h.attempt, 0::smallint, NULL::text, $2::timestamptz, false, NULL::json, NULL::json, NULL::json, NULL::text, NULL::json
            FROM held h WHERE h.status = 2 AND h.id IN (SELECT run_id FROM ended)
        )
        {RunSql.Move}
        RETURNING {RunSql.News}
        """;

    // In the transaction of the report, after it: the runs are Paused, and locked, so that whoever ends one of their waits comes before or after.
    // A row that is there already was made by a call of the link before the run got here, or belongs to a try that is done again.
    private static readonly string s_pause = $"""
        WITH held AS (
            SELECT l.* FROM unnest($3::uuid[], $4::int[]) AS p(id, attempt) CROSS JOIN LATERAL (
                SELECT r.id, r.attempt, r.status, r.wake, r.project_id, r.depth, r.priority FROM runs r
                WHERE r.id = p.id AND r.attempt = p.attempt AND r.status + 0 = 2 AND r.status_changed_at = $1
            ) l
        ), asked AS (
            SELECT a.*, h.project_id, h.priority, h.depth, f.id AS flow, f.version_id, f.version, CASE
                WHEN a.kind <> 4 THEN NULL
                WHEN f.id IS NULL THEN format('there is no flow ''%s'' in this project.', a.flow_key)
                WHEN f.version_id IS NULL THEN format('the flow ''%s'' has no published version.', f.name)
                WHEN NOT f.enabled THEN format('the flow ''%s'' is disabled.', f.name)
                WHEN h.depth >= $16 THEN format('flows call each other %s levels deep already, which is all they may (Flows__Runs__MaxCallDepth); do they call each other in a circle?', $16)
                END AS refusal
            FROM unnest($5::uuid[], $6::text[], $7::smallint[], $8::timestamptz[], $9::int[], $10::json[], $11::uuid[], $12::text[], $13::uuid[], $14::json[], $15::bool[])
                AS a(run_id, path, kind, due_at, approvers, message, child_id, flow_key, flow_id, input, awaited)
            JOIN held h ON h.id = a.run_id
            LEFT JOIN LATERAL (
                SELECT f.id, f.name, f.enabled, v.id AS version_id, v.number AS version FROM flows f LEFT JOIN flow_versions v ON v.id = f.published_version_id
                WHERE f.project_id = h.project_id AND f.deleted_at IS NULL AND (f.id = a.flow_id OR f.key = a.flow_key)
                ORDER BY f.id = a.flow_id DESC NULLS LAST LIMIT 1
            ) f ON a.kind = 4
            WHERE NOT EXISTS (SELECT FROM waitpoints w WHERE w.run_id = a.run_id AND w.path = a.path AND w.asked_at IS NOT NULL AND w.status = 0)
        ), points AS (
            INSERT INTO waitpoints (run_id, path, kind, status, asked_at, due_at, approvers, message, child_id, ended_at, output, error)
            SELECT a.run_id, a.path, a.kind, CASE WHEN a.refusal IS NOT NULL THEN 3 WHEN a.awaited IS FALSE THEN 1 ELSE 0 END, $1, a.due_at, a.approvers, a.message,
                CASE WHEN a.refusal IS NULL THEN a.child_id END, CASE WHEN a.refusal IS NOT NULL OR a.awaited IS FALSE THEN $1 END,
                CASE WHEN a.refusal IS NULL AND a.awaited IS FALSE THEN json_build_object('runId', a.child_id) END,
                CASE WHEN a.refusal IS NOT NULL THEN json_build_object('code', 'call_failed', 'message', a.refusal) END
            FROM asked a
            ON CONFLICT (run_id, path) DO UPDATE SET
                kind = EXCLUDED.kind, asked_at = EXCLUDED.asked_at, due_at = EXCLUDED.due_at, approvers = EXCLUDED.approvers, message = EXCLUDED.message,
                child_id = EXCLUDED.child_id, error = EXCLUDED.error,
                output = CASE WHEN waitpoints.asked_at IS NULL THEN waitpoints.output ELSE EXCLUDED.output END,
                votes = CASE WHEN waitpoints.asked_at IS NULL THEN waitpoints.votes END,
                status = CASE WHEN waitpoints.asked_at IS NOT NULL THEN EXCLUDED.status
                    WHEN waitpoints.status = 0 AND (
                        SELECT count(*) FILTER (WHERE v ->> 'approved' = 'true') >= EXCLUDED.approvers OR count(*) FILTER (WHERE v ->> 'approved' = 'false') > 0
                        FROM json_array_elements(waitpoints.votes) v) THEN 1
                    ELSE waitpoints.status END,
                ended_at = CASE WHEN waitpoints.asked_at IS NOT NULL THEN EXCLUDED.ended_at ELSE waitpoints.ended_at END
            RETURNING run_id, kind, status
        ), children AS (
            INSERT INTO runs (id, project_id, flow_id, version_id, version, status, environment, origin, priority, created_at, status_changed_at, due_at, trigger,
                parent_run_id, parent_path, depth)
            SELECT a.child_id, a.project_id, a.flow, a.version_id, a.version, {(int)RunStatus.Queued}, {(int)RunEnvironment.Production}, {(int)RunOrigin.Flow},
                a.priority, $1, $1, $2, a.input, a.run_id, CASE WHEN a.awaited THEN a.path END, a.depth + 1
            FROM asked a WHERE a.kind = 4 AND a.refusal IS NULL
            RETURNING id, project_id, priority
        ), moves ({RunSql.MoveColumns}) AS (
            SELECT h.id, h.attempt, 0::smallint, NULL::text, $2::timestamptz, false, NULL::json, NULL::json, NULL::json, NULL::text, NULL::json
            FROM held h WHERE h.wake OR h.id IN (SELECT run_id FROM points WHERE status <> 0)
        ), moved (id, project_id, priority, status, waiter, response, output, error, failed_step) AS (
            {RunSql.Move}
            RETURNING {RunSql.News}
        )
        SELECT m.*, false FROM moved m
        UNION ALL
        SELECT {RunSql.News},
            coalesce((SELECT bool_and(kind = 4) FROM (
                SELECT w.kind FROM waitpoints w WHERE w.run_id = h.id AND w.status = 0 UNION ALL SELECT p.kind FROM points p WHERE p.run_id = h.id AND p.status = 0) o), false)
        FROM held h JOIN runs r ON r.id = h.id WHERE h.id NOT IN (SELECT id FROM moves)
        UNION ALL
        SELECT c.id, c.project_id, c.priority, 0::smallint, NULL::text, NULL::json, NULL::json, NULL::json, NULL::text, false FROM children c
        """;

    /// <summary>Adds the waits of the reported runs that are now Paused. A run of which one has ended meanwhile goes straight back to the queue.</summary>
    /// <param name="news">Word on these runs, in place of what the report itself gave, and on the runs that they have called.</param>
    /// <param name="large">Takes the large inputs of runs that are called: they are to be kept after this statement, which makes those runs or does not.</param>
    /// <param name="children">Ids of the runs that are called, if they are made.</param>
    private Statement Pause(List<PackedReport> reports, DateTimeOffset now, List<RunNews> news, List<LargeValue> large, out Guid[] children)
    {
        var runs = reports.Where(item => item.Report.Outcome is { Status: RunStatus.Paused }).Select(item => item.Report).ToList();
        var waits = runs.SelectMany(run => (run.Outcome!.Waits ?? []).DistinctBy(wait => wait.Path).Select(wait => (run.RunId, Wait: wait))).ToList();
        var called = waits.ConvertAll(item => item.Wait.Call is null ? (Guid?)null : Guid.CreateVersion7(now));
        children = [.. called.OfType<Guid>()];
        var inputs = new RawJson?[waits.Count];
        for (var i = 0; i < inputs.Length; i++)
        {
            if (called[i] is not { } child)
                continue;
            var packer = new ValuePacker(child, limits.Value.InlineBytes);
            inputs[i] = packer.Pack(waits[i].Wait.Call!.Input);
            large.AddRange(packer.Large);
        }
        return new Statement(s_pause,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(runs, run => run.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, run => run.Attempt), NpgsqlDbType.Integer),
            RunSql.Array(Each(waits, item => item.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(waits, item => Text(item.Wait.Path)), NpgsqlDbType.Text),
            RunSql.Array(Each(waits, item => (short)item.Wait.Kind), NpgsqlDbType.Smallint),
            RunSql.Array(Each(waits, item => item.Wait.DueAt.ToUniversalTime()), NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(waits, item => item.Wait.Approvers), NpgsqlDbType.Integer),
            RunSql.Array(Each(waits, item => Json(item.Wait.Message)), NpgsqlDbType.Json),
            RunSql.Array(called.ToArray(), NpgsqlDbType.Uuid),
            RunSql.Array(Each(waits, item => Text(item.Wait.Call?.Flow)), NpgsqlDbType.Text),
            RunSql.Array(Each(waits, item => Guid.TryParse(item.Wait.Call?.Flow, out var id) ? id : (Guid?)null), NpgsqlDbType.Uuid),
            RunSql.Array(Each(inputs, Json), NpgsqlDbType.Json),
            RunSql.Array(Each(waits, item => item.Wait.Call?.Await), NpgsqlDbType.Boolean),
            RunSql.Value(options.Value.MaxCallDepth, NpgsqlDbType.Integer),
        ], row => news.Add(RunNews.Read(row) with { GoesOn = row.GetBoolean(9) }));
    }

    // The output of the called run becomes that of a wait of its caller, and what it refers to a value of the caller's.
    private static readonly string s_endCalls = $"""
        WITH calls AS (
            SELECT l.* FROM unnest($3::uuid[]) AS c(id) CROSS JOIN LATERAL (
                SELECT r.id, r.parent_run_id, r.parent_path, r.status, r.output, r.error, r.failed_step FROM runs r
                WHERE r.id = c.id AND r.parent_path IS NOT NULL AND r.status + 0 >= {(int)RunStatus.Succeeded} AND {RunSql.Within("$3")}
            ) l
        ), held AS (
            SELECT l.id, l.attempt, l.status FROM (SELECT DISTINCT parent_run_id AS id FROM calls ORDER BY 1) p CROSS JOIN LATERAL (
                SELECT r.id, r.attempt, r.status FROM runs r WHERE r.id = p.id FOR NO KEY UPDATE
            ) l
        ), ended AS (
            UPDATE waitpoints w SET status = CASE WHEN e.status = {(int)RunStatus.Succeeded} THEN 1 ELSE 3 END, ended_at = $1,
                output = CASE WHEN e.status = {(int)RunStatus.Succeeded} THEN coalesce(e.output, 'null'::json) END,
                error = CASE WHEN e.status <> {(int)RunStatus.Succeeded} THEN json_build_object('code', 'call_failed',
                    'message', format('the run %s that it called %s', e.id, {EndsOfCalls}) || coalesce(': ' || (e.error ->> 'message'), '.'),
                    'detail', json_build_object('runId', e.id, 'step', e.failed_step, 'code', e.error ->> 'code', 'message', e.error ->> 'message')) END
            FROM calls e JOIN held h ON h.id = e.parent_run_id
            WHERE w.run_id = e.parent_run_id AND w.path = e.parent_path AND w.status = 0
            RETURNING w.run_id
        ), handed AS (
            INSERT INTO run_values (run_id, id, size, encoding, data)
            SELECT e.parent_run_id, v.id, v.size, v.encoding, v.data
            FROM calls e JOIN ended d ON d.run_id = e.parent_run_id CROSS JOIN LATERAL (
                SELECT * FROM run_values v WHERE v.run_id = e.id AND v.id = {ValueReference.IdIn("e.output")}
            ) v
            WHERE e.status = {(int)RunStatus.Succeeded}
            ON CONFLICT (run_id, id) DO NOTHING
        ), {s_wake}
        """;

    /// <summary>Ends the waits for those of the runs that were called and are over. Comes after what ended them, in the same transaction.</summary>
    private Statement EndCalls(IReadOnlyList<Guid> runs, DateTimeOffset now, List<RunNews> news) => new(s_endCalls,
    [
        RunSql.Value(now, NpgsqlDbType.TimestampTz),
        RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
        RunSql.Array([.. runs.Order()], NpgsqlDbType.Uuid),
    ], row => news.Add(RunNews.Read(row)));
}
