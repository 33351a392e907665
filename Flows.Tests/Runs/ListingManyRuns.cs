using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Tests.Runs;

/// <summary>A project with so many runs that a list which read through them would be slow.</summary>
[Collection(nameof(Platform))]
public sealed class ListingManyRuns(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private const int Runs = 20_000;

    // Every hundredth failed, the oldest three wait for a decision, all others went well.
    public async Task InitializeAsync()
    {
        if (await database.ValueAsync<long>("SELECT count(*) FROM runs") > 0)
            return;
        await database.ExecuteAsync($$"""
            INSERT INTO runs (id, project_id, flow_id, version_id, version, status, environment, origin, priority, created_at, status_changed_at, trigger)
            SELECT overlay(run_id_floor(now())::text PLACING lpad(to_hex(i), 12, '0') FROM 25)::uuid, $1, $2, $3, 1,
                CASE WHEN i <= 3 THEN 3 WHEN i % 100 = 0 THEN 5 ELSE 4 END, 0, 0, 2, now(), now(), '{}'
            FROM generate_series(1, {{Runs}}) AS i
            """, database.Project, database.Flow, database.Version);
        await database.ExecuteAsync("ANALYZE runs");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(RunStatus.NeedsDecision)]
    [InlineData(RunStatus.Failed, RunStatus.NeedsDecision)]
    [InlineData(RunStatus.Cancelled, RunStatus.Paused, RunStatus.TimedOut)]
    public async Task Rare_statuses_are_found_through_their_own_index(params RunStatus[] statuses)
    {
        var day = await database.ValueAsync<string>("SELECT tableoid::regclass::text FROM runs LIMIT 1");
        var plan = await PlanAsync(statuses);
        Assert.Equal(statuses.Length, plan.Split('\n').Count(line => line.Contains($"{day}_project_id_status_id_idx", StringComparison.Ordinal)));
        Assert.DoesNotContain($"Seq Scan on {day}", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_newest_of_several_statuses_come_in_one_order_without_repeats()
    {
        var found = new List<Guid>();
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var command = new NpgsqlCommand(RunReader.ListSql("r.id", ofFlow: true, [RunStatus.Failed, RunStatus.Succeeded, RunStatus.Failed, RunStatus.NeedsDecision]), connection);
        Bind(command, limit: Runs + 1);
        command.Parameters.Add(RunSql.Value(database.Flow, NpgsqlDbType.Uuid));
        await using (var row = await command.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
                found.Add(row.GetGuid(0));
        }
        Assert.Equal(Runs, found.Distinct().Count());
        Assert.Equal(Runs, found.Count);
        Assert.Equal(found.OrderDescending(), found);
    }

    private async Task<string> PlanAsync(RunStatus[] statuses)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var command = new NpgsqlCommand($"EXPLAIN (COSTS OFF) {RunReader.ListSql("r.id, r.output", ofFlow: false, statuses)}", connection);
        Bind(command, limit: 51);
        var lines = new List<string>();
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync())
            lines.Add(row.GetString(0));
        return string.Join('\n', lines);
    }

    private void Bind(NpgsqlCommand command, int limit)
    {
        command.Parameters.Add(RunSql.Value(database.Project, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(Guid.Empty, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(Guid.AllBitsSet, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(limit, NpgsqlDbType.Integer));
    }
}
