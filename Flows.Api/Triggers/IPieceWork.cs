using Flows.Contracts.EngineProtocol;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Api.Triggers;

/// <summary>Where calls of pieces come from: triggers that are due, hooks to register or take away, questions of people.</summary>
internal interface IPieceWork
{
    bool Does(PieceCallKind kind);

    /// <summary>The call that has waited longest, now this worker's until its lease runs out; null when there is none.</summary>
    Task<PieceClaim?> TakeAsync(string worker, CancellationToken cancel);

    /// <summary>Takes what came of it. If we die before the commit nothing has happened, and the lease runs out.</summary>
    /// <returns>How many runs were started by it; null when the call is no longer this worker's.</returns>
    Task<int?> AnswerAsync(PieceReport report, CancellationToken cancel);
}

/// <summary>Tells workers that ask this replica of a call that has just been made; those that ask another one find it within a second.</summary>
internal sealed class PieceBell
{
    private volatile TaskCompletionSource _rung = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Ring() => Interlocked.Exchange(ref _rung, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Take it before looking: what rings after that is not missed.</summary>
    public Task Next => _rung.Task;
}
