using Flows.Tests.Runs;

namespace Flows.Tests.Retention;

[Collection(Platform.Databases)]
public sealed class ShowingStorage(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Fact]
    public async Task The_sizes_of_tables_and_indexes_are_shown()
    {
        var host = await database.HostAsync();
        var storage = await host.GetJsonAsync("/api/v1/system/storage");
        Assert.Equal(30, storage.GetProperty("runDays").GetInt32());
        Assert.True(storage.GetProperty("databaseBytes").GetInt64() > 1_000_000);
        var runs = Assert.Single(storage.GetProperty("tables").EnumerateArray().ToList(), table => table.GetProperty("name").GetString() == "runs");
        Assert.True(runs.GetProperty("partitions").GetInt32() >= 9);
        Assert.True(runs.GetProperty("indexBytes").GetInt64() > 0);
        Assert.True(string.CompareOrdinal(runs.GetProperty("newestDay").GetString(), runs.GetProperty("oldestDay").GetString()) > 0);
        Assert.DoesNotContain(storage.GetProperty("tables").EnumerateArray(), table => table.GetProperty("name").GetString()!.EndsWith("_other", StringComparison.Ordinal));
    }
}
