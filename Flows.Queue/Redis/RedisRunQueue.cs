namespace Flows.Queue.Redis;

/// <summary>The producer's side of the Redis provider.</summary>
internal sealed class RedisRunQueue(QueueShard shard) : IRunQueue
{
    public Task EnqueueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel) => shard.EnqueueAsync(jobs, cancel);

    public Task<QueueStatistics> GetStatisticsAsync(CancellationToken cancel) => shard.StatisticsAsync(cancel);
}
