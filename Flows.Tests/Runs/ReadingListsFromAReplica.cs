using Npgsql;

namespace Flows.Tests.Runs;

/// <summary>A second database with a run of its own stands for a replica: it shows where a list was read from.</summary>
[Collection(Platform.Databases)]
public sealed class ReadingListsFromAReplica(Platform platform) : IAsyncLifetime
{
    private readonly RunsDatabase _database = new(platform);
    private readonly RunsDatabase _replica = new(platform);
    private Guid _here;
    private Guid _there;

    [Fact]
    public async Task Lists_come_from_it_and_single_runs_from_the_database()
    {
        await using var host = await StartAsync(_replica.ConnectionString);

        Assert.Equal([_there], await ListedAsync(host));
        Assert.Equal(_here, (await host.GetJsonAsync($"/api/v1/runs/{_here}")).GetProperty("id").GetGuid());
    }

    [Fact]
    public async Task One_that_is_away_is_not_missed()
    {
        await using var host = await StartAsync(new NpgsqlConnectionStringBuilder(_replica.ConnectionString) { Database = "nowhere" }.ConnectionString);

        Assert.Equal([_here], await ListedAsync(host));
        Assert.Equal([_here], await ListedAsync(host));
    }

    public async Task InitializeAsync()
    {
        await _database.InitializeAsync();
        await _replica.InitializeAsync();
        _here = (await _database.QueueAsync(_database.Store()))[0];
        await _replica.ExecuteAsync("INSERT INTO projects (id, name) VALUES ($1, 'The same')", _database.Project);
        var run = _replica.NewRun() with { ProjectId = _database.Project };
        await _replica.Store().AcceptAsync([run], default);
        _there = run.RunId;
    }

    public async Task DisposeAsync()
    {
        await _database.DisposeAsync();
        await _replica.DisposeAsync();
    }

    private Task<RunsHost> StartAsync(string replica) => RunsHost.StartAsync(_database, new() { ["ConnectionStrings:flowsdb-read"] = replica });

    private static async Task<List<Guid>> ListedAsync(RunsHost host) =>
        [.. (await host.GetJsonAsync("/api/v1/runs")).GetProperty("items").EnumerateArray().Select(run => run.GetProperty("id").GetGuid())];
}
