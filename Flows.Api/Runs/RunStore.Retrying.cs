using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>A run that begins with what another has left.</summary>
/// <param name="Trigger">Set when it is edited; else the source's.</param>
/// <param name="EditedInput">JSON object: inputs by step path.</param>
/// <param name="Lines">Lines of the source's journal that it begins with.</param>
internal sealed record RetriedRun(
    Guid RunId, Guid SourceId, Guid VersionId, int? Version, RunEnvironment Environment, RunPriority Priority,
    RawJson? Trigger, RawJson? EditedInput, IReadOnlyList<(string Path, bool Reopen)> Lines);

internal sealed partial class RunStore
{
    private static readonly RunStatus[] s_retriable = [RunStatus.Failed, RunStatus.TimedOut, RunStatus.Cancelled];

    /// <summary>The statuses from which a run goes on in place.</summary>
    public static IReadOnlyCollection<RunStatus> Retriable => s_retriable;

    // An effect of which it is not known whether it happened stays an intent, so that its policy decides again: a retry is no answer to that.
    private const string StaysOpen = "(s.kind = 'router' OR (s.effect = 2 AND s.error ->> 'code' IN ('stopped', 'uncertain')))";

    private static readonly string s_retry = $"""
        WITH moves ({RunSql.MoveColumns}) AS (
            SELECT l.id, l.attempt, {(int)RunStatus.Queued}::smallint, NULL::text, $4::timestamptz, false, NULL::json, NULL::json, NULL::json, NULL::text, NULL::json
            FROM unnest($2::uuid[]) AS a(id) CROSS JOIN LATERAL (
                SELECT r.id, r.attempt FROM runs r WHERE r.id = a.id AND r.project_id = $3 AND {RunSql.IsOneOf(s_retriable)} FOR NO KEY UPDATE
            ) l
        ), moved AS (
            {RunSql.Move}
            RETURNING {RunSql.News}
        ), kept AS (
            INSERT INTO run_step_history (run_id, path, run_attempt, name, kind, status, effect, attempt, started_at, duration_ms, input, output, error, logs, retried_at)
            SELECT s.run_id, s.path, s.run_attempt, s.name, s.kind, s.status, s.effect, s.attempt, s.started_at, s.duration_ms, s.input, s.output, s.error, s.logs, $1
            FROM moved m CROSS JOIN LATERAL (SELECT * FROM run_steps s WHERE s.run_id = m.id AND s.status = {(int)StepStatus.Failed}) s
        ), reopened AS (
            UPDATE run_steps s SET status = {(int)StepStatus.Running}, duration_ms = NULL, output = NULL, error = NULL, logs = NULL
            FROM moved m WHERE s.run_id = m.id AND s.status = {(int)StepStatus.Failed} AND {StaysOpen}
        ), removed AS (
            DELETE FROM run_steps s USING moved m WHERE s.run_id = m.id AND s.status = {(int)StepStatus.Failed} AND NOT coalesce({StaysOpen}, false)
        )
        SELECT * FROM moved
        """;

