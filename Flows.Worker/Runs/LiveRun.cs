using Flows.Contracts.WorkerProtocol;

namespace Flows.Worker.Runs;

/// <summary>Why a worker stopped a run before its engine had finished it. The first reason stays.</summary>
internal enum RunEnd
{
    /// <summary>Nothing stopped it.</summary>
    None,
    /// <summary>The API says that the claim is no longer ours: cancelled, taken over, or expired. Nothing may be reported.</summary>
    Lost,
    /// <summary>The lease was not renewed in time, or the reports could not be delivered: another worker may have the run. Nothing may be reported.</summary>
    GivenUp,
    /// <summary>Its active time is used up.</summary>
    TimedOut,
    /// <summary>The worker is going down: the run is handed back.</summary>
    Drained,
    /// <summary>The API will never take what the run has journalled.</summary>
    Refused,
}

/// <summary>
/// A run that this worker holds: a claim, its lease, and the signal that ends its engine. The lease is watched here and not by the
/// heartbeat, so that a heartbeat that hangs cannot keep alive what it does not renew.
/// </summary>
internal sealed class LiveRun : IDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationTokenSource _draining = new();
    private readonly ITimer _lease;
    private readonly ITimer _activeTime;
    private int _end;
    private volatile bool _isOurs = true;

    /// <param name="sentAt">Timestamp of <paramref name="clock"/> from just before the claim was sent: the lease cannot have begun earlier.</param>
    public LiveRun(RunClaim claim, long sentAt, TimeProvider clock)
    {
        Claim = claim;
        Held = new HeldRun(claim.RunId, claim.Attempt);
        ClaimedAt = sentAt;
        _lease = clock.CreateTimer(_ => Lose(RunEnd.GivenUp), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Renew(TimeSpan.FromMilliseconds(claim.LeaseMs) - clock.GetElapsedTime(sentAt));
        _activeTime = clock.CreateTimer(
            _ => End(RunEnd.TimedOut), null, TimeSpan.FromMilliseconds(Math.Clamp(claim.ActiveMs, 0, int.MaxValue)), Timeout.InfiniteTimeSpan);
    }

    /// <summary>As the API gave it, and complete once what it left apart has been fetched.</summary>
    public RunClaim Claim { get; private set; }
    public HeldRun Held { get; }
    /// <summary>Timestamp of the claim.</summary>
    public long ClaimedAt { get; }
    /// <summary>False once another worker may hold the run: from then on nothing of it is reported.</summary>
    public bool IsOurs => _isOurs;
    public RunEnd WhyEnded => (RunEnd)Volatile.Read(ref _end);
    /// <summary>Cancelled when the engine has to go, at once.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Cancelled when the run is to be handed back at its next step boundary.</summary>
    public CancellationToken Draining => _draining.Token;

    /// <summary>The spans of this attempt; null when the run is not traced.</summary>
    public RunTrace? Trace { get; set; }

    /// <summary>Called after a commit with the highest journal sequence that is now durable. Set by whoever serves the engine.</summary>
    public Action<long>? Durable { get; set; }

    /// <summary>The lease runs this much longer, minus a margin of an eighth for clocks and scheduling.</summary>
    public void Renew(TimeSpan lease)
    {
        var left = lease - (lease / 8);
        if (_isOurs)
            _lease.Change(left > TimeSpan.Zero ? left : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    public void Complete(RunClaim claim) => Claim = claim;

    /// <summary>Has the run handed back at its next step boundary. Steps that have begun are finished.</summary>
    public void Drain() => _draining.Cancel();

    /// <summary>Ends the engine, but the run stays ours and its outcome is reported.</summary>
    public void End(RunEnd why)
    {
        if (Interlocked.CompareExchange(ref _end, (int)why, (int)RunEnd.None) != (int)RunEnd.None)
            return;
        try
        {
            _ended.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // A timer that fired while the run was being put away.
        }
    }

    /// <summary>Ends the engine and forbids any further report.</summary>
    public void Lose(RunEnd why)
    {
        _isOurs = false;
        End(why);
    }

    public void Dispose()
    {
        _lease.Dispose();
        _activeTime.Dispose();
        _ended.Dispose();
        _draining.Dispose();
    }
}
