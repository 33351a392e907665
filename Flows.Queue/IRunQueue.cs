using Flows.Contracts.Runs;

namespace Flows.Queue;

/// <summary>A bell for one run. It carries ids only: the row in Postgres is the truth.</summary>
/// <param name="ProjectId">Whose run it is; a provider may take turns between projects.</param>
public readonly record struct RunJob(Guid RunId, Guid ProjectId, RunPriority Priority)
{
    /// <summary>Whose version is run, so that a paused flow's jobs can be held back; empty where the producer does not know it. Not given to handlers.</summary>
    public Guid FlowId { get; init; }
}

/// <summary>
/// Where the API puts runs that a worker should take. At least once: a job may be delivered twice, late, or (when Redis loses its
/// memory) not at all. The claim in Postgres makes a second delivery harmless and the sweeper repairs a missing one.
/// </summary>
public interface IRunQueue
{
    /// <summary>
    /// Puts jobs on the queue. A run that is already waiting there is left where it is, so calling twice is harmless; one that is being handled
    /// is delivered again afterwards. Call it after the commit of the row: dying before the call costs the time until the sweeper's next look,
    /// dying during it the same or nothing.
    /// </summary>
    /// <exception cref="QueueUnavailableException">Redis cannot be reached or refuses writes; none, some or all of the jobs may be on the queue.</exception>
    Task EnqueueAsync(IReadOnlyList<RunJob> jobs, CancellationToken cancel);

    /// <summary>How much is waiting, for autoscalers and pages. May be a few seconds old.</summary>
    /// <exception cref="QueueUnavailableException">Redis cannot be reached.</exception>
    Task<QueueStatistics> GetStatisticsAsync(CancellationToken cancel);
}

/// <summary>
/// What a worker does with a job. The consumer calls it with bounded concurrency and settles the job when it returns. A process that dies before
/// the call, during it, or after it and before the settlement costs one more delivery of the job, once its lease has ended; the claim refuses
/// what has been done already.
/// </summary>
public interface IRunHandler
{
    /// <param name="stopping">The process is going down: hand the run back at the next step boundary and return.</param>
    /// <returns>What to do with the job. An exception counts as <see cref="JobSettlement.NotNow"/> and is logged.</returns>
    Task<JobSettlement> HandleAsync(RunJob job, CancellationToken stopping);
}

/// <summary>How a job ends.</summary>
/// <param name="IsDone">The bell was heard: forget it. It says nothing about how the run went.</param>
/// <param name="Delay">When not done: deliver again after this long.</param>
public readonly record struct JobSettlement(bool IsDone, TimeSpan Delay)
{
    public static JobSettlement Done => new(true, TimeSpan.Zero);
    public static JobSettlement NotNow(TimeSpan delay) => new(false, delay);
}

/// <param name="Waiting">Jobs not yet delivered, by priority.</param>
/// <param name="OldestWait">Age of the oldest of them; zero when none waits.</param>
/// <param name="Active">Delivered and not yet settled.</param>
/// <param name="Delayed">Given back, waiting for their time.</param>
/// <param name="Dead">Delivered too often; kept for a person.</param>
public sealed record QueueStatistics(
    string Provider, IReadOnlyDictionary<RunPriority, long> Waiting, TimeSpan OldestWait, long Active, long Delayed, long Dead)
{
    /// <summary>Jobs of paused flows, laid aside; not among <see cref="Waiting"/>.</summary>
    public long Paused { get; init; }

    /// <summary>What waits, by project and priority; empty for a provider that does not know projects.</summary>
    public IReadOnlyList<Backlog> Backlogs { get; init; } = [];

    /// <summary>The minutes of the last hour in which anything happened, oldest first. Up to five seconds late; empty for a provider that does not count.</summary>
    public IReadOnlyList<QueueRate> Minutes { get; init; } = [];

    /// <summary>The same by the hour, for the last week.</summary>
    public IReadOnlyList<QueueRate> Hours { get; init; } = [];
}

/// <summary>What happened in a minute or an hour.</summary>
/// <param name="Enqueued">Jobs that were not on the queue before.</param>
/// <param name="Finished">Jobs whose bell was heard.</param>
/// <param name="Failed">Deliveries whose handler threw.</param>
public sealed record QueueRate(DateTimeOffset From, long Enqueued, long Finished, long Failed);

/// <summary>The waiting jobs of one project in one priority.</summary>
/// <param name="OldestWait">Age of the one that is next.</param>
public sealed record Backlog(Guid ProjectId, RunPriority Priority, long Waiting, TimeSpan OldestWait);

/// <summary>The queue cannot be used right now. Rows are safe; the sweeper enqueues them when it is back.</summary>
public sealed class QueueUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
