using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;

namespace Flows.Engine.Steps;

/// <summary>What a run waits for: the waits that earlier attempts have left, and those that this walk adds. Safe for concurrent use.</summary>
internal sealed class RunWaits(StartRun start, TimeProvider clock)
{
    private readonly Dictionary<string, WaitState> _known =
        (start.Waits ?? []).ToDictionary(wait => wait.Path, StringComparer.Ordinal);
    private readonly int _alreadyOpen = (start.Waits ?? []).Count(wait => wait.Status == WaitStatus.Open);
    private readonly List<WaitRequest> _asked = [];
    private readonly Lock _lock = new();

    /// <summary>How the wait stands; null when nobody has asked for it, nor ended it before it began.</summary>
    public WaitState? Find(string path) => _known.GetValueOrDefault(path);

    /// <summary>When the run has to have been woken, because it may not spend more time paused.</summary>
    /// <exception cref="StepException">Nobody could wake this run.</exception>
    public DateTimeOffset Deadline => clock.GetUtcNow() + TimeSpan.FromMilliseconds(Terms.LeftMs);

    /// <summary>False when nobody could wake this run.</summary>
    public bool CanPause => start.Pauses is not null;

    /// <summary>True when the run may pause for this long.</summary>
    public bool Allows(TimeSpan pause) => start.Pauses is { } terms && pause.TotalMilliseconds <= terms.LeftMs;

    /// <summary>The earlier of a time and the <see cref="Deadline"/>.</summary>
    /// <param name="limit">From now; null for no limit but the deadline.</param>
    public DateTimeOffset Within(TimeSpan? limit) =>
        limit is { } span && span.TotalMilliseconds < Terms.LeftMs ? clock.GetUtcNow() + span : Deadline;

    /// <summary>Adds a wait to those that go to the API when the walk ends.</summary>
    /// <exception cref="StepException">The run waits for too much at once.</exception>
    public void Ask(WaitRequest wait)
    {
        if (!TryAsk(wait))
        {
            throw StepException.Limit(nameof(EngineLimits.Waits),
                $"{start.Limits.Waits} steps of the run are waiting already, which is all that may at the same time");
        }
    }

    /// <summary>The same. False: the run waits for too much at once.</summary>
    public bool TryAsk(WaitRequest wait)
    {
        lock (_lock)
        {
            if (_alreadyOpen + _asked.Count >= start.Limits.Waits)
                return false;
            _asked.Add(wait);
            return true;
        }
    }

    /// <summary>What this walk adds, by path, so that the same walk gives the same list; null for nothing.</summary>
    public IReadOnlyList<WaitRequest>? Asked
    {
        get
        {
            lock (_lock)
                return _asked.Count == 0 ? null : [.. _asked.OrderBy(wait => wait.Path, StringComparer.Ordinal)];
        }
    }

    private PauseTerms Terms => start.Pauses
        ?? throw new StepException(StepErrorCodes.Definition, "the run was started where nobody could wake it, so that none of its steps can wait.");
}
