using System.Globalization;
using Flows.Api.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Retention;

/// <summary>The days of runs, each a partition of every table that is partitioned by a run's id.</summary>
internal sealed class RunDays(NpgsqlDataSource db)
{
    /// <summary>How long a drop may hold up accepts while it waits for a long query: then it gives up, and comes back later.</summary>
    private const string LockLimit = "500ms";
    private const string Format = "yyyyMMdd";

    // Every table whose only partition key is the run's id, as ensure_run_partitions finds them; runs first, which is the order in which writers lock.
    private const string Tables = """
        SELECT c.relname FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid AND c.relnamespace = current_schema()::regnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attname IN ('id', 'run_id') AND a.atttypid = 'uuid'::regtype
        WHERE p.partstrat = 'r' AND p.partnatts = 1
        ORDER BY c.relname <> 'runs', c.relname
        """;

    /// <summary>The days that lie before another and are there, oldest first.</summary>
    public async Task<List<DateOnly>> BeforeAsync(DateOnly day, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("""
            SELECT right(c.relname, 8) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'runs'::regclass AND c.relname ~ '^runs_[0-9]{8}$' AND right(c.relname, 8) < $1 ORDER BY 1
            """);
        command.Parameters.Add(RunSql.Value(day.ToString(Format, CultureInfo.InvariantCulture), NpgsqlDbType.Text));
        var days = new List<DateOnly>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            days.Add(DateOnly.ParseExact(row.GetString(0), Format, CultureInfo.InvariantCulture));
        return days;
    }

    /// <summary>Drops all that a day's runs have left. A day with a run that is not over stays as it is.</summary>
    /// <returns>The tables that were dropped; 0 when the day is kept, or another replica is at it.</returns>
    /// <exception cref="PostgresException">55P03: a long query is in the way. Nothing has happened.</exception>
    public async Task<int> DropAsync(DateOnly day, CancellationToken cancel)
    {
        var name = day.ToString(Format, CultureInfo.InvariantCulture);
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        if (await AskAsync(connection, $"SELECT set_config('lock_timeout', '{LockLimit}', true) IS NOT NULL AND pg_try_advisory_xact_lock(hashtextextended('flows.retention', 0))", cancel) is not true)
            return 0;

        // Looked at before anything is locked, through the indexes of the statuses; and once more when nobody can wake a run of that day any more.
        var open = $"SELECT EXISTS (SELECT FROM runs_{name} WHERE status = 0) OR EXISTS (SELECT FROM runs_{name} WHERE status = 1) "
            + $"OR EXISTS (SELECT FROM runs_{name} WHERE status NOT IN (0, 1, 4) AND status < 4)";
        if (await AskAsync(connection, $"SELECT to_regclass('runs_{name}') IS NULL", cancel) is true || await AskAsync(connection, open, cancel) is true)
            return 0;
        await DoAsync(connection, $"LOCK TABLE runs_{name} IN ACCESS EXCLUSIVE MODE", cancel);
        if (await AskAsync(connection, open, cancel) is true)
            return 0;

        var dropped = 0;
        foreach (var table in await ParentsAsync(connection, cancel))
        {
            await DoAsync(connection, $"DROP TABLE IF EXISTS {table}_{name}", cancel);
            dropped++;
        }
        await transaction.CommitAsync(cancel);
        return dropped;
    }

    /// <summary>Deletes a bounded number of runs that lie in no day, because a clock was wrong, and of rows whose run is gone.</summary>
    /// <param name="most">Rows of one table.</param>
    /// <returns>Rows that were deleted.</returns>
    public async Task<int> DeleteStraysAsync(DateTimeOffset before, int most, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        var deleted = 0;
        foreach (var table in await ParentsAsync(connection, cancel))
        {
            await using var command = new NpgsqlCommand(table == "runs"
                ? "DELETE FROM runs_other WHERE ctid = ANY (ARRAY (SELECT ctid FROM runs_other WHERE id < $1 AND status >= 4 LIMIT $2 FOR UPDATE SKIP LOCKED))"
                : $"DELETE FROM {table}_other WHERE ctid = ANY (ARRAY (SELECT o.ctid FROM {table}_other o WHERE o.run_id < $1 AND NOT EXISTS (SELECT FROM runs r WHERE r.id = o.run_id) LIMIT $2))",
                connection)
            { Parameters = { RunSql.Value(RunIds.Floor(before), NpgsqlDbType.Uuid), RunSql.Value(most, NpgsqlDbType.Integer) } };
            deleted += await command.ExecuteNonQueryAsync(cancel);
        }
        return deleted;
    }

    private static async Task<List<string>> ParentsAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(Tables, connection);
        var tables = new List<string>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            tables.Add(row.GetString(0));
        return tables;
    }

    private static async Task<object?> AskAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(cancel);
    }

    private static async Task DoAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
