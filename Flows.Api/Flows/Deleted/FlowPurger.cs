using Flows.Api.Migrations;
using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Flows.Queue.Redis;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Flows.Deleted;

/// <summary>
/// Takes away for good what was deleted long enough ago: a flow's runs in batches, oldest first, with their journals, values, files, waits and tags;
/// then what the flow itself kept, and the flow. Every batch is one commit, so dying costs nothing but the time. Two replicas at the same flow wait for each other's batch.
/// </summary>
internal sealed partial class FlowPurger(
    NpgsqlDataSource db, RunStore runs, RunAnnouncer announcer, IServiceProvider services, IOptions<DeletedFlowOptions> options, SchemaState schema,
    TimeProvider clock, ILogger<FlowPurger> log)
    : Housekeeper(TimeSpan.FromSeconds(10), schema, clock, log)
{
    private const int CommandTimeout = 60;
    private const int MostLetters = 1_000;
    /// <summary>Other replicas may not have seen that it is deleted (<see cref="PublishedFlows"/>), and what they still accept must not come after the purge.</summary>
    private static readonly TimeSpan s_unseen = TimeSpan.FromSeconds(3);
    private readonly TimeProvider _clock = clock;
    private string[]? _tables;

    protected override int MostInARow => 20;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        if (await BeginAsync(connection, cancel) is not var (flow, project))
            return false;

        var oldest = await OldestAsync(connection, flow, cancel);
        if (oldest.Count == 0)
        {
            await EndAsync(connection, flow, cancel);
            return true;
        }
        // What is still under way ends first, so that its worker lets go of it and whoever has called it is told.
        var live = oldest.Where(run => !RunTransitions.IsFinal(run.Status)).Select(run => run.Id).ToArray();
        if (live.Length > 0)
            announcer.Announce(await runs.CancelAsync(project, live, cancel));
        Guid[] batch = [.. oldest.Select(run => run.Id)];
        await ForgetLettersAsync(batch, cancel);
        return await PurgeAsync(connection, flow, batch, cancel) > 0;
    }

    /// <summary>
    /// The flow whose time has come first, marked as begun; from here on it cannot be restored. One whose hook is still being taken away at its
    /// service waits for that: the row is all that is known of it.
    /// </summary>
    private async Task<(Guid Flow, Guid Project)?> BeginAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            UPDATE flows SET purge_started_at = coalesce(purge_started_at, $1)
            WHERE id = (
                SELECT f.id FROM flows f
                WHERE f.purge_at <= $1 AND f.deleted_at <= $2 AND NOT EXISTS (SELECT 1 FROM flow_hooks h WHERE h.flow_id = f.id AND h.due_at IS NOT NULL)
                ORDER BY f.purge_at LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING id, project_id
            """, connection)
        { Parameters = { RunSql.Value(_clock.GetUtcNow(), NpgsqlDbType.TimestampTz), RunSql.Value(_clock.GetUtcNow() - s_unseen, NpgsqlDbType.TimestampTz) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? (row.GetGuid(0), row.GetGuid(1)) : null;
    }

    private async Task<List<(Guid Id, RunStatus Status)>> OldestAsync(NpgsqlConnection connection, Guid flow, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT r.id, r.status FROM runs r WHERE r.flow_id = $1 ORDER BY r.id LIMIT $2", connection)
        {
            CommandTimeout = CommandTimeout,
            Parameters = { RunSql.Value(flow, NpgsqlDbType.Uuid), RunSql.Value(options.Value.RunsPerBatch, NpgsqlDbType.Integer) },
        };
        var found = new List<(Guid, RunStatus)>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found.Add((row.GetGuid(0), (RunStatus)row.GetInt16(1)));
        return found;
    }

    /// <summary>Jobs of the runs that are delivered are refused by the claim and so forgotten; those that were given up are looked for.</summary>
    private async Task ForgetLettersAsync(Guid[] batch, CancellationToken cancel)
    {
        if (services.GetService<RedisQueueDesk>() is not { } desk)
            return; // Hangfire lets its own go after a while
        var purged = batch.ToHashSet();
        foreach (var letter in (await desk.GetOverviewAsync(MostLetters, cancel)).Dead.Where(letter => purged.Contains(letter.Job.RunId)))
            await desk.DiscardAsync(letter, cancel);
    }

    /// <returns>How many runs are gone; fewer than asked when one was not over.</returns>
    private async Task<int> PurgeAsync(NpgsqlConnection connection, Guid flow, Guid[] batch, CancellationToken cancel)
    {
        _tables ??= await TablesOfRunsAsync(connection, cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        // Locked before anything of them is taken away: a person's retry of one waits here and then finds nothing.
        var over = new List<Guid>();
        await using (var command = Bounded(connection,
            $"SELECT r.id FROM runs r WHERE r.id = ANY($1) AND {RunSql.Within("$1")} AND r.status IN ({RunSql.In(Enum.GetValues<RunStatus>().Where(RunTransitions.IsFinal))}) ORDER BY r.id FOR UPDATE", batch))
        {
            await using var row = await command.ExecuteReaderAsync(cancel);
            while (await row.ReadAsync(cancel))
                over.Add(row.GetGuid(0));
        }
        if (over.Count == 0)
            return 0;
        Guid[] ids = [.. over];
        foreach (var table in _tables)
        {
            await using var command = Bounded(connection, $"DELETE FROM {table} r WHERE r.run_id = ANY($1) AND {RunSql.Within("$1").Replace("r.id", "r.run_id", StringComparison.Ordinal)}", ids);
            await command.ExecuteNonQueryAsync(cancel);
        }
        await using (var command = Bounded(connection, $"DELETE FROM runs r WHERE r.id = ANY($1) AND {RunSql.Within("$1")}", ids))
            await command.ExecuteNonQueryAsync(cancel);
        await using (var command = new NpgsqlCommand("UPDATE flows SET purged_runs = purged_runs + $2 WHERE id = $1", connection)
        { Parameters = { RunSql.Value(flow, NpgsqlDbType.Uuid), RunSql.Value((long)ids.Length, NpgsqlDbType.Bigint) } })
        {
            await command.ExecuteNonQueryAsync(cancel);
        }
        await transaction.CommitAsync(cancel);
        return ids.Length;
    }

    /// <summary>The runs are gone: what is left of the flow goes in one commit. Versions and schedules go with its row.</summary>
    private async Task EndAsync(NpgsqlConnection connection, Guid flow, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            WITH keys AS (DELETE FROM webhook_keys WHERE flow_id = $1),
                 kept AS (DELETE FROM stored_values WHERE flow_id = $1)
            DELETE FROM flows WHERE id = $1 AND purge_started_at IS NOT NULL RETURNING purged_runs
            """, connection)
        { CommandTimeout = CommandTimeout, Parameters = { RunSql.Value(flow, NpgsqlDbType.Uuid) } };
        if (await command.ExecuteScalarAsync(cancel) is long purged)
            LogPurged(log, flow, purged);
        PublishedFlows.Invalidate(flow);
    }

    /// <summary>Every table whose rows belong to a run. They are partitioned as runs are, which is how one that comes later is found too.</summary>
    internal static async Task<string[]> TablesOfRunsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT quote_ident(c.relname) FROM pg_partitioned_table p
            JOIN pg_class c ON c.oid = p.partrelid AND c.relnamespace = current_schema()::regnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attname = 'run_id' AND a.atttypid = 'uuid'::regtype
            ORDER BY c.relname
            """, connection);
        var tables = new List<string>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            tables.Add(row.GetString(0));
        return [.. tables];
    }

    private static NpgsqlCommand Bounded(NpgsqlConnection connection, string sql, Guid[] ids) =>
        new(sql, connection) { CommandTimeout = CommandTimeout, Parameters = { RunSql.Array(ids, NpgsqlDbType.Uuid) } };

    [LoggerMessage(Level = LogLevel.Information, Message = "The deleted flow {Flow} is purged, with {Runs} runs")]
    private static partial void LogPurged(ILogger log, Guid flow, long runs);
}
