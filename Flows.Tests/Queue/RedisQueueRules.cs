using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.Queue.Redis;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Queue;

/// <summary>What only the Redis provider promises, and the calls a consumer makes, one by one.</summary>
[Collection(Platform.Queues)]
public sealed class RedisQueueRules(Platform platform)
{
    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public async Task Projects_take_turns_and_a_flood_delays_nobody_else()
    {
        await using var queue = NewSituation();
        var (flood, trickle) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(500, flood), None);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(3, trickle), None);

        var seen = new Arrivals(503);
        await queue.StartConsumerAsync(seen.DoneAsync, concurrency: 1);

        await seen.All;
        Assert.Equal(3, seen.Jobs.Take(7).Count(job => job.ProjectId == trickle));
    }

    [Fact]
    public async Task A_turn_shares_its_slots_evenly_and_leaves_none_empty()
    {
        await using var queue = NewSituation();
        var projects = Enumerable.Range(0, 3).Select(_ => Guid.CreateVersion7()).ToArray();
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(50, projects[0]), None);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(2, projects[1]), None);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(50, projects[2]), None);

        var turn = await Shard(queue).TurnAsync("one", [], 12, releaseExpired: false, None);

        Assert.Equal([5, 2, 5], projects.Select(project => turn.Taken.Count(delivery => delivery.Job.ProjectId == project)));
    }

    [Fact]
    public async Task A_projects_jobs_keep_their_order_and_what_is_given_back_goes_first()
    {
        await using var queue = NewSituation();
        var shard = Shard(queue);
        var jobs = QueueSituation.Jobs(6);
        await queue.Producer.EnqueueAsync(jobs, None);

        var first = await shard.TurnAsync("one", [], 3, releaseExpired: false, None);
        await shard.TurnAsync("one", [.. first.Taken], 0, releaseExpired: false, None); // not started: their outcome is "back"
        var again = await shard.TurnAsync("two", [], 6, releaseExpired: false, None);

        Assert.Equal(jobs, again.Taken.Select(delivery => delivery.Job));
        Assert.All(again.Taken, delivery => Assert.Equal(1, delivery.Number));
    }

    [Fact]
    public async Task Settling_after_the_lease_was_lost_changes_nothing()
    {
        await using var queue = NewSituation();
        var shard = Shard(queue);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), None);
        var lost = Assert.Single((await shard.TurnAsync("slow", [], 1, releaseExpired: false, None)).Taken);
        Delivery? taken = null;
        await QueueSituation.EventuallyAsync(async () =>
            (taken = (await shard.TurnAsync("other", [], 1, releaseExpired: true, None)).Taken.SingleOrDefault()) is not null);

        lost.Settle(Outcome.Done);
        await shard.TurnAsync("slow", [lost], 0, releaseExpired: false, None);

        Assert.Equal(1, (await queue.Producer.GetStatisticsAsync(None)).Active);
        Assert.Equal(2, taken!.Number);
    }

    [Fact]
    public async Task A_job_whose_delivery_was_lost_on_its_way_comes_back_with_the_next_renewal()
    {
        await using var queue = NewSituation();
        var shard = Shard(queue);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(3), None);
        var turn = await shard.TurnAsync("one", [], 3, releaseExpired: false, None); // of these answers only one is taken to have arrived

        Assert.Equal(2, await shard.RenewAsync("one", turn.Taken.Take(1), None));

        var statistics = await queue.Producer.GetStatisticsAsync(None);
        Assert.Equal((1, 2), (statistics.Active, statistics.Waiting[RunPriority.Normal]));
    }

    [Fact]
    public async Task A_ring_for_a_job_of_a_consumer_that_is_gone_takes_the_job_away_from_it()
    {
        await using var queue = NewSituation();
        var shard = Shard(queue);
        var jobs = QueueSituation.Jobs(1);
        await queue.Producer.EnqueueAsync(jobs, None);
        await shard.TurnAsync("gone", [], 1, releaseExpired: false, None);

        await QueueSituation.EventuallyAsync(async () =>
        {
            await queue.Producer.EnqueueAsync(jobs, None);
            return (await shard.TurnAsync("other", [], 1, releaseExpired: false, None)).Taken.Count == 1;
        });
    }

    [Fact]
    public async Task What_fails_at_every_delivery_ends_among_the_dead_letters()
    {
        await using var queue = new QueueSituation(platform.RedisConnectionString, ("Flows:Queue:MaxDeliveries", "2"));
        var tries = 0;
        await queue.StartConsumerAsync((_, _) =>
        {
            Interlocked.Increment(ref tries);
            throw new InvalidOperationException("always");
        });

        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), None);

        await QueueSituation.EventuallyAsync(async () => (await queue.Producer.GetStatisticsAsync(None)).Dead == 1);
        await queue.EmptyAsync();
        Assert.Equal(2, tries);
    }

    [Fact]
    public async Task A_dead_letter_is_requeued_or_discarded_once()
    {
        await using var queue = new QueueSituation(platform.RedisConnectionString, ("Flows:Queue:MaxDeliveries", "1"));
        var jobs = QueueSituation.Jobs(2);
        var isWell = false;
        var seen = new Arrivals(1);
        await queue.StartConsumerAsync((job, stopping) =>
            Volatile.Read(ref isWell) ? seen.DoneAsync(job, stopping) : throw new InvalidOperationException("always"));
        await queue.Producer.EnqueueAsync(jobs, None);
        await QueueSituation.EventuallyAsync(async () => (await queue.Producer.GetStatisticsAsync(None)).Dead == 2);
        var desk = Desk(queue);
        var letters = (await desk.GetOverviewAsync(10, None)).Dead.ToDictionary(letter => letter.Job);
        Volatile.Write(ref isWell, true);

        Assert.True(await desk.DiscardAsync(letters[jobs[0]], None));
        Assert.True(await desk.RequeueAsync(letters[jobs[1]], None));
        Assert.False(await desk.RequeueAsync(letters[jobs[1]], None));

        await seen.All;
        await queue.EmptyAsync();
        Assert.Equal(jobs[1], Assert.Single(seen.Jobs));
        Assert.Equal(0, (await queue.Producer.GetStatisticsAsync(None)).Dead);
    }

    [Fact]
    public async Task A_projects_limit_holds_while_others_use_the_room_and_a_dead_workers_share_comes_back()
    {
        await using var queue = NewSituation();
        var (limited, free) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        var (shard, desk) = (Shard(queue), Desk(queue));
        await desk.LimitAsync(new Dictionary<Guid, int> { [limited] = 2 }, forOthers: null, None);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(10, limited), None);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(10, free), None);

        var first = await shard.TurnAsync("doomed", [], 8, releaseExpired: false, None);
        var second = await shard.TurnAsync("other", [], 8, releaseExpired: false, None);
        Assert.Equal((2, 6), Count(first));
        Assert.Equal((0, 4), Count(second));

        second.Taken[0].Settle(Outcome.Done); // the room of another project is not this one's
        Assert.Empty((await shard.TurnAsync("other", [second.Taken[0]], 8, releaseExpired: false, None)).Taken);

        var back = 0;
        await QueueSituation.EventuallyAsync(async () =>
            (back += Count(await shard.TurnAsync("third", [], 8, releaseExpired: true, None)).Limited) == 2); // the lease of the doomed ends
        Assert.DoesNotContain((await shard.TurnAsync("third", [], 8, releaseExpired: false, None)).Taken, delivery => delivery.Job.ProjectId == limited);

        (int Limited, int Free) Count(Turn turn) =>
            (turn.Taken.Count(delivery => delivery.Job.ProjectId == limited), turn.Taken.Count(delivery => delivery.Job.ProjectId == free));
    }

    [Fact]
    public async Task A_paused_project_waits_behind_nobody_and_goes_on_when_it_is_resumed()
    {
        await using var queue = NewSituation();
        var paused = Enumerable.Range(0, 20).Select(_ => Guid.CreateVersion7()).ToArray();
        var desk = Desk(queue);
        await desk.LimitAsync(paused.ToDictionary(project => project, _ => 0), forOthers: 1, None);
        await queue.Producer.EnqueueAsync([.. paused.Select(project => QueueSituation.Job(project, RunPriority.Sync))], None);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(3), None);
        var (others, all) = (new Arrivals(3), new Arrivals(23));
        await queue.StartConsumerAsync(async (job, stopping) =>
        {
            await others.DoneAsync(job, stopping);
            return await all.DoneAsync(job, stopping);
        }, concurrency: 2);

        await others.All;
        Assert.All(all.Jobs, job => Assert.DoesNotContain(job.ProjectId, paused));
        await desk.LimitAsync(new Dictionary<Guid, int>(), forOthers: null, None);

        await all.All;
        await queue.EmptyAsync();
    }

    [Fact]
    public async Task Not_now_may_be_said_more_often_than_a_job_may_fail()
    {
        await using var queue = new QueueSituation(platform.RedisConnectionString, ("Flows:Queue:MaxDeliveries", "2"));
        var tries = 0;
        var done = Signal.New();
        await queue.StartConsumerAsync((_, _) =>
        {
            if (Interlocked.Increment(ref tries) < 6)
                return Task.FromResult(JobSettlement.NotNow(TimeSpan.Zero));
            done.SetResult();
            return Task.FromResult(JobSettlement.Done);
        });

        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), None);

        await done.Task.WaitAsync(QueueSituation.Limit);
    }

    [Fact]
    public async Task Statistics_tell_what_waits_for_how_long_and_what_is_held()
    {
        await using var queue = NewSituation();
        await queue.Producer.EnqueueAsync(
            [.. QueueSituation.Jobs(3), .. QueueSituation.Jobs(2, Guid.CreateVersion7(), RunPriority.Bulk)], None);
        await Shard(queue).TurnAsync("one", [], 1, releaseExpired: false, None);

        var statistics = await queue.Producer.GetStatisticsAsync(None);

        Assert.Equal("Redis", statistics.Provider);
        Assert.Equal((2, 2, 1), (statistics.Waiting[RunPriority.Normal], statistics.Waiting[RunPriority.Bulk], statistics.Active));
        Assert.InRange(statistics.OldestWait, TimeSpan.Zero, QueueSituation.Limit);
        Assert.Equal([(RunPriority.Normal, 2L), (RunPriority.Bulk, 2L)], statistics.Backlogs.Select(backlog => (backlog.Priority, backlog.Waiting)));
    }

    [Fact]
    public async Task A_paused_flows_jobs_are_held_back_and_go_first_when_it_is_resumed()
    {
        await using var queue = NewSituation();
        var (paused, other, project) = (Guid.CreateVersion7(), Guid.CreateVersion7(), Guid.CreateVersion7());
        var (shard, desk) = (Shard(queue), Desk(queue));
        var held = QueueSituation.Jobs(1_500, project);
        var free = QueueSituation.Jobs(2, project);
        await queue.Producer.EnqueueAsync([.. held.Select(job => job with { FlowId = paused }), .. free.Select(job => job with { FlowId = other })], None);
        await desk.LimitAsync(new Dictionary<Guid, int>(), forOthers: null, [paused], None);

        var first = await shard.TurnAsync("one", [], 10, releaseExpired: false, None);
        Assert.True(first.IsCut); // a thousand were laid aside, and the consumer asks again
        Assert.Empty(first.Taken);
        var second = await shard.TurnAsync("one", [], 10, releaseExpired: false, None);
        Assert.Equal(free, second.Taken.Select(taken => taken.Job));
        var now = await queue.Producer.GetStatisticsAsync(None);
        Assert.Equal((0, 1_500, 2), (now.Waiting[RunPriority.Normal], now.Paused, now.Active));
        await queue.Producer.EnqueueAsync([held[0] with { FlowId = paused }], None); // it waits already
        Assert.Empty((await shard.TurnAsync("one", [], 10, releaseExpired: false, None)).Taken);

        var later = QueueSituation.Jobs(1, project);
        await queue.Producer.EnqueueAsync(later, None);
        await desk.LimitAsync(new Dictionary<Guid, int>(), forOthers: null, None);
        var all = new List<RunJob>();
        for (Turn turn; (turn = await shard.TurnAsync("one", [], 500, releaseExpired: false, None)).Taken.Count > 0;)
            all.AddRange(turn.Taken.Select(taken => taken.Job));
        Assert.Equal([.. held, .. later], all);
        Assert.Equal(0, (await queue.Producer.GetStatisticsAsync(None)).Paused);
    }

    [Fact]
    public async Task A_job_keeps_its_flow_over_a_failure_and_a_second_ring()
    {
        await using var queue = NewSituation();
        var flow = Guid.CreateVersion7();
        var (shard, desk) = (Shard(queue), Desk(queue));
        var jobs = QueueSituation.Jobs(3).Select(job => job with { FlowId = flow }).ToList();
        await queue.Producer.EnqueueAsync(jobs, None);
        var taken = (await shard.TurnAsync("one", [], 3, releaseExpired: false, None)).Taken;
        await queue.Producer.EnqueueAsync([jobs[2]], None); // while it is held
        await desk.LimitAsync(new Dictionary<Guid, int>(), forOthers: null, [flow], None);

        taken[0].Settle(Outcome.Failed);
        taken[1].Settle(Outcome.Back);
        taken[2].Settle(Outcome.Done);
        await shard.TurnAsync("one", taken, 0, releaseExpired: false, None);

        await QueueSituation.EventuallyAsync(async () =>
        {
            Assert.Empty((await shard.TurnAsync("one", [], 3, releaseExpired: false, None)).Taken);
            return (await queue.Producer.GetStatisticsAsync(None)) is { Paused: 3, Active: 0, Delayed: 0 };
        });
    }

    [Fact]
    public async Task What_was_enqueued_finished_and_failed_is_counted_by_the_minute_and_the_hour()
    {
        var clock = new ManualClock(new DateTimeOffset(2026, 5, 4, 10, 59, 30, TimeSpan.Zero));
        await using var queue = new QueueSituation(platform.RedisConnectionString) { Adapt = services => services.AddSingleton<TimeProvider>(clock) };
        var job = QueueSituation.Job();
        await queue.Producer.EnqueueAsync([job, .. QueueSituation.Jobs(4)], None);
        await queue.Producer.EnqueueAsync([job], None); // waits already: not counted
        Assert.Equal([new QueueRate(At(10, 59), 5, 0, 0)], (await queue.Producer.GetStatisticsAsync(None)).Minutes);

        clock.Advance(TimeSpan.FromMinutes(1));
        var rates = queue.ProducerHost.Services.GetRequiredService<QueueShards>().Rates;
        rates.Finished(3);
        rates.Failed(2);
        await queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), None);
        var now = await queue.Producer.GetStatisticsAsync(None);
        Assert.Equal([new QueueRate(At(10, 59), 5, 0, 0), new QueueRate(At(11, 0), 1, 3, 2)], now.Minutes);
        Assert.Equal([new QueueRate(At(10, 0), 5, 0, 0), new QueueRate(At(11, 0), 1, 3, 2)], now.Hours);

        clock.Advance(TimeSpan.FromMinutes(59)); // 11:59: what is an hour old is dropped
        rates.Failed(1);
        now = await queue.Producer.GetStatisticsAsync(None);
        Assert.Equal([new QueueRate(At(11, 0), 1, 3, 2), new QueueRate(At(11, 59), 0, 0, 1)], now.Minutes);
        Assert.Equal([new QueueRate(At(10, 0), 5, 0, 0), new QueueRate(At(11, 0), 1, 3, 3)], now.Hours);

        static DateTimeOffset At(int hour, int minute) => new(2026, 5, 4, hour, minute, 0, TimeSpan.Zero);
    }

    [Theory]
    [InlineData("Flows:Queue:Provider", "Kafka", "Flows:Queue:Provider")]
    public async Task A_provider_that_does_not_exist_is_refused(string key, string value, string named)
    {
        await using var queue = new QueueSituation(platform.RedisConnectionString, (key, value));
        var error = Assert.Throws<InvalidOperationException>(() => queue.Build(builder => builder.AddRunQueue()));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_out_of_range_stops_the_start_and_is_named()
    {
        await using var queue = new QueueSituation(platform.RedisConnectionString, ("Flows:Queue:Lease", "00:00:00"));
        var error = await Assert.ThrowsAnyAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => queue.Build(builder => builder.AddRunQueue()).StartAsync());
        Assert.Contains("Lease", error.Message, StringComparison.Ordinal);
    }

    private QueueSituation NewSituation() => new(platform.RedisConnectionString, ("Flows:Queue:Lease", "00:00:02"));

    private static RedisQueueDesk Desk(QueueSituation queue) =>
        queue.Build(builder => builder.AddRunQueue()).Services.GetRequiredService<RedisQueueDesk>();

    private static QueueShard Shard(QueueSituation queue) =>
        queue.Build(builder => builder.AddRunQueue()).Services.Shard();
}
