using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

[Collection(Platform.Databases)]
public sealed class RescuingRuns(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Fact]
    public async Task Two_rescuers_take_each_expired_run_once()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var runs = await database.QueueAsync(store, 300, clock);
        await store.ClaimAsync([.. runs.Select(run => (run, "dead"))], default);
        clock.Advance(TimeSpan.FromSeconds(6.1));

        async Task<List<Guid>> RescueAsync()
        {
            var mine = new List<Guid>();
            while (await store.RescueAsync(20, default) is { Count: > 0 } some)
                mine.AddRange(some.Select(run => run.RunId));
            return mine;
        }

        var rescued = await Task.WhenAll(RescueAsync(), RescueAsync());

        Assert.Equal(runs.Order(), rescued.SelectMany(some => some).Where(runs.Contains).Order());
        Assert.Equal(300, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE id = ANY($1) AND status = 0 AND attempt = 1 AND lost_leases = 1", runs));
    }

    [Fact]
    public async Task A_live_lease_is_left_alone()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var run = await database.RunningAsync(store, clock: clock);
        clock.Advance(TimeSpan.FromSeconds(5.9));
        Assert.DoesNotContain(run, (await store.RescueAsync(100, default)).Select(news => news.RunId));
    }

    [Fact]
    public async Task A_run_whose_worker_is_lost_every_time_fails_with_the_reason()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var run = (await database.QueueAsync(store, clock: clock))[0];
        for (var attempt = 1; attempt <= 5; attempt++)
        {
            Assert.Equal(attempt, Assert.Single(await store.ClaimAsync([(run, "dead")], default)).Attempt);
            clock.Advance(TimeSpan.FromSeconds(9));
            await store.RescueAsync(100, default);
        }
        Assert.Equal(RunStatus.Failed, await database.StatusAsync(run));
        Assert.Equal("attempts_exhausted", await database.ValueAsync<string>("SELECT error->>'code' FROM runs WHERE id = $1", run));
    }

    [Fact]
    public async Task Claims_that_were_given_back_do_not_use_attempts_up()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var run = (await database.QueueAsync(store, clock: clock))[0];
        for (var attempt = 1; attempt <= 12; attempt++)
        {
            Assert.Single(await store.ClaimAsync([(run, "w1")], default));
            if (attempt % 3 == 0)
            {
                Assert.True(await RunsDatabase.ReportAsync(store, run, attempt, outcome: new RunOutcome(RunStatus.Queued)));
                continue;
            }
            clock.Advance(TimeSpan.FromSeconds(9));
            await store.RescueAsync(100, default);
        }
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
    }

    [Fact]
    public async Task A_run_that_kills_every_engine_fails_with_what_the_last_one_died_of()
    {
        var store = database.Store();
        var run = (await database.QueueAsync(store))[0];
        var crashed = new RunOutcome(RunStatus.Queued, Error: new StepError("engine_crashed", "The engine ended while step 'deep' was running (exit code 134)."), FailedStep: "deep");
        for (var attempt = 1; attempt <= 5; attempt++)
        {
            Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
            Assert.Single(await store.ClaimAsync([(run, "w1")], default));
            Assert.True(await RunsDatabase.ReportAsync(store, run, attempt, outcome: crashed));
        }
        Assert.Equal(RunStatus.Failed, await database.StatusAsync(run));
        Assert.Equal("engine_crashed deep", await database.ValueAsync<string>("SELECT (error->>'code') || ' ' || failed_step FROM runs WHERE id = $1", run));
        Assert.Empty(await store.ClaimAsync([(run, "w1")], default));
    }

    [Fact]
    public async Task An_unclaimed_run_is_due_after_ten_seconds_and_then_less_and_less_often()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var run = (await database.QueueAsync(store, clock: clock))[0];
        var start = clock.GetUtcNow();
        var rung = new List<double>();
        for (var second = 0; second < 300; second++)
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            if ((await store.TakeDueAsync(1000, default)).Any(job => job.RunId == run))
                rung.Add((clock.GetUtcNow() - start).TotalSeconds);
        }
        Assert.Equal([10, 20, 40, 80, 140, 200, 260], rung);
    }

    [Fact]
    public async Task Two_sweepers_do_not_ring_for_the_same_run()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var runs = await database.QueueAsync(store, 200, clock);
        clock.Advance(TimeSpan.FromSeconds(11));

        async Task<List<Guid>> SweepAsync()
        {
            var mine = new List<Guid>();
            while (await store.TakeDueAsync(10, default) is { Count: > 0 } some)
                mine.AddRange(some.Select(job => job.RunId));
            return mine;
        }

        var rung = await Task.WhenAll(SweepAsync(), SweepAsync());
        Assert.Equal(runs.Order(), rung.SelectMany(some => some).Where(runs.Contains).Order());
    }
}
