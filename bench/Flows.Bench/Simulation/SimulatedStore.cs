using Flows.Contracts.Runs;

namespace Flows.Bench.Simulation;

/// <summary>A rule of the protocol that is broken on purpose, to see that the simulator notices.</summary>
[Flags]
internal enum Fault
{
    None = 0,
    /// <summary>A report counts whatever attempt it names.</summary>
    ReportIgnoresAttempt = 1,
    /// <summary>A claim does not give a new fencing token.</summary>
    ClaimKeepsAttempt = 2,
    /// <summary>A run that a worker holds can be claimed by another.</summary>
    ClaimTakesRunning = 4,
    /// <summary>A finished line of the journal can be replaced.</summary>
    FinishedLineIsReplaced = 8,
    /// <summary>Nobody takes runs from dead workers.</summary>
    NobodyRescues = 16,
    /// <summary>Nobody rings again for a run whose bell was lost.</summary>
    NobodyRingsAgain = 32,
    /// <summary>An engine does not wait until its intent is durable.</summary>
    IntentIsNotAwaited = 64,
    /// <summary>An uncertain effect is simply done again.</summary>
    UncertainIsRepeated = 128,
    /// <summary>A run that is over can be reported on.</summary>
    ReportRevivesTheDead = 256,
    /// <summary>A run that is over can be cancelled.</summary>
    CancelTakesFinal = 512,
}

/// <summary>Status and value of every step of one run, a byte each: the journal, or the lines of a report.</summary>
/// <param name="Statuses">Per step 0 for no line, else the status plus one.</param>
/// <param name="Values">Per step a byte that stands for its result.</param>
internal readonly record struct Lines(ulong Statuses, ulong Values)
{
    public StepStatus? StatusOf(int step) => (byte)(Statuses >> (8 * step)) is var status and > 0 ? (StepStatus)(status - 1) : null;

    public byte ValueOf(int step) => (byte)(Values >> (8 * step));

    public Lines With(int step, StepStatus status, byte value)
    {
        var mask = ~(0xffUL << (8 * step));
        return new((Statuses & mask) | ((ulong)(byte)(status + 1) << (8 * step)), (Values & mask) | ((ulong)value << (8 * step)));
    }

    public Lines Without(int step)
    {
        var mask = ~(0xffUL << (8 * step));
        return new(Statuses & mask, Values & mask);
    }
}

/// <summary>
/// The statements of the run store for one run, in memory. Statuses move by <see cref="RunTransitions"/> and lines by <see cref="StepLines"/>, from
/// which the SQL is made too; that both do the same with the same calls is tested against Postgres.
/// </summary>
/// <remarks>Times are milliseconds.</remarks>
internal sealed class SimulatedStore(Fault faults = Fault.None)
{
    public const int MostSteps = 8;
    private static readonly byte[] s_sources = [.. Enum.GetValues<RunStatus>().Select(to => (byte)RunTransitions.Into(to).Sum(from => 1 << (int)from))];
    private static readonly bool[] s_isUnfinished = [.. Enum.GetValues<StepStatus>().Select(StepLines.Unfinished.Contains)];

    public RunStatus Status { get; private set; }
    public int Attempt { get; private set; }
    public int Worker { get; private set; }
    public long? LeaseUntil { get; private set; }
    public long? DueAt { get; private set; }
    public int LostLeases { get; private set; }
    public Lines Journal { get; private set; }
    public long StatusChangedAt { get; private set; }
    public required long Lease { get; init; }
    public required long RingAgainAfter { get; init; }
    public required int MaxAttempts { get; init; }

    /// <summary>A new run under the same settings.</summary>
    public void Accept(long now)
    {
        (Status, Attempt, Worker, LeaseUntil, DueAt, LostLeases, Journal) = (RunStatus.Queued, 0, 0, null, now + RingAgainAfter, 0, default);
        StatusChangedAt = now;
    }

    public static bool IsLegal(RunStatus from, RunStatus to) => (s_sources[(int)to] >> (int)from & 1) != 0;

    public static bool IsUnfinished(StepStatus status) => s_isUnfinished[(int)status];

