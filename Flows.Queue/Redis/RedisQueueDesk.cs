namespace Flows.Queue.Redis;

/// <summary>
/// What a person or a page does with the queue of the Redis provider beyond <see cref="IRunQueue"/>. Among the services only when that
/// provider carries the jobs; Hangfire has a page of its own. Every call throws <see cref="QueueUnavailableException"/> when Redis is away.
/// </summary>
public sealed class RedisQueueDesk
{
    private readonly QueueShards _shards;

    internal RedisQueueDesk(QueueShards shards) => _shards = shards;

    /// <summary>Says anew which projects have a limit. Redis may forget it: say it again now and then.</summary>
    /// <param name="limits">Jobs in work at a time, for each project that has a limit; 0 pauses the project. At most 10,000.</param>
    /// <param name="forOthers">What holds for every other project; null: no limit.</param>
    /// <param name="pausedFlows">Flows whose jobs are held back; those of flows that are not named any more go back to the front. At most 10,000.</param>
    public Task LimitAsync(IReadOnlyDictionary<Guid, int> limits, int? forOthers, IReadOnlyCollection<Guid> pausedFlows, CancellationToken cancel) =>
        Task.WhenAll(_shards.All.Select(shard =>
            shard.LimitAsync(limits.Where(limit => _shards.Of(limit.Key) == shard).ToDictionary(), forOthers, pausedFlows, cancel)));

    public Task LimitAsync(IReadOnlyDictionary<Guid, int> limits, int? forOthers, CancellationToken cancel) =>
        LimitAsync(limits, forOthers, [], cancel);

    /// <param name="most">The most entries of each kind, from 1 to 1,000.</param>
    public async Task<QueueOverview> GetOverviewAsync(int most, CancellationToken cancel)
    {
        var all = await Task.WhenAll(_shards.All.Select(shard => shard.OverviewAsync(Math.Clamp(most, 1, 1000), cancel)));
        return all.Length == 1 ? all[0] : new QueueOverview(
            // A consumer has a lease in every shard; the one that ends first is told.
            [.. all.SelectMany(one => one.Consumers).GroupBy(consumer => consumer.Name)
                .Select(same => new QueueConsumer(same.Key, same.Min(one => one.LeaseLeft), same.Sum(one => one.Held))).Take(most)],
            [.. all.SelectMany(one => one.Active).OrderByDescending(active => active.Age).Take(most)],
            [.. all.SelectMany(one => one.Dead).OrderBy(letter => letter.Age).Take(most)],
            all.SelectMany(one => one.Limits).ToDictionary());
    }

    /// <summary>Puts a dead letter at the back of its project's jobs, as if it had never been delivered.</summary>
    /// <returns>False: it is not among the dead letters any more.</returns>
    public Task<bool> RequeueAsync(DeadLetter letter, CancellationToken cancel) => _shards.Of(letter.Job.ProjectId).EndDeadAsync(letter.Key, requeue: true, cancel);

    /// <summary>Forgets a dead letter. The run is still due in Postgres, so the sweeper may ring for it again.</summary>
    /// <returns>False: it is not among the dead letters any more.</returns>
    public Task<bool> DiscardAsync(DeadLetter letter, CancellationToken cancel) => _shards.Of(letter.Job.ProjectId).EndDeadAsync(letter.Key, requeue: false, cancel);
}

/// <param name="Limits">Jobs in work at a time, of the projects that have a limit of their own; 0: paused.</param>
public sealed record QueueOverview(
    IReadOnlyList<QueueConsumer> Consumers, IReadOnlyList<ActiveJob> Active, IReadOnlyList<DeadLetter> Dead, IReadOnlyDictionary<Guid, int> Limits);

/// <param name="LeaseLeft">Until its jobs go to others if it stays silent; negative when that is due.</param>
public sealed record QueueConsumer(string Name, TimeSpan LeaseLeft, int Held);

/// <param name="Delivery">Which delivery of the job it is, from 1.</param>
/// <param name="Age">Since the job was enqueued.</param>
public sealed record ActiveJob(RunJob Job, int Delivery, TimeSpan Age, string Consumer);

/// <param name="Key">By which it is requeued or discarded.</param>
/// <param name="Age">Since it was given up.</param>
public sealed record DeadLetter(string Key, RunJob Job, int Deliveries, TimeSpan Age);
