using Flows.Api.Runs;
using Npgsql;

namespace Flows.Tests.Runs;

/// <summary>Plans are made while the tables are empty and kept when they are full: they must look rows up, never read through.</summary>
[Collection(Platform.Databases)]
public sealed class PlansOfHotStatements(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Fact]
    public Task A_claim_finds_its_runs_by_id() =>
        LooksUpAsync("timestamptz, uuid[], text[], timestamptz", 4, ids: 2, RunStore.ClaimSql);

    [Fact]
    public Task A_claim_that_asks_for_traces_finds_its_runs_by_id() =>
        LooksUpAsync("timestamptz, uuid[], text[], timestamptz", 4, ids: 2, RunStore.ClaimWithTracesSql);

    [Fact]
    public Task A_report_finds_its_runs_by_id() => LooksUpAsync(
        "timestamptz, timestamptz, uuid[], int[], text[], smallint[], json[], json[], json[], text[], json[], uuid[], text[], text[], text[], smallint[], "
        + "smallint[], int[], int[], timestamptz[], float8[], json[], json[], json[], text[], int", 26, ids: 3, RunStore.ReportSql);

    [Fact]
    public Task A_report_with_large_values_finds_its_runs_by_id() => LooksUpAsync(
        "timestamptz, timestamptz, uuid[], int[], text[], smallint[], json[], json[], json[], text[], json[], uuid[], text[], text[], text[], smallint[], "
        + "smallint[], int[], int[], timestamptz[], float8[], json[], json[], json[], text[], int, uuid[], uuid[], int[], smallint[], bytea[], int[], text[]", 33, ids: 3, RunStore.ReportWithValuesSql);

    /// <param name="ids">Number of the parameter with the ids of the runs: here one of today.</param>
    private async Task LooksUpAsync(string types, int count, int ids, string sql)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await ExecuteAsync(RunSql.Durable);
        await ExecuteAsync($"PREPARE hot({types}) AS {sql}");
        var scans = await ScansAsync();
        Assert.NotEmpty(scans);
        Assert.All(scans, scan => Assert.Contains("_pkey on", scan, StringComparison.Ordinal));

        // The indexes on runs of one status are nearly empty when statistics are taken and full of waiting runs an hour later. Without the indexes
        // that know an id, which they would have to beat first, it shows whether they are open to the planner at all, whatever today's statistics are.
        await ExecuteAsync("SET LOCAL enable_seqscan = off");
        await ExecuteAsync("ALTER TABLE runs DROP CONSTRAINT runs_pkey CASCADE");
        await ExecuteAsync("DROP INDEX runs_project, runs_flow");
        var ofOneStatus = await OfOneStatusAsync();
        Assert.NotEmpty(ofOneStatus);
        Assert.All(await ScansAsync(), scan => Assert.DoesNotContain(ofOneStatus, index => scan.Contains(index, StringComparison.Ordinal)));

        async Task<List<string>> ScansAsync()
        {
            await using var explain = new NpgsqlCommand($"EXPLAIN (COSTS OFF) EXECUTE hot({string.Join(", ", Enumerable.Range(1, count).Select(number => number == ids ? $"'{{{Guid.CreateVersion7()}}}'" : "NULL"))})", connection);
            return (await RowsAsync(explain)).FindAll(line => line.Contains(" on runs_2", StringComparison.Ordinal) && !line.Contains("Update on", StringComparison.Ordinal));
        }

        async Task<List<string>> OfOneStatusAsync()
        {
            await using var asked = new NpgsqlCommand("SELECT indexname FROM pg_indexes WHERE tablename LIKE 'runs\\_2%' AND indexdef LIKE '%status%'", connection);
            return await RowsAsync(asked);
        }

        static async Task<List<string>> RowsAsync(NpgsqlCommand command)
        {
            await using var reader = await command.ExecuteReaderAsync();
            var rows = new List<string>();
            while (await reader.ReadAsync())
                rows.Add(reader.GetString(0).Trim());
            return rows;
        }

        async Task ExecuteAsync(string text)
        {
            await using var command = new NpgsqlCommand(text, connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}