    /// <summary>
    /// Failed, TimedOut or Cancelled → Queued: the runs go on in place. Lines that failed go to the history, and only those; the steps are done
    /// again. Lines that were open stay so: a crash and a cancel leave the same behind. The active time begins anew.
    /// </summary>
    /// <returns>The runs that moved; the others are not there, or stand otherwise.</returns>
    public Task<List<RunNews>> RetryAsync(Guid projectId, IEnumerable<Guid> runIds, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        return WriteAsync(RunSql.Durable, s_retry,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Array(runIds.Distinct().Order().ToArray(), NpgsqlDbType.Uuid),
            RunSql.Value(projectId, NpgsqlDbType.Uuid),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
        ], RunNews.Read, cancel);
    }

    private static readonly string s_acceptRetried = $"""
        WITH made AS (
            INSERT INTO runs (id, project_id, flow_id, version_id, version, status, environment, origin, priority, created_at, status_changed_at, due_at,
                trigger, retried_from, edited_input)
            SELECT $3, s.project_id, s.flow_id, $5, $6, {(int)RunStatus.Queued}, $7, {(int)RunOrigin.Retry}, $8, $1, $1, $2, coalesce($9::json, s.trigger), s.id, $10::json
            FROM runs s WHERE s.id = $4
            RETURNING id, project_id, flow_id, priority
        ), lines AS (
            INSERT INTO run_steps (run_id, path, name, kind, status, effect, run_attempt, attempt, started_at, duration_ms, input, output, error, logs)
            SELECT made.id, s.path, s.name, s.kind, CASE WHEN k.reopen THEN {(int)StepStatus.Running} ELSE s.status END, s.effect, 0, s.attempt, s.started_at,
                CASE WHEN NOT k.reopen THEN s.duration_ms END, s.input, CASE WHEN NOT k.reopen THEN s.output END, CASE WHEN NOT k.reopen THEN s.error END, s.logs
            FROM made CROSS JOIN unnest($11::text[], $12::bool[]) AS k(path, reopen)
            CROSS JOIN LATERAL (SELECT * FROM run_steps s WHERE s.run_id = $4 AND s.path = k.path) s
        ), planned AS (
            INSERT INTO run_tests (run_id, plan)
            SELECT made.id, t.plan FROM made CROSS JOIN LATERAL (SELECT t.plan FROM run_tests t WHERE t.run_id = $4) t WHERE $7 = {(int)RunEnvironment.Test}
        ), named AS (
            SELECT {ValueReference.IdIn("r.trigger")} AS id FROM runs r WHERE r.id = $4 AND $9::json IS NULL
            UNION
            SELECT unnest(ARRAY[{ValueReference.IdIn("s.input")}, {ValueReference.IdIn("s.output")}, {ValueReference.IdIn("s.error")}])
            FROM unnest($11::text[]) AS k(path) CROSS JOIN LATERAL (SELECT s.input, s.output, s.error FROM run_steps s WHERE s.run_id = $4 AND s.path = k.path) s
        ), handed AS (
            INSERT INTO run_values (run_id, id, size, encoding, data)
            SELECT made.id, v.id, v.size, v.encoding, v.data
            FROM made CROSS JOIN named n CROSS JOIN LATERAL (SELECT * FROM run_values v WHERE v.run_id = $4 AND v.id = n.id) v
        )
        SELECT id FROM made
        """;

    /// <summary>Accepts a run that begins with the trigger of another and with a part of its journal, and the large values of both, in one commit. The other stays as it is.</summary>
    /// <returns>False: the source is gone.</returns>
    public async Task<bool> AcceptRetriedAsync(RetriedRun run, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var packer = new ValuePacker(run.RunId, limits.Value.InlineBytes);
        var isMade = false;
        List<Statement> statements = [new(s_acceptRetried,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Value(run.RunId, NpgsqlDbType.Uuid),
            RunSql.Value(run.SourceId, NpgsqlDbType.Uuid),
            RunSql.Value(run.VersionId, NpgsqlDbType.Uuid),
            RunSql.Value(run.Version, NpgsqlDbType.Integer),
            RunSql.Value((short)run.Environment, NpgsqlDbType.Smallint),
            RunSql.Value((short)run.Priority, NpgsqlDbType.Smallint),
            RunSql.Value(Json(packer.Pack(run.Trigger)), NpgsqlDbType.Json),
            RunSql.Value(Json(packer.Pack(run.EditedInput)), NpgsqlDbType.Json),
            RunSql.Array(Each(run.Lines, line => line.Path), NpgsqlDbType.Text),
            RunSql.Array(Each(run.Lines, line => line.Reopen), NpgsqlDbType.Boolean),
        ], _ => isMade = true)];
        if (packer.Large.Count > 0)
            statements.Add(Keep(packer.Large));
        if (RunTraces.Parent is { } parent)
        {
            statements.Add(Trace(run.RunId, parent));
            RunTraces.Link((await TracesAsync([run.SourceId], cancel)).GetValueOrDefault(run.SourceId));
        }
        await WriteAllAsync(RunSql.Durable, statements, cancel, () => isMade = false);
        return isMade;
    }
}
