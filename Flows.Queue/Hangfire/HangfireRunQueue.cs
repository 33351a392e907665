using Flows.Contracts.Runs;
using Hangfire;
using Hangfire.Storage;
using StackExchange.Redis;

namespace Flows.Queue.Hangfire;

/// <summary>The producer's side of the Hangfire provider. Hangfire's client is synchronous, so its calls are made on the thread pool.</summary>
internal sealed class HangfireRunQueue(HangfireRedis redis, IBackgroundJobClient client, JobStorage storage, TimeProvider clock) : IRunQueue, IDisposable
{
    // A mark that says "rung for, not yet delivered". Hangfire can lose a job, so the mark ends by itself and the sweeper's next ring counts.
    private static readonly TimeSpan s_mark = TimeSpan.FromMinutes(1);

    // Each call holds a thread of the pool while it waits for Redis, and the answer needs a thread of the pool: with many callers at once the
    // answers would find none, and time out.
    private readonly SemaphoreSlim _calls = new(4);

    public Task EnqueueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel) => GuardedAsync(async () =>
    {
        foreach (var job in jobs)
        {
            cancel.ThrowIfCancellationRequested();
            if (!await redis.Database.StringSetAsync(redis.Bell(job.RunId), 1, s_mark, When.NotExists))
                continue;

            // Dying on this line leaves a mark without a job: the run waits until the mark has ended and the sweeper has rung again.
            client.Enqueue<RunBell>(Lanes.Of(job.Priority), bell => bell.Run(job.RunId, job.ProjectId, (int)job.Priority));
        }
        return true;
    }, cancel);

    public Task<QueueStatistics> GetStatisticsAsync(CancellationToken cancel) => GuardedAsync(() =>
    {
        var monitor = storage.GetMonitoringApi();
        var waiting = new Dictionary<RunPriority, long>
        {
            [RunPriority.Sync] = monitor.EnqueuedCount(Lanes.Sync),
            [RunPriority.Test] = 0, // shares a lane with Normal
            [RunPriority.Normal] = monitor.EnqueuedCount(Lanes.Normal),
            [RunPriority.Bulk] = monitor.EnqueuedCount(Lanes.Bulk),
        };
        return Task.FromResult(new QueueStatistics(nameof(QueueProvider.Hangfire), waiting, OldestWait(monitor),
            Active: Lanes.All.Sum(monitor.FetchedCount), Delayed: monitor.ScheduledCount(), Dead: monitor.FailedCount()));
    }, cancel);

    private TimeSpan OldestWait(IMonitoringApi monitor)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var oldest = monitor.Queues().SelectMany(queue => queue.FirstJobs).Min(job => job.Value?.EnqueuedAt) ?? now;
        return oldest < now ? now - oldest : TimeSpan.Zero;
    }

    private async Task<T> GuardedAsync<T>(Func<Task<T>> call, CancellationToken cancel)
    {
        await _calls.WaitAsync(cancel);
        try
        {
            return await Task.Run(call, cancel);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException or BackgroundJobClientException)
        {
            throw new QueueUnavailableException($"Redis cannot be reached ({error.GetType().Name}).", error);
        }
        finally
        {
            _calls.Release();
        }
    }

    public void Dispose() => _calls.Dispose();
}
