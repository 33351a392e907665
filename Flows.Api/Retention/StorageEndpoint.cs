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
/// <param name="Due">Days of runs whose time is over and that are still there, oldest first; at most a hundred.</param>
public sealed record StorageView(long DatabaseBytes, int RunDays, int PausedDays, int FailedJobDays, IReadOnlyList<StoredTable> Tables, IReadOnlyList<DueDay> Due);

/// <param name="Partitions">Tables that it consists of; 1 when it is not partitioned.</param>
/// <param name="Rows">As the last ANALYZE has estimated; 0 before.</param>
/// <param name="TableBytes">Rows and the large values beside them.</param>
/// <param name="OldestDay">The first of the days that it has partitions for; null when it has none.</param>
public sealed record StoredTable(string Name, int Partitions, long Rows, long TableBytes, long IndexBytes, DateOnly? OldestDay, DateOnly? NewestDay);

/// <param name="HasOpenRuns">True: a run of that day is not over, and the day stays until it is. False: it is dropped with one of the next looks.</param>
/// <param name="GivenUp">How often the replica that answers has given up dropping it, because a long query or a vacuum had a lock.</param>
/// <param name="GivenUpAt">The last time; null: never.</param>
/// <param name="NextLookAt">When that replica looks again, at about; null before its first look.</param>
public sealed record DueDay(DateOnly Day, bool HasOpenRuns, int GivenUp, DateTimeOffset? GivenUpAt, DateTimeOffset? NextLookAt);

internal static class StorageEndpoint
{
    private const int MostDays = 100;

    public static async Task<Ok<StorageView>> Show(
        NpgsqlDataSource db, IOptions<RetentionOptions> retention, RunDays days, RetentionKeeper keeper, TimeProvider clock, CancellationToken cancel)
    {
        var (tables, all) = await TablesAsync(db, cancel);
        var options = retention.Value;
        var due = new List<DueDay>();
        if (options.RunDays > 0)
        {
            var before = DateOnly.FromDateTime((clock.GetUtcNow() - TimeSpan.FromDays(options.RunDays)).UtcDateTime);
            foreach (var day in (await days.BeforeAsync(before, cancel)).Take(MostDays))
            {
                var givenUp = keeper.GivenUpOn(day);
                due.Add(new DueDay(day, await days.IsOpenAsync(day, cancel), givenUp?.Times ?? 0, givenUp?.LastAt, keeper.NextLookAt));
            }
        }
        return TypedResults.Ok(new StorageView(all, options.RunDays, options.PausedDays, options.FailedJobDays, tables, due));
    }

    private static async Task<(List<StoredTable> Tables, long All)> TablesAsync(NpgsqlDataSource db, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("""
            SELECT coalesce(p.relname, c.relname)::text, count(*)::int, sum(greatest(c.reltuples, 0))::bigint, coalesce(sum(pg_table_size(c.oid)), 0)::bigint, coalesce(sum(pg_indexes_size(c.oid)), 0)::bigint,
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
        return (tables, all);
    }
}
