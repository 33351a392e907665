using System.ComponentModel.DataAnnotations;

namespace Flows.Queue.Redis;

/// <summary>Settings of the queue. Bound from "Flows:Queue"; the process refuses to start on a bad value.</summary>
public sealed class RedisQueueOptions
{
    public const string Section = "Flows:Queue";

    /// <summary>Which provider carries the jobs. Redis by default; Hangfire where the Aspire stack is built.</summary>
    public QueueProvider? Provider { get; set; }

    /// <summary>What every key begins with. Two installations on one Redis need two prefixes.</summary>
    [Required, RegularExpression("^[A-Za-z0-9_.-]{1,64}$")]
    public string KeyPrefix { get; set; } = "flows";

    /// <summary>
    /// Over how many sets of keys the projects are spread, each in one slot of a Redis Cluster. One by default. The same in every process; see
    /// docs/queue.md before it is made smaller.
    /// </summary>
    [Range(1, 64)]
    public int Shards { get; set; } = 1;

    /// <summary>
    /// How long a consumer that has gone silent keeps its jobs; it renews at every third of this. Four seconds by default: less than a
    /// run's lease in Postgres, so that the queue has let go of a job by the time a dead worker's run is rung for again.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:10:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>How often a consumer with free slots looks without having been woken. One second by default.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long one call to Redis may take before the queue counts as away. Two seconds by default.</summary>
    [Range(typeof(TimeSpan), "00:00:00.100", "00:00:30")]
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Deliveries, ended by an exception or a dead consumer, after which a job goes to the dead letters. Twenty by default.</summary>
    [Range(1, 1000)]
    public int MaxDeliveries { get; set; } = 20;

    /// <summary>How long a stopping consumer waits for its handlers; what has not ended then is given back. 25 seconds by default.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:15:00")]
    public TimeSpan DrainLimit { get; set; } = TimeSpan.FromSeconds(25);
}
