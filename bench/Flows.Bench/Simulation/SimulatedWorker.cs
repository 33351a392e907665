using Flows.Contracts.Runs;

namespace Flows.Bench.Simulation;

internal enum WorkerMode { Alive, Frozen, Dead }

/// <summary>A worker with one slot and its engine, as far as the protocol goes: what it knows of the run, and what it waits for.</summary>
internal struct SimulatedWorker
{
    /// <summary>Every process has a name of its own.</summary>
    public int Id;
    public WorkerMode Mode;
    /// <summary>Number of the claim call on its way; 0 for none. An answer to another call is to nobody.</summary>
    public int AskedFor;
    /// <summary>The fencing token while it holds the run; 0 when it does not.</summary>
    public int Attempt;
    /// <summary>When it must have let go of the run by itself.</summary>
    public long LeaseUntil;
    public int Step;
    public bool IsBarrierUp;
    /// <summary>The journal as the engine sees it.</summary>
    public Lines Journal;
    /// <summary>Lines that are not reported yet.</summary>
    public Lines Pending;
    /// <summary>The last word, once the engine has said it.</summary>
    public RunStatus? Outcome;
    public bool HasCrashed;
    /// <summary>Number of the report call on its way; 0 for none. There is one at a time, and it is made again until it is answered.</summary>
    public int Reporting;
    public Message Report;

    /// <summary>Lets go of the run. The process goes on.</summary>
    public void Drop() => this = new SimulatedWorker { Id = Id, Mode = Mode };
}

internal enum MessageKind { Claim, ClaimAnswer, Report, ReportAnswer, Heartbeat, HeartbeatAnswer }

/// <summary>A call or an answer on its way. It may arrive late, twice, or not at all.</summary>
internal readonly record struct Message(
    MessageKind Kind, int Worker, int Call, int Attempt, bool IsYes, Lines Lines, RunStatus? Outcome, bool HasCrashed, long SentAt);
