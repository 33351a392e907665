using System.Collections.Concurrent;
using Flows.Contracts.Runs;
using Flows.Queue;

namespace Flows.Tests.Queue;

/// <summary>What every provider promises, shown through the contract alone.</summary>
public abstract class QueueConformance
{
    /// <summary>How long a consumer that is gone keeps its jobs at most, in the situations made here.</summary>
    protected abstract TimeSpan Lease { get; }

    protected abstract QueueSituation NewSituation();

    /// <summary>The order in which one slot gets the priorities that wait; the default is the strict one.</summary>
    protected virtual IEnumerable<RunPriority> InOrder(IEnumerable<RunPriority> given) => given.Order();

    /// <summary>Whether the provider itself, without the sweeper, gives the jobs of a killed process to another within the limit of a test.</summary>
    protected virtual bool RecoversByItself => true;

    [Fact]
    public async Task Every_job_is_delivered_and_none_is_left_over()
    {
        await using var queue = NewSituation();
        var jobs = Enumerable.Range(0, 20).SelectMany(_ => QueueSituation.Jobs(50, Guid.CreateVersion7())).ToList();
        var seen = new Arrivals(jobs.Count);
        await queue.StartConsumerAsync(seen.DoneAsync);
        await queue.StartConsumerAsync(seen.DoneAsync);

        await Task.WhenAll(jobs.Chunk(7).Select(some => queue.Producer.EnqueueAsync(some, CancellationToken.None)));

        await seen.All;
        await queue.EmptyAsync();
        Assert.Equal(jobs.ToHashSet(), seen.Jobs.ToHashSet()); // with project and priority as they were given
        Assert.Equal(jobs.Count, seen.Jobs.Count);
    }

    [Fact]
    public async Task A_run_that_waits_already_is_left_where_it_is()
    {
        await using var queue = NewSituation();
        var job = QueueSituation.Job();
        await queue.Producer.EnqueueAsync([job, job], CancellationToken.None);
        await queue.Producer.EnqueueAsync([job], CancellationToken.None);
        await queue.Producer.EnqueueAsync([job with { Priority = RunPriority.Sync }], CancellationToken.None);

        var seen = new Arrivals(1);
        await queue.StartConsumerAsync(seen.DoneAsync);

        await seen.All;
        await queue.EmptyAsync();
        Assert.Single(seen.Jobs);
    }

    [Fact]
    public async Task A_ring_for_a_run_that_is_being_handled_is_heard_after_it()
    {
        await using var queue = NewSituation();
        var job = QueueSituation.Job();
        var (started, goOn) = (Signal.New(), Signal.New());
        var seen = new Arrivals(2);
        await queue.StartConsumerAsync(async (delivered, _) =>
        {
            started.TrySetResult();
            await goOn.Task;
            return await seen.DoneAsync(delivered, CancellationToken.None);
        });

        await queue.Producer.EnqueueAsync([job], CancellationToken.None);
        await started.Task.WaitAsync(QueueSituation.Limit);
        await queue.Producer.EnqueueAsync([job], CancellationToken.None);
        await queue.Producer.EnqueueAsync([job], CancellationToken.None);
        goOn.SetResult();

        await seen.All;
        await queue.EmptyAsync();
        Assert.InRange(seen.Jobs.Count, 2, 3);
    }

    [Fact]
    public async Task The_more_urgent_goes_first()
    {
        await using var queue = NewSituation();
        RunPriority[] given = [RunPriority.Bulk, RunPriority.Normal, RunPriority.Sync, RunPriority.Test, RunPriority.Bulk, RunPriority.Sync];
        await queue.Producer.EnqueueAsync([.. given.Select(priority => QueueSituation.Job(default, priority))], CancellationToken.None);

        var seen = new Arrivals(given.Length);
        await queue.StartConsumerAsync(seen.DoneAsync, concurrency: 1);

        await seen.All;
        Assert.Equal(InOrder(given), seen.Jobs.Select(job => job.Priority));
    }

    [Fact]
    public async Task All_slots_are_used_and_never_more()
    {
        await using var queue = NewSituation();
        var seen = new Arrivals(60);
        var (running, most, full) = (0, 0, Signal.New());
        await queue.StartConsumerAsync(async (job, _) =>
        {
            var now = Interlocked.Increment(ref running);
            InterlockedMax(ref most, now);
            if (now == 4)
                full.TrySetResult();
            await full.Task;
            await Task.Yield();
            Interlocked.Decrement(ref running);
            return await seen.DoneAsync(job, CancellationToken.None);
        }, concurrency: 4);

        await queue.Producer.EnqueueAsync(
            [.. QueueSituation.Jobs(30), .. QueueSituation.Jobs(30, default, RunPriority.Bulk)], CancellationToken.None);

        await seen.All;
        Assert.Equal(4, most);
    }

    [Fact]
    public async Task What_a_handler_throws_stops_nobody_and_the_job_comes_back()
    {
        await using var queue = NewSituation();
        var poor = QueueSituation.Job();
        var seen = new Arrivals(11);
        var failed = 0;
        await queue.StartConsumerAsync((job, stopping) => job == poor && Interlocked.Increment(ref failed) == 1
            ? throw new InvalidOperationException("a handler's mistake")
            : seen.DoneAsync(job, stopping), concurrency: 2);

        await queue.Producer.EnqueueAsync([poor, .. QueueSituation.Jobs(10)], CancellationToken.None);

        await seen.All;
        await queue.EmptyAsync();
        Assert.Contains(poor, seen.Jobs);
    }