    /// <summary>RunStore.ClaimAsync.</summary>
    public bool TryClaim(int worker, long now)
    {
        if (!IsLegal(Status, RunStatus.Running) && !(faults.HasFlag(Fault.ClaimTakesRunning) && Status == RunStatus.Running))
            return false;
        (Status, StatusChangedAt, Worker, LeaseUntil, DueAt) = (RunStatus.Running, now, worker, now + Lease, null);
        if (!faults.HasFlag(Fault.ClaimKeepsAttempt) || Attempt == 0)
            Attempt++;
        return true;
    }

    /// <summary>RunStore.RenewAsync.</summary>
    public bool TryRenew(int worker, int attempt, long now)
    {
        if (!IsHeldBy(worker, attempt))
            return false;
        LeaseUntil = now + Lease;
        return true;
    }

    /// <summary>RunStore.ReportAsync for one run.</summary>
    /// <param name="hasError">With Queued: the engine has died.</param>
    public bool TryReport(int worker, int attempt, Lines lines, RunStatus? outcome, bool hasError, long now)
    {
        if (!IsHeldBy(worker, attempt) && !(faults.HasFlag(Fault.ReportRevivesTheDead) && Attempt == attempt && RunTransitions.IsFinal(Status)))
            return false;
        for (var step = 0; step < MostSteps; step++)
        {
            if (lines.StatusOf(step) is { } status && (faults.HasFlag(Fault.FinishedLineIsReplaced) || Journal.StatusOf(step) is not { } old || IsUnfinished(old)))
                Journal = Journal.With(step, status, lines.ValueOf(step));
        }
        if (outcome is { } to)
        {
            var lost = to == RunStatus.Queued && hasError;
            Move(lost ? RunTransitions.AfterLoss(LostLeases, MaxAttempts) : to, lost, now);
        }
        return true;
    }

    /// <summary>RunStore.RescueAsync.</summary>
    public bool TryRescue(long now)
    {
        if (Status != RunStatus.Running || LeaseUntil >= now || faults.HasFlag(Fault.NobodyRescues))
            return false;
        Move(RunTransitions.AfterLoss(LostLeases, MaxAttempts), lost: true, now);
        return true;
    }

    /// <summary>RunStore.TakeDueAsync: true when it is to be rung for again.</summary>
    public bool TryTakeDue(long now)
    {
        if (Status != RunStatus.Queued || !(DueAt <= now) || faults.HasFlag(Fault.NobodyRingsAgain))
            return false;
        DueAt = now + Math.Min(Math.Max(60_000, RingAgainAfter), Math.Max(RingAgainAfter, now - StatusChangedAt));
        return true;
    }

    /// <summary>RunStore.TryCancelAsync.</summary>
    public bool TryCancel(long now) =>
        IsLegal(Status, RunStatus.Cancelled) || (faults.HasFlag(Fault.CancelTakesFinal) && Status != RunStatus.Cancelled)
            ? Move(RunStatus.Cancelled, lost: false, now) : false;

    /// <summary>RunStore.TryDecideAsync: happened finishes the intent's line, repeat removes it.</summary>
    public bool TryDecide(int step, bool happened, byte value, long now)
    {
        if (Status != RunStatus.NeedsDecision || Journal.StatusOf(step) != StepStatus.Running)
            return false;
        Journal = happened ? Journal.With(step, StepStatus.Succeeded, value) : Journal.Without(step);
        return Move(RunStatus.Queued, lost: false, now);
    }

    /// <summary>Paused → Queued by its waitpoint; Failed, TimedOut, Cancelled → Queued by a person's retry.</summary>
    public bool TryQueueAgain(long now) =>
        Status != RunStatus.Running && Status != RunStatus.NeedsDecision && IsLegal(Status, RunStatus.Queued) && Move(RunStatus.Queued, lost: false, now);

    private bool IsHeldBy(int worker, int attempt) =>
        Status == RunStatus.Running && (faults.HasFlag(Fault.ReportIgnoresAttempt) || (Attempt == attempt && Worker == worker));

    // The columns that RunSql.Move sets and that decide anything later.
    private bool Move(RunStatus to, bool lost, long now)
    {
        if (!IsLegal(Status, to) && faults == Fault.None)
            return false;
        (Status, StatusChangedAt, LeaseUntil, DueAt) = (to, now, null, to == RunStatus.Queued ? now + RingAgainAfter : null);
        LostLeases = lost ? LostLeases + 1 : to == RunStatus.Queued ? 0 : LostLeases;
        return true;
    }
}
