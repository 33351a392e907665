using Flows.Queue;

namespace Flows.Tests.Queue;

/// <summary>Redis goes away, comes back, forgets or is full. The sweeper of the API is played by enqueueing again what has not been seen.</summary>
public sealed class RedisOutages : IDisposable
{
    private readonly PrivateRedis _redis = new();

    public void Dispose() => _redis.Dispose();

    [Fact]
    public async Task A_restart_in_the_middle_loses_nothing_that_was_enqueued()
    {
        _redis.Start();
        await using var queue = NewSituation();
        await queue.EmptyAsync();
        var jobs = QueueSituation.Jobs(120);
        var (seen, half) = (new Seen(), Signal.New());
        await queue.StartConsumerAsync(async (job, _) =>
        {
            if (seen.Add(job) == 40)
                half.TrySetResult();
            await Task.Yield();
            return JobSettlement.Done;
        }, concurrency: 1);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);

        await half.Task.WaitAsync(QueueSituation.Limit);
        _redis.Kill();
        _redis.Start();

        await QueueSituation.EventuallyAsync(() => Task.FromResult(seen.Count == jobs.Count));
        await queue.EmptyAsync();
    }

    [Fact]
    public async Task Jobs_whose_delivery_was_lost_on_its_way_come_again_to_a_lone_consumer()
    {
        _redis.Start();
        await using var direct = NewSituation();
        await direct.EmptyAsync();
        await using var proxy = new LossyProxy(_redis.ConnectionString);
        await using var queue = new QueueSituation(proxy.ConnectionString, ("Flows:Queue:CommandTimeout", "00:00:01"));
        var job = QueueSituation.Job();
        var seen = new Seen();
        proxy.LoseAnswerWith(job.RunId.ToString("N"));
        await queue.Producer.EnqueueAsync([job], CancellationToken.None);

        await queue.StartConsumerAsync((delivered, _) =>
        {
            seen.Add(delivered);
            return Task.FromResult(JobSettlement.Done);
        });

        await QueueSituation.EventuallyAsync(() => Task.FromResult(seen.Count == 1));
        Assert.True(proxy.HasLost);
        await queue.EmptyAsync();
    }

    [Fact]
    public async Task A_flush_in_the_middle_is_healed_by_enqueueing_again()
    {
        _redis.Start();
        await using var queue = NewSituation();
        await queue.EmptyAsync();
        var jobs = QueueSituation.Jobs(120);
        var (seen, some) = (new Seen(), Signal.New());
        await queue.StartConsumerAsync(async (job, _) =>
        {
            if (seen.Add(job) == 40)
                some.TrySetResult();
            await Task.Yield();
            return JobSettlement.Done;
        }, concurrency: 1);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);

        await some.Task.WaitAsync(QueueSituation.Limit);
        Assert.StartsWith("+OK", await _redis.CommandAsync("FLUSHALL"), StringComparison.Ordinal);
        Assert.StartsWith("+OK", await _redis.CommandAsync("SCRIPT FLUSH"), StringComparison.Ordinal);

        await queue.Producer.EnqueueAsync([.. jobs.Where(job => !seen.Contains(job))], CancellationToken.None);
        await QueueSituation.EventuallyAsync(() => Task.FromResult(seen.Count == jobs.Count));
        await queue.EmptyAsync();
    }

    [Fact]
    public async Task A_process_starts_without_Redis_and_works_once_it_is_there()
    {
        await using var queue = NewSituation();
        var seen = new Arrivals(1);
        await queue.StartConsumerAsync(seen.DoneAsync).WaitAsync(QueueSituation.Limit);
        await Assert.ThrowsAsync<QueueUnavailableException>(
            () => queue.Producer.EnqueueAsync([QueueSituation.Job()], CancellationToken.None));

        _redis.Start();
        await QueueSituation.EventuallyAsync(async () =>
        {
            await queue.Producer.EnqueueAsync([QueueSituation.Job()], CancellationToken.None);
            return true;
        });

        await seen.All;
    }

    [Fact]
    public async Task A_full_Redis_refuses_new_jobs_and_lets_the_old_ones_drain()
    {
        _redis.Start("--maxmemory-policy", "noeviction");
        await using var queue = NewSituation();
        await queue.EmptyAsync();
        var jobs = QueueSituation.Jobs(200);
        await queue.Producer.EnqueueAsync(jobs, CancellationToken.None);
        Assert.StartsWith("+OK", await _redis.CommandAsync("CONFIG SET maxmemory 1"), StringComparison.Ordinal);

        await Assert.ThrowsAsync<QueueUnavailableException>(
            () => queue.Producer.EnqueueAsync([QueueSituation.Job()], CancellationToken.None));
        var seen = new Arrivals(jobs.Count);
        await queue.StartConsumerAsync(async (job, stopping) =>
        {
            if (job == jobs[0])
                await Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None); // longer than the lease: renewing works too
            return await seen.DoneAsync(job, stopping);
        });

        await seen.All;
        await queue.EmptyAsync();
        Assert.Equal(jobs.Count, seen.Jobs.Count);
    }

    private QueueSituation NewSituation() => new(_redis.ConnectionString,
        ("Flows:Queue:Lease", "00:00:02"), ("Flows:Queue:CommandTimeout", "00:00:01"));

    private sealed class Seen
    {
        private readonly HashSet<Guid> _runs = [];

        public int Count { get { lock (_runs) return _runs.Count; } }

        public int Add(Flows.Queue.RunJob job) { lock (_runs) { _runs.Add(job.RunId); return _runs.Count; } }

        public bool Contains(Flows.Queue.RunJob job) { lock (_runs) return _runs.Contains(job.RunId); }
    }
}