    [Fact]
    public async Task Not_now_comes_back_when_its_time_has_come_and_not_before()
    {
        await using var queue = NewSituation();
        var delay = TimeSpan.FromSeconds(1);
        var times = new ConcurrentQueue<long>();
        var back = Signal.New();
        await queue.StartConsumerAsync((_, _) =>
        {
            times.Enqueue(TimeProvider.System.GetTimestamp());
            if (times.Count == 1)
                return Task.FromResult(JobSettlement.NotNow(delay));
            back.TrySetResult();
            return Task.FromResult(JobSettlement.Done);
        });

        await queue.Producer.EnqueueAsync([QueueSituation.Job()], CancellationToken.None);

        await back.Task.WaitAsync(QueueSituation.Limit);
        await queue.EmptyAsync();
        var waited = TimeProvider.System.GetElapsedTime(times.First(), times.Last());
        Assert.True(waited >= delay - TimeSpan.FromMilliseconds(20), $"after {waited}");
    }

    [Fact]
    public async Task A_handler_that_outlives_every_lease_is_not_started_beside_itself()
    {
        await using var queue = NewSituation();
        var seen = new Arrivals(1);
        var starts = 0;
        async Task<JobSettlement> Slow(RunJob job, CancellationToken stopping)
        {
            Interlocked.Increment(ref starts);
            await Task.Delay(Lease * 3, CancellationToken.None);
            return await seen.DoneAsync(job, stopping);
        }
        await queue.StartConsumerAsync(Slow);
        await queue.StartConsumerAsync(Slow);

        await queue.Producer.EnqueueAsync([QueueSituation.Job()], CancellationToken.None);

        await seen.All;
        await queue.EmptyAsync();
        Assert.Equal(1, starts);
    }

    [Fact]
    public async Task The_jobs_of_a_killed_consumer_go_to_another()
    {
        await using var queue = NewSituation();
        var jobs = QueueSituation.Jobs(20);
        var held = Signal.New();
        var count = 0;
        var doomed = await queue.StartConsumerAsync(async (_, stopping) =>
        {
            if (Interlocked.Increment(ref count) == 4) // of five slots: a provider may keep one for bulk work
                held.TrySetResult();
            await Task.Delay(Timeout.Infinite, stopping);
            return JobSettlement.Done;
        }, concurrency: 5);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);
        await held.Task.WaitAsync(QueueSituation.Limit);

        doomed.Kill();
        var seen = new Arrivals(jobs.Count);
        await queue.StartConsumerAsync(seen.DoneAsync);
        if (!RecoversByItself)
        {
            // The sweeper: what has not been seen is rung for again.
            await QueueSituation.EventuallyAsync(async () => (await queue.Producer.GetStatisticsAsync(CancellationToken.None)).Waiting.Values.Sum() == 0);
            await queue.Producer.EnqueueAsync([.. jobs.Except(seen.Jobs)], CancellationToken.None);
        }

        await seen.All;
        if (RecoversByItself)
            await queue.EmptyAsync();
        Assert.Equal(jobs.ToHashSet(), seen.Jobs.ToHashSet());
    }

    [Fact]
    public async Task A_stopping_consumer_finishes_what_runs_and_leaves_the_rest_to_others()
    {
        await using var queue = NewSituation();
        var jobs = QueueSituation.Jobs(20);
        var seen = new Arrivals(jobs.Count);
        var (started, told) = (Signal.New(), Signal.New());
        var first = await queue.StartConsumerAsync(async (job, stopping) =>
        {
            await using var _ = stopping.UnsafeRegister(_ => told.TrySetResult(), null);
            started.TrySetResult();
            await told.Task; // works on until it is asked to come to an end
            return await seen.DoneAsync(job, CancellationToken.None);
        }, concurrency: 3);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);
        await started.Task.WaitAsync(QueueSituation.Limit);

        await first.StopAsync().WaitAsync(QueueSituation.Limit);
        Assert.InRange(seen.Jobs.Count, 1, 3);
        await queue.StartConsumerAsync(seen.DoneAsync);

        await seen.All;
        await queue.EmptyAsync();
        Assert.Equal(jobs.Count, seen.Jobs.Count); // and none of them twice
    }

    protected static void InterlockedMax(ref int most, int now)
    {
        for (var seen = most; now > seen && Interlocked.CompareExchange(ref most, now, seen) is var found && found != seen; seen = found)
        {
        }
    }
}

/// <summary>Counts deliveries and says when the last expected one is there.</summary>
public sealed class Arrivals(int expected)
{
    private readonly TaskCompletionSource _all = Signal.New();
    private readonly ConcurrentDictionary<Guid, bool> _runs = new();

    public ConcurrentQueue<RunJob> Jobs { get; } = new();

    /// <summary>Done when so many deliveries came as were expected; fails after a while.</summary>
    public Task All => _all.Task.WaitAsync(QueueSituation.Limit);

    /// <summary>As <see cref="All"/>, with a limit of the test's own.</summary>
    public Task WithinAsync(TimeSpan limit) => _all.Task.WaitAsync(limit);

    /// <summary>How many different runs came.</summary>
    public int Runs => _runs.Count;

    public Task<JobSettlement> DoneAsync(RunJob job, CancellationToken stopping)
    {
        Jobs.Enqueue(job);
        _runs.TryAdd(job.RunId, true);
        if (Jobs.Count >= expected)
            _all.TrySetResult();
        return Task.FromResult(JobSettlement.Done);
    }
}

internal static class Signal
{
    public static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
