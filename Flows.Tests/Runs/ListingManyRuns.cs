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
        await database.ExecuteAsync("INSERT INTO run_tags (run_id, tag, project_id) SELECT id, 'order ' || row_number() OVER (), project_id FROM runs");
        await database.ExecuteAsync("ANALYZE runs");
        await database.ExecuteAsync("ANALYZE run_tags");
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(RunStatus.NeedsDecision)]
    [InlineData(RunStatus.Failed, RunStatus.NeedsDecision)]
    [InlineData(RunStatus.Cancelled, RunStatus.Paused, RunStatus.TimedOut)]
    public async Task Rare_statuses_are_found_through_their_own_index(params RunStatus[] statuses)
    {
        var day = await DayAsync();
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

    [Fact]
    public async Task A_tag_is_found_through_its_own_index_and_no_run_is_read_that_has_another()
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var command = RunReader.NewestCommand(connection, "r.id", Filter() with { Tag = "nobody" });
        command.CommandText = $"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {command.CommandText}";
        var plan = await LinesAsync(command);
        Assert.Contains("project_id_tag_run_id_idx", plan, StringComparison.Ordinal);
        Assert.DoesNotContain($"Seq Scan on {await DayAsync()}", plan, StringComparison.Ordinal);
        Assert.DoesNotContain($"Seq Scan on {(await DayAsync()).Replace("runs", "run_tags", StringComparison.Ordinal)}", plan, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_text_of_an_error_is_found_through_an_index()
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var command = RunReader.NewestCommand(connection, "r.id", Filter() with { ErrorText = "nothing like it" });
        command.CommandText = $"EXPLAIN (COSTS OFF) {command.CommandText}";
        var plan = await LinesAsync(command);
        Assert.Matches(@"Index Scan on runs_\d+_expr_idx", plan);
    }

    [Theory]
    [InlineData(0.0, null, null)]
    [InlineData(400.0, null, null)]
    [InlineData(3.5, 1.25, null)]
    [InlineData(0.1, 0.01, 5.0)]
    [InlineData(100.0, 0.0, 2.5)]
    public void A_search_looks_at_its_time_in_parts_that_leave_nothing_out_and_take_nothing_twice(double fromDays, double? toDays, double? beforeDays)
    {
        var now = new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);
        var filter = Filter() with
        {
            From = fromDays == 0 ? null : now.AddDays(-fromDays),
            To = toDays is { } to ? now.AddDays(-to) : null,
            Before = beforeDays is { } before ? Guid.CreateVersion7(now.AddDays(-before)) : null,
        };
        var parts = RunReader.PartsOf(filter, now).ToList();
        Assert.Equal((filter.To, filter.From), (parts[0].To, parts[^1].From));
        Assert.All(parts.Zip(parts.Skip(1)), pair => Assert.Equal(pair.First.From, pair.Second.To));
        Assert.All(parts.SkipLast(1), part => Assert.True(part.From < (part.To ?? DateTimeOffset.MaxValue) && part.From > (filter.From ?? DateTimeOffset.MinValue)));
        Assert.InRange(parts.Count, 1, 30);
    }

    [Fact]
    public void A_search_that_ends_where_the_calendar_begins_is_one_look()
    {
        var filter = Filter() with { To = DateTimeOffset.MinValue };
        Assert.Equal(filter, Assert.Single(RunReader.PartsOf(filter, TimeProvider.System.GetUtcNow())));
    }

    private Task<string> DayAsync() => database.ValueAsync<string>("SELECT tableoid::regclass::text FROM runs LIMIT 1");

    private RunFilter Filter() => new(database.Project, null, [], null, null, null, 50);

    private async Task<string> PlanAsync(RunStatus[] statuses)
    {
        await using var connection = await database.Source.OpenConnectionAsync();
        await using var command = new NpgsqlCommand($"EXPLAIN (COSTS OFF) {RunReader.ListSql("r.id, r.output", ofFlow: false, statuses)}", connection);
        Bind(command, limit: 51);
        return await LinesAsync(command);
    }

    private static async Task<string> LinesAsync(NpgsqlCommand command)
    {
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
