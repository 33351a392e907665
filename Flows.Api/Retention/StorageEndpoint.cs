using System.Globalization;
using Flows.Api.Waits;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Api.Retention;

/// <summary>What Postgres holds for Flows.</summary>
/// <param name="DatabaseBytes">The whole database, with what it keeps for itself.</param>
/// <param name="RunDays">Days after which runs are dropped; 0: never.</param>
/// <param name="Tables">Largest first.</param>
public sealed record StorageView(long DatabaseBytes, int RunDays, int PausedDays, int FailedJobDays, IReadOnlyList<StoredTable> Tables);

/// <param name="Partitions">Tables that it consists of; 1 when it is not partitioned.</param>
/// <param name="Rows">As the last ANALYZE has estimated; 0 before.</param>
/// <param name="TableBytes">Rows and the large values beside them.</param>
/// <param name="OldestDay">The first of the days that it has partitions for; null when it has none.</param>
public sealed record StoredTable(string Name, int Partitions, long Rows, long TableBytes, long IndexBytes, DateOnly? OldestDay, DateOnly? NewestDay);

internal static class StorageEndpoint
{
    public static async Task<Ok<StorageView>> Show(NpgsqlDataSource db, IOptions<RetentionOptions> retention, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("""
            SELECT coalesce(p.relname, c.relname)::text, count(*)::int, sum(greatest(c.reltuples, 0))::bigint, sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint,
                min(substring(c.relname FROM '_([0-9]{8})$')), max(substring(c.relname FROM '_([0-9]{8})$')), pg_database_size(current_database())
            FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
            WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
            GROUP BY 1 ORDER BY sum(pg_total_relation_size(c.oid)) DESC, 1
            """);
        command.CommandTimeout = 10;
        var tables = new List<StoredTable>();
        var all = 0L;
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            DateOnly? Day(int column) => row.IsDBNull(column) ? null : DateOnly.ParseExact(row.GetString(column), "yyyyMMdd", CultureInfo.InvariantCulture);
            tables.Add(new StoredTable(row.GetString(0), row.GetInt32(1), row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), Day(5), Day(6)));
            all = row.GetInt64(7);
        }
        var options = retention.Value;
        return TypedResults.Ok(new StorageView(all, options.RunDays, options.PausedDays, options.FailedJobDays, tables));
    }
}
