using System.Text.Json.Serialization;

namespace Flows.Contracts.Runs;

/// <summary>
/// Where a run is in its life. The picture is docs/run-lifecycle.md; the rules are <see cref="RunTransitions"/>.
/// The numbers are stored: never change or reuse one.
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunStatus>))]
public enum RunStatus
{
    /// <summary>Waiting for a worker. If Redis has lost the job, QueuedRunSweeper enqueues it again.</summary>
    Queued = 0,
    /// <summary>Held by one worker. If its lease runs out, StaleRunRescuer moves the run back to Queued.</summary>
    Running = 1,
    /// <summary>Waiting for a time, a webhook, an approval or a sub-flow, holding no process. Its waitpoint moves it to Queued.</summary>
    Paused = 2,
    /// <summary>An effect may or may not have happened, and the step's policy is to ask. A person's decision moves it on.</summary>
    NeedsDecision = 3,
    Succeeded = 4,
    Failed = 5,
    /// <summary>Its active time was used up and its engine was killed.</summary>
    TimedOut = 6,
    /// <summary>Stopped by a person.</summary>
    Cancelled = 7,
}

/// <summary>The legal moves, as data: the WHERE clause of every status change is made from this table.</summary>
public static class RunTransitions
{
    private static readonly RunStatus[] s_intoQueued =
        [RunStatus.Running, RunStatus.Paused, RunStatus.NeedsDecision, RunStatus.Failed, RunStatus.TimedOut, RunStatus.Cancelled];
    private static readonly RunStatus[] s_intoRunning = [RunStatus.Queued];
    private static readonly RunStatus[] s_fromRunning = [RunStatus.Running];
    private static readonly RunStatus[] s_intoFailed = [RunStatus.Running, RunStatus.Queued, RunStatus.Paused, RunStatus.NeedsDecision];
    private static readonly RunStatus[] s_intoCancelled =
        [RunStatus.Queued, RunStatus.Running, RunStatus.Paused, RunStatus.NeedsDecision];

    /// <summary>The statuses a run may come from when it becomes <paramref name="to"/>.</summary>
    public static IReadOnlyList<RunStatus> Into(RunStatus to) => to switch
    {
        RunStatus.Queued => s_intoQueued,       // rescued or handed back; woken; decided; retried by a person
        RunStatus.Running => s_intoRunning,     // claimed
        RunStatus.Paused or RunStatus.NeedsDecision or RunStatus.Succeeded or RunStatus.TimedOut => s_fromRunning,
        RunStatus.Failed => s_intoFailed,       // Queued: attempts used up; Paused: a wait expired; NeedsDecision: a person said stop
        RunStatus.Cancelled => s_intoCancelled,
        _ => throw new ArgumentOutOfRangeException(nameof(to), to, message: null),
    };

    /// <summary>
    /// Where a run goes that has lost its worker or its engine once more: it goes on elsewhere, unless that has now happened
    /// <paramref name="most"/> times since it was last put in the queue on purpose.
    /// </summary>
    public static RunStatus AfterLoss(int lostBefore, int most) => lostBefore + 1 >= most ? RunStatus.Failed : RunStatus.Queued;

    /// <summary>True for a status that only a person's retry can leave.</summary>
    public static bool IsFinal(RunStatus status) => status >= RunStatus.Succeeded;
}

/// <summary>Which of a flow's definitions a run walks. The numbers are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunEnvironment>))]
public enum RunEnvironment
{
    /// <summary>A published, immutable version.</summary>
    Production = 0,
    /// <summary>The draft, started by hand from the editor.</summary>
    Test = 1,
}

/// <summary>How a run came to be. The numbers are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunOrigin>))]
public enum RunOrigin { Api = 0, Webhook = 1, Schedule = 2, Poll = 3, Flow = 4, Retry = 5, Test = 6 }

/// <summary>The order in which waiting runs are taken: lower first. The numbers are stored and are part of queue keys.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RunPriority>))]
public enum RunPriority
{
    /// <summary>A caller is waiting for the answer.</summary>
    Sync = 0,
    /// <summary>A person is waiting in the editor.</summary>
    Test = 1,
    Normal = 2,
    /// <summary>Polls, bulk retries and imports.</summary>
    Bulk = 3,
}
