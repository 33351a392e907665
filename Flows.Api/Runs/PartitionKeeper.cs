using Flows.Api.Migrations;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>Makes the partitions of the days to come, so that retention can drop a day and lists read recent days only.</summary>
internal sealed partial class PartitionKeeper(NpgsqlDataSource db, SchemaState schema, TimeProvider clock, ILogger<PartitionKeeper> log)
    : Housekeeper(TimeSpan.FromHours(1), schema, clock, log)
{
    private const int DaysAhead = 7;
    /// <summary>How long accepts may be held up behind a long query; days are made a week ahead, so there is time to come back.</summary>
    private const string LockLimit = "500ms";
    private readonly TimeProvider _clock = clock;

    // What ensure_run_partitions would make: every table whose only partition key is the run's id, and its bounds as they are written in SQL.
    private const string Missing = """
        SELECT format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', n.name, n.parent,
            run_id_floor(n.day::timestamp AT TIME ZONE 'UTC'), run_id_floor((n.day + 1)::timestamp AT TIME ZONE 'UTC')), n.name
        FROM (
            SELECT d.day, c.relname AS parent, c.relname || '_' || to_char(d.day, 'YYYYMMDD') AS name
            FROM pg_partitioned_table p
            JOIN pg_class c ON c.oid = p.partrelid AND c.relnamespace = current_schema()::regnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attname IN ('id', 'run_id') AND a.atttypid = 'uuid'::regtype
            CROSS JOIN (SELECT $1::date + i AS day FROM generate_series(0, $2 - 1) AS i) d
            WHERE p.partstrat = 'r' AND p.partnatts = 1
        ) n
        WHERE to_regclass(format('%I', n.name)) IS NULL
        ORDER BY n.day, n.parent <> 'runs', n.parent
        """;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        foreach (var (sql, name) in await MissingAsync(connection, cancel))
        {
            try
            {
                await MakeAsync(connection, sql, cancel);
            }
            catch (PostgresException busy) when (busy.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                LogBusy(log, name);
                IsHindered = true;
                return false;
            }
        }
        return false;
    }

    private async Task<List<(string Sql, string Name)>> MissingAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(Missing, connection)
        {
            Parameters =
            {
                RunSql.Value(DateOnly.FromDateTime(_clock.GetUtcNow().UtcDateTime), NpgsqlDbType.Date),
                RunSql.Value(DaysAhead + 1, NpgsqlDbType.Integer),
            },
        };
        var missing = new List<(string, string)>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            missing.Add((row.GetString(0), row.GetString(1)));
        return missing;
    }

    // Making a partition locks its table against everybody for a moment. One table to a transaction: whoever holds the first of them and waits for
    // the second stands in the way of all that read both in the other order, until Postgres ends one of them as a deadlock.
    private static async Task MakeAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new($"SELECT set_config('lock_timeout', '{LockLimit}', true), pg_advisory_xact_lock(hashtextextended('flows.run_partitions', 0))"),
                new(sql),
            },
        };
        await batch.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(LogLevel.Information, "{Partition} is not made yet: something else has a lock. It is tried again soon")]
    private static partial void LogBusy(ILogger log, string partition);
}
