using Flows.Api.Migrations;
using Flows.Api.Retention;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Tests.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Tests.Retention;

[Collection(Platform.Databases)]
public sealed class ForgettingOldRuns(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    // Each test has a year of its own: days are dropped for the whole database. No host runs beside, whose housekeepers would live in the present.
    [Fact]
    public async Task A_day_goes_with_all_that_its_runs_have_left()
    {
        var day = new DateOnly(2020, 3, 5);
        var run = await FinishedRunAsync(day, large: true);
        Assert.Equal(1, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = $1", run));
        Assert.True(await database.ValueAsync<long>("SELECT count(*) FROM run_values WHERE run_id = $1", run) > 0);

        await SweepAsync(Now(2020, 4, 30));

        Assert.Equal(0, await CountAsync("runs", "id", run));
        foreach (var table in new[] { "run_steps", "run_values", "run_tags" })
            Assert.Equal(0, await CountAsync(table, "run_id", run));
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_20200305'"));
    }

    [Fact]
    public async Task A_day_within_the_time_stays_and_so_does_everything_when_nothing_is_to_be_forgotten()
    {
        var run = await FinishedRunAsync(new DateOnly(2021, 3, 5));
        await SweepAsync(new DateTimeOffset(2021, 4, 4, 23, 59, 59, TimeSpan.Zero)); // 30 days after the last moment of that day it goes
        Assert.Equal(1, await CountAsync("runs", "id", run));
        await SweepAsync(Now(2021, 12, 1), days: 0);
        Assert.Equal(1, await CountAsync("runs", "id", run));
        await SweepAsync(new DateTimeOffset(2021, 4, 5, 0, 0, 0, TimeSpan.Zero));
        Assert.Equal(0, await CountAsync("runs", "id", run));
    }

    [Fact]
    public async Task A_day_stays_while_one_of_its_runs_is_not_over()
    {
        var day = new DateOnly(2022, 3, 5);
        var clock = At(day);
        var over = await FinishedRunAsync(day);
        var store = database.Store(clock);
        var waiting = await database.RunningAsync(store, clock: clock);
        Assert.True(await RunsDatabase.ReportAsync(store, waiting, 1, outcome: new RunOutcome(RunStatus.Paused, Waits: [new WaitRequest("pause", WaitKind.Delay, clock.GetUtcNow().AddYears(10))])));

        await SweepAsync(Now(2022, 6, 1));
        Assert.Equal(1, await CountAsync("runs", "id", over));

        Assert.NotNull(await store.TryCancelAsync(database.Project, waiting, default));
        await SweepAsync(Now(2022, 6, 1));
        Assert.Equal(0, await CountAsync("runs", "id", over));
        Assert.Equal(0, await CountAsync("waitpoints", "run_id", waiting));
    }

    [Fact]
    public async Task A_long_query_is_not_waited_for_and_loses_nothing()
    {
        var run = await FinishedRunAsync(new DateOnly(2023, 3, 5));
        await using (var reader = await database.Source.OpenConnectionAsync())
        await using (var reading = await reader.BeginTransactionAsync())
        {
            await using (var query = new NpgsqlCommand("SELECT count(*) FROM runs", reader))
                await query.ExecuteScalarAsync();
            var keeper = Keeper(Now(2023, 6, 1));
            for (var look = 1; look <= 2; look++)
            {
                Assert.False(await keeper.SweepAsync(default));
                Assert.True(keeper.IsHindered);
                Assert.Equal(new GivenUp(look, Now(2023, 6, 1)), keeper.GivenUpOn(new DateOnly(2023, 3, 5)));
            }
            Assert.Equal(1, await CountAsync("runs", "id", run));
            Assert.Equal(1, await CountAsync("run_steps", "run_id", run));
        }
        await SweepAsync(Now(2023, 6, 1));
        Assert.Equal(0, await CountAsync("runs", "id", run));
    }

    [Fact]
    public async Task What_a_drop_that_broke_off_has_left_goes_with_the_next_look()
    {
        var run = await FinishedRunAsync(new DateOnly(2018, 3, 5));
        await using (var reader = await database.Source.OpenConnectionAsync())
        await using (var reading = await reader.BeginTransactionAsync())
        {
            await using (var query = new NpgsqlCommand("SELECT count(*) FROM run_steps", reader))
                await query.ExecuteScalarAsync();
            await SweepAsync(Now(2018, 6, 1));

            // The runs are gone, and whoever reads them meanwhile stands in nobody's way.
            await using (var query = new NpgsqlCommand("SELECT count(*) FROM runs WHERE id = $1", reader) { Parameters = { new() { Value = run } } })
                Assert.Equal(0L, await query.ExecuteScalarAsync());
            Assert.Equal(1, await CountAsync("run_steps", "run_id", run));
        }
        await SweepAsync(Now(2018, 6, 1));
        Assert.Equal(0, await CountAsync("run_steps", "run_id", run));
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_20180305'"));
    }

    [Fact]
    public async Task Runs_that_lie_in_no_day_are_deleted_when_they_are_over()
    {
        // No partition is made for this day: a clock was wrong.
        var clock = At(new DateOnly(2019, 3, 5));
        var store = database.Store(clock);
        var over = await EndedRunAsync(store, clock);
        var open = (await database.QueueAsync(store, clock: clock))[0];

        await SweepAsync(Now(2019, 6, 1));

        Assert.Equal(0, await CountAsync("runs", "id", over));
        Assert.Equal(0, await CountAsync("run_steps", "run_id", over));
        Assert.Equal(1, await CountAsync("runs", "id", open));
    }

    [Fact]
    public async Task Two_replicas_at_once_drop_a_day_once()
    {
        var day = new DateOnly(2024, 3, 5);
        await FinishedRunAsync(day);
        var dropped = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => new RunDays(database.Source).DropAsync(day, default)));
        Assert.Single(dropped, tables => tables > 0);
    }

    private async Task<Guid> FinishedRunAsync(DateOnly day, bool large = false)
    {
        await database.ExecuteAsync("SELECT ensure_run_partitions($1, 1)", day);
        var clock = At(day);
        return await EndedRunAsync(database.Store(clock), clock, large);
    }

    private async Task<Guid> EndedRunAsync(RunStore store, ManualClock clock, bool large = false)
    {
        var run = database.NewRun(clock) with { Tags = ["old"] };
        await store.AcceptAsync([run], default);
        Assert.Single(await store.ClaimAsync([(run.RunId, "w1")], default));
        var output = large ? $"\"{new string('x', 100_000)}\"" : "1";
        Assert.True(await RunsDatabase.ReportAsync(store, run.RunId, 1, [RunsDatabase.Step("one", StepStatus.Succeeded, output)], new RunOutcome(RunStatus.Succeeded, RawJson.Parse("1"))));
        return run.RunId;
    }

    private async Task SweepAsync(DateTimeOffset now, int days = 30)
    {
        var keeper = Keeper(now, days);
        for (var i = 0; i < 100 && await keeper.SweepAsync(default); i++)
        {
        }
    }

    private RetentionKeeper Keeper(DateTimeOffset now, int days = 30) => new(new RunDays(database.Source), Options.Create(new RetentionOptions { RunDays = days }),
        RunsDatabase.Metrics, new SchemaState(), new ManualClock(now), NullLogger<RetentionKeeper>.Instance);

    private Task<long> CountAsync(string table, string column, Guid run) => database.ValueAsync<long>($"SELECT count(*) FROM {table} WHERE {column} = $1", run);

    private static ManualClock At(DateOnly day) => new(new DateTimeOffset(day, new TimeOnly(12, 0), TimeSpan.Zero));

    private static DateTimeOffset Now(int year, int month, int day) => new(year, month, day, 12, 0, 0, TimeSpan.Zero);
}
