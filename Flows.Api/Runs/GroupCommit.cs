using System.Threading.Channels;

namespace Flows.Api.Runs;

/// <param name="Writers">Commits under way at the same time.</param>
/// <param name="MaxItems">Items in one commit.</param>
/// <param name="MaxBatchBytes">A commit is not filled past this; one item may be larger.</param>
/// <param name="MaxWaiting">Items that may wait; the next caller is turned away.</param>
/// <param name="MaxWaitingBytes">The same for their size.</param>
/// <param name="Patience">How long a caller waits for its commit.</param>
internal sealed record GroupCommitLimits(int Writers, int MaxItems, long MaxBatchBytes, int MaxWaiting, long MaxWaitingBytes, TimeSpan Patience);

/// <summary>
/// Lets concurrent callers share a commit. A free writer takes whatever is waiting and commits it together; while it does, the next
/// batch gathers. So batches grow with the load by themselves, and a lone caller waits for nobody.
/// </summary>
/// <param name="what">The label of its commits among the metrics.</param>
internal abstract class GroupCommit<TItem, TResult>(string what, GroupCommitLimits limits, RunMetrics metrics, TimeProvider clock) : IHostedService
{
    private readonly Channel<Entry> _waiting = Channel.CreateBounded<Entry>(limits.MaxWaiting);
    private long _waitingBytes;
    private Task _writers = Task.CompletedTask;

    protected RunMetrics Metrics { get; } = metrics;

    /// <summary>Commits the items in one transaction and gives their results in the same order.</summary>
    protected abstract Task<IReadOnlyList<TResult>> CommitAsync(IReadOnlyList<TItem> items);

    /// <summary>Runs after the callers of a commit have been told.</summary>
    protected virtual void AfterCommit(IReadOnlyList<TItem> items, IReadOnlyList<TResult> results)
    {
    }

    /// <summary>Waits until the item is committed.</summary>
    /// <param name="bytes">About how much memory the item holds.</param>
    /// <exception cref="UnavailableException">Too much is waiting, the process is stopping, or the commit took too long. Only in the last case may the item have been committed.</exception>
    protected async Task<TResult> CommitAsync(TItem item, long bytes, CancellationToken cancel)
    {
        var entry = new Entry(item, bytes);
        if (Interlocked.Add(ref _waitingBytes, bytes) - bytes > limits.MaxWaitingBytes || !_waiting.Writer.TryWrite(entry))
        {
            Interlocked.Add(ref _waitingBytes, -bytes);
            throw new UnavailableException("More is waiting to be written than this instance holds. Try again in a moment.");
        }
        try
        {
            return await entry.Done.Task.WaitAsync(limits.Patience, clock, cancel);
        }
        catch (TimeoutException)
        {
            throw new UnavailableException(entry.TryWithdraw()
                ? "The database did not take new work in time; nothing was written. Try again in a moment."
                : "The database did not answer in time; it is not known whether it has written this.");
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            entry.TryWithdraw();
            throw;
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _writers = Task.WhenAll(Enumerable.Range(0, limits.Writers).Select(_ => Task.Run(WriteAsync, CancellationToken.None)));
        return Task.CompletedTask;
    }

    /// <summary>Takes nothing more and writes what is waiting. The web server has stopped before, so no caller is turned away here in practice.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        _waiting.Writer.TryComplete();
        return _writers.WaitAsync(cancellationToken);
    }

    private async Task WriteAsync()
    {
        var batch = new List<Entry>(limits.MaxItems);
        while (await _waiting.Reader.WaitToReadAsync())
        {
            batch.Clear();
            var bytes = 0L;
            while (batch.Count < limits.MaxItems && bytes < limits.MaxBatchBytes && _waiting.Reader.TryRead(out var entry))
            {
                Interlocked.Add(ref _waitingBytes, -entry.Bytes);
                if (!entry.TryTake())
                    continue; // its caller has gone: nobody knows of it, so nothing may come of it
                batch.Add(entry);
                bytes += entry.Bytes;
            }
            await CommitAsync(batch);
        }
    }

    private async Task CommitAsync(List<Entry> batch)
    {
        if (batch.Count == 0)
            return;
        var items = batch.ConvertAll(static entry => entry.Item);
        var began = clock.GetTimestamp();
        var commit = CommitAsync(items);
        await ((Task)commit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Metrics.Committed(what, batch.Count, clock.GetElapsedTime(began));
        if (commit.IsCompletedSuccessfully)
        {
            for (var i = 0; i < batch.Count; i++)
                batch[i].Done.SetResult(commit.Result[i]);
            AfterCommit(items, commit.Result);
            return;
        }

        var error = commit.Exception?.InnerException ?? new OperationCanceledException();
        if (batch.Count > 1 && RunSql.IsRefusedData(error))
        {
            // Postgres refuses the data of one of them; the others must not fail with it.
            foreach (var entry in batch.ToArray())
                await CommitAsync([entry]);
            return;
        }
        foreach (var entry in batch)
            entry.Done.SetException(error);
    }

    private sealed class Entry(TItem item, long bytes)
    {
        private const int Waiting = 0, Taken = 1, Withdrawn = 2;
        private int _state = Waiting;

        public TItem Item => item;
        public long Bytes => bytes;
        public TaskCompletionSource<TResult> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public bool TryTake() => Interlocked.CompareExchange(ref _state, Taken, Waiting) == Waiting;
        public bool TryWithdraw() => Interlocked.CompareExchange(ref _state, Withdrawn, Waiting) == Waiting;
    }
}
