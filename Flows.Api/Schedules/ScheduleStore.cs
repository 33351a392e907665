using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Queue;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Schedules;

/// <summary>A flow whose time has come.</summary>
/// <param name="DueAt">The time, as it stands in the row.</param>
internal sealed record DueSchedule(Guid FlowId, Guid ProjectId, Guid VersionId, int? Version, DateTimeOffset DueAt, RawJson Trigger);

/// <summary>What comes of it.</summary>
/// <param name="NextDue">Null: there is no further time, and the schedule ends.</param>
/// <param name="Missed">Times for which no run is started.</param>
internal sealed record Firing(DueSchedule Flow, DateTimeOffset? NextDue, DateTimeOffset? NextFire, IReadOnlyList<FiredRun> Runs, int Missed);

internal sealed record FiredRun(Guid RunId, RawJson Trigger);

/// <summary>The SQL of schedules.</summary>
internal sealed class ScheduleStore(RunStore runs, NpgsqlDataSource db)
{
    // Of several replicas each takes schedules of its own, so that a minute in which many are due is shared among them.
    private const string Due = """
        SELECT s.flow_id, f.project_id, v.id, v.number, s.due_at, v.definition -> 'trigger'
        FROM schedules s JOIN flows f ON f.id = s.flow_id JOIN flow_versions v ON v.id = f.published_version_id
        WHERE s.fire_at <= $1 AND f.enabled AND f.deleted_at IS NULL
        ORDER BY s.fire_at LIMIT $2 FOR UPDATE OF s SKIP LOCKED
        """;

    /// <summary>
    /// Takes flows whose time has come, at most so many, the longest due first, moves their schedules on and writes their runs, in one commit. What
    /// another replica is at meanwhile is left to it.
    /// </summary>
    /// <param name="fire">What comes of a flow's time; it must not take long, because the schedules are locked.</param>
    /// <returns>What was taken, and the runs that were written.</returns>
    public async Task<(List<Firing> Taken, List<RunJob> Started)> FireAsync(
        DateTimeOffset now, int limit, Func<DueSchedule, Firing> fire, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var firings = (await DueAsync(connection, now, limit, cancel)).ConvertAll(flow => fire(flow));
        if (firings.Count == 0)
            return (firings, []);
        var started = await runs.AcceptScheduledAsync(connection, firings, now, cancel);
        await transaction.CommitAsync(cancel);
        return (firings, started);
    }

    private static async Task<List<DueSchedule>> DueAsync(NpgsqlConnection connection, DateTimeOffset now, int limit, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(Due, connection)
        { Parameters = { RunSql.Value(now, NpgsqlDbType.TimestampTz), RunSql.Value(limit, NpgsqlDbType.Integer) } };
        await command.PrepareWhereKeptAsync(cancel);
        var due = new List<DueSchedule>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            due.Add(new DueSchedule(row.GetGuid(0), row.GetGuid(1), row.GetGuid(2), row.IsDBNull(3) ? null : row.GetInt32(3),
                row.GetFieldValue<DateTimeOffset>(4), row.JsonOrNull(5) ?? RawJson.Null));
        }
        return due;
    }

    private const string OfFlow = "SELECT s.due_at, s.last_due_at, s.last_fired_at FROM schedules s WHERE s.flow_id = $1";

    /// <summary>Next and last time of a flow; null when the clock does not start it.</summary>
    public async Task<ScheduleTimes?> FindAsync(Guid flowId, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand(OfFlow, connection) { Parameters = { RunSql.Value(flowId, NpgsqlDbType.Uuid) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new ScheduleTimes(row.GetFieldValue<DateTimeOffset>(0), row.TimeOrNull(1), row.TimeOrNull(2))
            : null;
    }
}

internal sealed record ScheduleTimes(DateTimeOffset DueAt, DateTimeOffset? LastScheduledAt, DateTimeOffset? LastFiredAt);
