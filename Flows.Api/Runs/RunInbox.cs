using Flows.Queue;
using Microsoft.Extensions.Options;

namespace Flows.Api.Runs;

/// <summary>Takes new runs in: when <see cref="AcceptAsync"/> returns, the run is in Postgres and will be done, whatever crashes.</summary>
internal sealed class RunInbox(RunStore store, RunBells bells, IOptions<RunOptions> options, RunMetrics metrics, TimeProvider clock) : GroupCommit<NewRun, bool>("accept",
    new GroupCommitLimits(Writers: 2, MaxItems: 256, MaxBatchBytes: 8 << 20, MaxWaiting: 8192,
        MaxWaitingBytes: (long)options.Value.PendingMiB << 20, options.Value.Patience), metrics, clock)
{
    private const int Tries = 3;

    /// <exception cref="UnavailableException">Not accepted, or Postgres did not say so in time.</exception>
    public Task AcceptAsync(NewRun run, CancellationToken cancel)
    {
        var packed = store.Pack(run);
        return CommitAsync(packed, packed.Trigger.Length + (packed.Test?.Length ?? 0) + packed.Large.Sum(value => (long)value.Data.Length) + 512, cancel);
    }

    protected override async Task<IReadOnlyList<bool>> CommitAsync(IReadOnlyList<NewRun> items)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await store.AcceptAsync(items, CancellationToken.None);
                return new bool[items.Count];
            }
            catch (Npgsql.NpgsqlException error) when (attempt < Tries && Database.IsUnavailable(error))
            {
                // A connection of the pool that a restart of Postgres has cut. The ids make the second try harmless.
            }
        }
    }

    // After the commit: a bell must never reach a worker before the row can be read.
    // If we die on this line the row stays Queued, and QueuedRunSweeper rings for it when it is due.
    protected override void AfterCommit(IReadOnlyList<NewRun> items, IReadOnlyList<bool> results)
    {
        foreach (var run in items)
        {
            Metrics.Accepted(run.Origin, run.Environment);
            bells.Ring(new RunJob(run.RunId, run.ProjectId, run.Priority) { FlowId = run.FlowId });
        }
    }
}
