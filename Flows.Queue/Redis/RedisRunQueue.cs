using Flows.Contracts.Runs;

namespace Flows.Queue.Redis;

/// <summary>The producer's side of the Redis provider.</summary>
internal sealed class RedisRunQueue(QueueShards shards) : IRunQueue
{
    public Task EnqueueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel) => jobs.Count switch
    {
        0 => Task.CompletedTask,
        1 => EnqueueAsync(shards.Of(jobs[0].ProjectId), jobs, cancel),
        _ when shards.All.Count == 1 => EnqueueAsync(shards.All[0], jobs, cancel),
        // A shard that is away does not keep the others from getting their jobs.
        _ => Task.WhenAll(jobs.GroupBy(job => shards.Of(job.ProjectId)).Select(some => EnqueueAsync(some.Key, [.. some], cancel))),
    };

    private async Task EnqueueAsync(QueueShard shard, IReadOnlyList<RunJob> jobs, CancellationToken cancel) =>
        shards.Rates.Enqueued(await shard.EnqueueAsync(jobs, cancel));

    public async Task<QueueStatistics> GetStatisticsAsync(CancellationToken cancel)
    {
        await shards.Rates.TryFlushAsync(cancel); // a full Redis refuses it, and still tells what is on the queue
        var all = await Task.WhenAll(shards.All.Select(shard => shard.StatisticsAsync(cancel)));
        return all.Length == 1 ? all[0] : new QueueStatistics(
            nameof(QueueProvider.Redis),
            Enum.GetValues<RunPriority>().ToDictionary(priority => priority, priority => all.Sum(one => one.Waiting.GetValueOrDefault(priority))),
            all.Max(one => one.OldestWait), all.Sum(one => one.Active), all.Sum(one => one.Delayed), all.Sum(one => one.Dead))
        {
            Backlogs = [.. all.SelectMany(one => one.Backlogs)],
            Paused = all.Sum(one => one.Paused),
            Minutes = all[0].Minutes,
            Hours = all[0].Hours,
        };
    }
}
