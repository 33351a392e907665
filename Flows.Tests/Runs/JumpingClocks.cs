using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

/// <summary>Replicas of the API whose clocks are wrong, and jump.</summary>
[Collection(Platform.Databases)]
public sealed class JumpingClocks(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Fact]
    public async Task A_replica_that_is_an_hour_ahead_takes_a_run_back_and_its_first_worker_can_write_nothing_more()
    {
        var (right, ahead) = (new ManualClock(), new ManualClock());
        ahead.Advance(TimeSpan.FromHours(1));
        var store = database.Store(right);
        var run = await database.RunningAsync(store, "w1", right);

        var taken = await database.Store(ahead).RescueAsync(1_000, default);

        Assert.Contains(run, taken.Select(news => news.RunId));
        Assert.False(await RunsDatabase.ReportAsync(store, run, 1, [RunsDatabase.Step("late", StepStatus.Succeeded, "1")], new RunOutcome(RunStatus.Succeeded), worker: "w1"));
        var claim = Assert.Single(await store.ClaimAsync([(run, "w2")], default));
        Assert.Equal(2, claim.Attempt);
        Assert.True(await RunsDatabase.ReportAsync(store, run, 2, [RunsDatabase.Step("one", StepStatus.Succeeded, "1")], new RunOutcome(RunStatus.Succeeded), worker: "w2"));
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = $1 AND path = 'late'", run));
    }

    [Fact]
    public async Task A_replica_that_is_an_hour_behind_gives_leases_that_others_see_as_over_and_the_run_goes_on_elsewhere()
    {
        var (right, behind) = (new ManualClock(), new ManualClock());
        right.Advance(TimeSpan.FromHours(1));
        var run = await database.RunningAsync(database.Store(behind), "w1", behind);

        Assert.DoesNotContain(run, (await database.Store(behind).RescueAsync(1_000, default)).Select(news => news.RunId));
        Assert.Contains(run, (await database.Store(right).RescueAsync(1_000, default)).Select(news => news.RunId));
        // What it is told afterwards is that the run is no longer its own.
        Assert.DoesNotContain((run, 1), await database.Store(behind).RenewAsync("w1", [(run, 1)], default));
    }

    [Theory]
    [InlineData(365)]
    [InlineData(-365)]
    public async Task Runs_of_a_clock_that_is_a_year_off_are_accepted_done_and_found_and_lie_beside_the_days(int days)
    {
        var clock = new ManualClock(TimeProvider.System.GetUtcNow().AddDays(days));
        var store = database.Store(clock);
        var run = (await database.QueueAsync(store, clock: clock))[0];

        Assert.Single(await store.ClaimAsync([(run, "w1")], default));
        Assert.True(await RunsDatabase.ReportAsync(store, run, 1, [RunsDatabase.Step("one", StepStatus.Succeeded, "1")], new RunOutcome(RunStatus.Succeeded), worker: "w1"));

        Assert.Equal(RunStatus.Succeeded, await database.StatusAsync(run));
        Assert.Equal("runs_other", await database.ValueAsync<string>("SELECT tableoid::regclass::text FROM runs WHERE id = $1", run));
        Assert.Equal("run_steps_other", await database.ValueAsync<string>("SELECT tableoid::regclass::text FROM run_steps WHERE run_id = $1", run));
    }

    [Fact]
    public async Task A_run_that_was_queued_before_the_clock_went_back_is_rung_for_when_it_has_caught_up_and_a_claim_needs_no_clock()
    {
        var clock = new ManualClock();
        var late = new ManualClock();
        clock.Advance(TimeSpan.FromHours(1));
        var run = (await database.QueueAsync(database.Store(clock), clock: clock))[0];

        // The bell was rung when it was accepted; the sweeper, who would ring again, waits for the time of the row.
        Assert.DoesNotContain(run, (await database.Store(late).TakeDueAsync(1_000, default)).Select(job => job.RunId));
        Assert.Single(await database.Store(late).ClaimAsync([(run, "w1")], default));
        Assert.True(await RunsDatabase.ReportAsync(database.Store(late), run, 1, outcome: new RunOutcome(RunStatus.Succeeded), worker: "w1"));
        Assert.Equal(RunStatus.Succeeded, await database.StatusAsync(run));
        Assert.Equal(0, await database.ValueAsync<long>("SELECT active_ms FROM runs WHERE id = $1", run));
    }
}
