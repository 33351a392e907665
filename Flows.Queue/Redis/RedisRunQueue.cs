using Flows.Contracts.Runs;

namespace Flows.Queue.Redis;

/// <summary>The producer's side of the Redis provider.</summary>
internal sealed class RedisRunQueue(QueueShards shards) : IRunQueue
{
    public Task EnqueueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel) => jobs.Count switch
    {
        0 => Task.CompletedTask,
        1 => shards.Of(jobs[0].ProjectId).EnqueueAsync(jobs, cancel),
        _ when shards.All.Count == 1 => shards.All[0].EnqueueAsync(jobs, cancel),
        // A shard that is away does not keep the others from getting their jobs.
        _ => Task.WhenAll(jobs.GroupBy(job => shards.Of(job.ProjectId)).Select(some => some.Key.EnqueueAsync([.. some], cancel))),
    };

    public async Task<QueueStatistics> GetStatisticsAsync(CancellationToken cancel)
    {
        var all = await Task.WhenAll(shards.All.Select(shard => shard.StatisticsAsync(cancel)));
        return all.Length == 1 ? all[0] : new QueueStatistics(
            nameof(QueueProvider.Redis),
            Enum.GetValues<RunPriority>().ToDictionary(priority => priority, priority => all.Sum(one => one.Waiting.GetValueOrDefault(priority))),
            all.Max(one => one.OldestWait), all.Sum(one => one.Active), all.Sum(one => one.Delayed), all.Sum(one => one.Dead))
        {
            Backlogs = [.. all.SelectMany(one => one.Backlogs)],
        };
    }
}
