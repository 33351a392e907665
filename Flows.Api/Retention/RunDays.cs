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

    // Every table whose only partition key is the run's id, as PartitionKeeper finds them.
    private const string Tables = """
        SELECT c.relname, c.oid FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid AND c.relnamespace = current_schema()::regnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attname IN ('id', 'run_id') AND a.atttypid = 'uuid'::regtype
        WHERE p.partstrat = 'r' AND p.partnatts = 1
        ORDER BY c.relname <> 'runs', c.relname
        """;

    /// <summary>The days that lie before another and of which something is there, oldest first.</summary>
    public async Task<List<DateOnly>> BeforeAsync(DateOnly day, CancellationToken cancel)
    {
        await using var command = db.CreateCommand($$"""
            SELECT DISTINCT right(c.relname, 8) FROM ({{Tables}}) t JOIN pg_inherits i ON i.inhparent = t.oid JOIN pg_class c ON c.oid = i.inhrelid
            WHERE c.relname ~ ('^' || t.relname || '_[0-9]{8}$') AND right(c.relname, 8) < $1 ORDER BY 1
            """);
        command.Parameters.Add(RunSql.Value(Name(day), NpgsqlDbType.Text));
        var days = new List<DateOnly>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            days.Add(DateOnly.ParseExact(row.GetString(0), Format, CultureInfo.InvariantCulture));
        return days;
    }

    /// <summary>True while a run of that day is not over: such a day is kept.</summary>
    public async Task<bool> IsOpenAsync(DateOnly day, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        try
        {
            return await IsThereAsync(connection, $"runs_{Name(day)}", cancel) && await AskAsync(connection, Open(Name(day)), cancel) is true;
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.UndefinedTable)
        {
            return false; // dropped between the two questions
        }
    }

    /// <summary>
    /// Drops all that a day's runs have left, the runs first. A day with a run that is not over stays as it is. One table to a transaction: nobody who reads
    /// two of them in whatever order can stand in a circle with the drop, and accepts wait for one of them only. What is left when it dies or gives up
    /// between two tables belongs to no run any more, and is dropped with the next call.
    /// </summary>
    /// <returns>The tables that were dropped; 0 when the day is kept, or another replica is at it.</returns>
    /// <exception cref="PostgresException">55P03: a long query is in the way of one of the tables. That one is as it was.</exception>
    public async Task<int> DropAsync(DateOnly day, CancellationToken cancel)
    {
        // The lock of this transaction says whose the day is; the work is done on the other connection.
        await using var owner = await db.OpenConnectionAsync(cancel);
        await using var turn = await owner.BeginTransactionAsync(cancel);
        if (await AskAsync(owner, "SELECT pg_try_advisory_xact_lock(hashtextextended('flows.retention', 0))", cancel) is not true)
            return 0;

        await using var connection = await db.OpenConnectionAsync(cancel);
        var dropped = 0;
        foreach (var table in await ParentsAsync(connection, cancel))
        {
            switch (await DropAsync(connection, table, Name(day), cancel))
            {
                case true:
                    dropped++;
                    break;
                case null:
                    return 0;
            }
        }
        return dropped;
    }

    /// <returns>Null: the day is to be kept. False: it has no such table.</returns>
    private static async Task<bool?> DropAsync(NpgsqlConnection connection, string table, string day, CancellationToken cancel)
    {
        if (!await IsThereAsync(connection, $"{table}_{day}", cancel))
            return false;
        // Looked at before anything is locked, through the indexes of the statuses; and once more when nobody can wake a run of that day any more.
        if (table == "runs" && await AskAsync(connection, Open(day), cancel) is true)
            return null;

        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await DoAsync(connection, $"SELECT set_config('lock_timeout', '{LockLimit}', true)", cancel);
        // The table before its partition, as everybody locks them. Who has the partition now works on it alone, a vacuum: accepts do not wait for that.
        await DoAsync(connection, $"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE", cancel);
        await DoAsync(connection, $"LOCK TABLE {table}_{day} IN ACCESS EXCLUSIVE MODE NOWAIT", cancel);
        if (table == "runs" && await AskAsync(connection, Open(day), cancel) is true)
            return null;
        await DoAsync(connection, $"DROP TABLE {table}_{day}", cancel);
        await transaction.CommitAsync(cancel);
        return true;
    }

    private static string Open(string day) => $"SELECT EXISTS (SELECT FROM runs_{day} WHERE status = 0) OR EXISTS (SELECT FROM runs_{day} WHERE status = 1) "
        + $"OR EXISTS (SELECT FROM runs_{day} WHERE status NOT IN (0, 1, 4) AND status < 4)";

    private static async Task<bool> IsThereAsync(NpgsqlConnection connection, string table, CancellationToken cancel) =>
        await AskAsync(connection, $"SELECT to_regclass('{table}') IS NOT NULL", cancel) is true;

    private static string Name(DateOnly day) => day.ToString(Format, CultureInfo.InvariantCulture);

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
