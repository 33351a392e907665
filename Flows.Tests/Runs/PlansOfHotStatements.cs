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
        await using var explain = new NpgsqlCommand($"EXPLAIN (COSTS OFF) EXECUTE hot({string.Join(", ", Enumerable.Range(1, count).Select(number => number == ids ? $"'{{{Guid.CreateVersion7()}}}'" : "NULL"))})", connection);
        await using var reader = await explain.ExecuteReaderAsync();
        var scans = new List<string>();
        while (await reader.ReadAsync())
        {
            if (reader.GetString(0) is var line && line.Contains(" on runs_2", StringComparison.Ordinal) && !line.Contains("Update on", StringComparison.Ordinal))
                scans.Add(line.Trim());
        }
        Assert.NotEmpty(scans);
        Assert.All(scans, scan => Assert.Contains("_pkey on", scan, StringComparison.Ordinal));

        async Task ExecuteAsync(string text)
        {
            await using var command = new NpgsqlCommand(text, connection);
            await command.ExecuteNonQueryAsync();
        }
    }
}
