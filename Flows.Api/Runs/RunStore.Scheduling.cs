using Flows.Api.Schedules;
using Flows.Contracts.Runs;
using Flows.Queue;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

internal sealed partial class RunStore
{
    // A schedule moves on only from the time that was read: of two replicas that see the same time, one moves it and writes its runs.
    private static readonly string s_acceptScheduled = $"""
        WITH held AS (
            SELECT s.flow_id, n.next_due, n.next_fire
            FROM unnest($3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[]) AS n(flow_id, due, next_due, next_fire)
            JOIN schedules s ON s.flow_id = n.flow_id AND s.due_at = n.due
            FOR UPDATE OF s SKIP LOCKED
        ), ended AS (
            DELETE FROM schedules s USING held h WHERE s.flow_id = h.flow_id AND h.next_due IS NULL
        ), moved AS (
            UPDATE schedules s SET last_due_at = s.due_at, last_fired_at = $1, due_at = h.next_due, fire_at = h.next_fire
            FROM held h WHERE s.flow_id = h.flow_id AND h.next_due IS NOT NULL
            RETURNING s.flow_id
        )
        INSERT INTO runs (id, project_id, flow_id, version_id, version, status, environment, origin, priority, created_at, status_changed_at, due_at, trigger)
        SELECT n.id, n.project_id, n.flow_id, n.version_id, n.version, {(int)RunStatus.Queued}, {(int)RunEnvironment.Production}, {(int)RunOrigin.Schedule},
            {(int)RunPriority.Normal}, $1, $1, $2, n.trigger
        FROM unnest($7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[], $11::int[], $12::json[]) AS n(id, project_id, flow_id, version_id, version, trigger)
        JOIN moved m ON m.flow_id = n.flow_id
        RETURNING id, project_id, priority, flow_id
        """;

    /// <summary>Moves schedules on from the times that were read and accepts their runs, in the transaction that has read them.</summary>
    /// <returns>The runs that were accepted: those of schedules that nobody had moved in between.</returns>
    public async Task<List<RunJob>> AcceptScheduledAsync(NpgsqlConnection connection, IReadOnlyList<Firing> firings, DateTimeOffset now, CancellationToken cancel)
    {
        var runs = firings.SelectMany(firing => firing.Runs.Select(run => (firing.Flow, Run: run))).ToList();
        var traces = runs.Select(item => (item.Run.RunId, Began: RunTraces.Begin("schedule", item.Run.RunId, item.Flow.FlowId, item.Flow.ProjectId, item.Flow.DueAt)))
            .Where(trace => trace.Began is { Recorded: true }).ToList();
        var jobs = new List<RunJob>();
        List<Statement> statements = [new(s_acceptScheduled,
        [
            RunSql.Value(now, NpgsqlDbType.TimestampTz),
            RunSql.Value(now + options.Value.RingAgainAfter, NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(firings, firing => firing.Flow.FlowId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(firings, firing => firing.Flow.DueAt), NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(firings, firing => firing.NextDue), NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(firings, firing => firing.NextFire), NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(runs, item => item.Run.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, item => item.Flow.ProjectId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, item => item.Flow.FlowId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, item => item.Flow.VersionId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, item => item.Flow.Version), NpgsqlDbType.Integer),
            RunSql.Array(Each(runs, item => item.Run.Trigger.Utf8), NpgsqlDbType.Json),
        ], row => jobs.Add(new RunJob(row.GetGuid(0), row.GetGuid(1), (RunPriority)row.GetInt16(2)) { FlowId = row.GetGuid(3) }))];
        foreach (var (runId, began) in traces)
            statements.Add(Trace(runId, began!.Id!));
        try
        {
            await WriteAllAsync(connection, RunSql.Durable, statements, cancel);
        }
        finally
        {
            foreach (var (_, began) in traces)
                began!.Dispose();
        }
        return jobs;
    }
}
