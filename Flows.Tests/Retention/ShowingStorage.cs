using System.Globalization;
using System.Text.Json;
using Flows.Api.Retention;
using Flows.Tests.Runs;
using Npgsql;

namespace Flows.Tests.Retention;

[Collection(Platform.Databases)]
public sealed class ShowingStorage(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Fact]
    public async Task The_sizes_of_tables_and_indexes_are_shown()
    {
        // Of its own, and gone with this test: a second replica would take the turns of the one below.
        await using var host = await RunsHost.StartAsync(database);
        var storage = await host.GetJsonAsync("/api/v1/system/storage");
        Assert.Equal(30, storage.GetProperty("runDays").GetInt32());
        Assert.True(storage.GetProperty("databaseBytes").GetInt64() > 1_000_000);
        var runs = Assert.Single(storage.GetProperty("tables").EnumerateArray().ToList(), table => table.GetProperty("name").GetString() == "runs");
        Assert.True(runs.GetProperty("partitions").GetInt32() >= 9);
        Assert.True(runs.GetProperty("indexBytes").GetInt64() > 0);
        Assert.True(string.CompareOrdinal(runs.GetProperty("newestDay").GetString(), runs.GetProperty("oldestDay").GetString()) > 0);
        Assert.Empty(storage.GetProperty("due").EnumerateArray());
        Assert.DoesNotContain(storage.GetProperty("tables").EnumerateArray(), table => table.GetProperty("name").GetString()!.EndsWith("_other", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_day_that_cannot_be_dropped_is_shown_with_the_reason_and_tried_again_within_seconds()
    {
        // Both days are long over: one holds a run that waits, and on the other a query stands in the way.
        foreach (var day in new[] { "2019-01-01", "2019-01-02" })
            await database.ExecuteAsync("SELECT ensure_run_partitions($1::date, 1)", DateOnly.Parse(day, CultureInfo.InvariantCulture));
        var clock = new ManualClock(new DateTimeOffset(2019, 1, 1, 12, 0, 0, TimeSpan.Zero));
        var waiting = (await database.QueueAsync(database.Store(clock), clock: clock))[0];
        await database.ExecuteAsync("UPDATE runs SET status = 3 WHERE id = $1", waiting); // it needs a decision
        await using (var reader = await database.Source.OpenConnectionAsync())
        await using (var reading = await reader.BeginTransactionAsync())
        {
            await using (var query = new NpgsqlCommand("SELECT count(*) FROM runs", reader))
                await query.ExecuteScalarAsync();
            await using var host = await RunsHost.StartAsync(database); // it looks within its first second
            var due = await UntilAsync(host, days => days.Exists(day => day.GetProperty("givenUp").GetInt32() >= 2));
            Assert.Equal(["2019-01-01", "2019-01-02"], due.Select(day => day.GetProperty("day").GetString()));
            Assert.Equal([true, false], due.Select(day => day.GetProperty("hasOpenRuns").GetBoolean()));
            Assert.Equal(0, due[0].GetProperty("givenUp").GetInt32());
            Assert.Equal(JsonValueKind.String, due[1].GetProperty("givenUpAt").ValueKind);
            Assert.True(due[1].GetProperty("nextLookAt").GetDateTimeOffset() < TimeProvider.System.GetUtcNow().AddMinutes(1));
            await reading.CommitAsync();
            Assert.Equal("2019-01-01", Assert.Single(await UntilAsync(host, days => days.Count == 1)).GetProperty("day").GetString());
        }
        await database.ExecuteAsync("DELETE FROM runs WHERE id = $1", waiting);
        Assert.True(await new RunDays(database.Source).DropAsync(new DateOnly(2019, 1, 1), default) > 0);
    }

    private static async Task<List<JsonElement>> UntilAsync(RunsHost host, Predicate<List<JsonElement>> isSo)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            List<JsonElement> due = [.. (await host.GetJsonAsync("/api/v1/system/storage")).GetProperty("due").EnumerateArray()];
            if (isSo(due))
                return due;
            await tick.WaitForNextTickAsync(limit.Token);
        }
    }
}
