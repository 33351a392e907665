using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;

namespace Flows.Worker.Runs;

/// <summary>
/// What the runs of this worker have to tell and the API has not committed yet. At most one line a path: the result replaces the line that
/// said the step was running. Bounded in bytes: whoever adds to a full buffer waits until a commit has made room.
/// </summary>
/// <param name="mostBytes">Bytes of journal above which adding waits. One line may go over it.</param>
/// <param name="batchBytes">Bytes of journal in one report call. One line may go over it.</param>
/// <param name="patience">How long lines that nobody waits for may be held back for company.</param>
internal sealed class ReportBuffer(TimeProvider clock, long mostBytes, long batchBytes, TimeSpan patience) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly Dictionary<LiveRun, PendingReport> _pending = [];
    private readonly Queue<LiveRun> _order = new();
    private TaskCompletionSource _room = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _bytes;
    private int _urgent;
    private long _oldest;

    /// <summary>Adds lines. Waits first while the buffer is full.</summary>
    public async ValueTask AddAsync(LiveRun run, JournalLines lines, CancellationToken cancel)
    {
        while (true)
        {
            Task room;
            lock (_lock)
            {
                if (_bytes < mostBytes)
                {
                    var pending = PendingOf(run);
                    _bytes += pending.Add(lines);
                    if (lines.Barrier)
                        MakeUrgent(pending);
                    return;
                }
                room = _room.Task;
            }
            await room.WaitAsync(cancel);
        }
    }

    public void Add(LiveRun run, RunResponse response)
    {
        lock (_lock)
        {
            var pending = PendingOf(run);
            pending.Response ??= response;
            MakeUrgent(pending);
        }
    }

    /// <summary>Adds the last word. The task says what became of it.</summary>
    public Task<ReportResult> Add(LiveRun run, RunOutcome outcome)
    {
        lock (_lock)
        {
            var pending = PendingOf(run);
            pending.Outcome = outcome;
            pending.Finished ??= new TaskCompletionSource<ReportResult>(TaskCreationOptions.RunContinuationsAsynchronously);
            MakeUrgent(pending);
            return pending.Finished.Task;
        }
    }

    /// <summary>Forgets what a run has not reported yet.</summary>
    public void Drop(LiveRun run, ReportResult result)
    {
        PendingReport? pending;
        lock (_lock)
        {
            if (!_pending.Remove(run, out pending))
                return;
            if (pending.IsUrgent)
                _urgent--;
            Free(pending.Bytes);
        }
        pending.Finished?.TrySetResult(result);
    }

    /// <summary>Waits until there is something to send: at once when somebody waits for it, else after a moment for company.</summary>
    public async Task WaitAsync(CancellationToken cancel)
    {
        while (true)
        {
            TimeSpan wait;
            lock (_lock)
            {
                wait = _pending.Count == 0 ? Timeout.InfiniteTimeSpan : patience - clock.GetElapsedTime(_oldest);
                if (_urgent > 0 || _bytes >= batchBytes || (_pending.Count > 0 && wait <= TimeSpan.Zero))
                    return;
            }
            await _changed.WaitAsync(wait, cancel);
        }
    }

    /// <summary>Takes the next batch, in the order in which the runs came. Its bytes stay counted until <see cref="Committed"/>.</summary>
    public List<ReportPart> Take()
    {
        List<ReportPart> batch = [];
        lock (_lock)
        {
            long bytes = 0;
            for (var runs = _order.Count; runs > 0 && bytes < batchBytes; runs--)
            {
                var run = _order.Dequeue();
                if (!_pending.TryGetValue(run, out var pending))
                    continue; // dropped

                if (pending.IsUrgent)
                    _urgent--;
                var part = pending.Take(run, batchBytes - bytes);
                bytes += part.Bytes;
                batch.Add(part);
                if (pending.IsEmpty)
                    _pending.Remove(run);
                else
                {
                    _order.Enqueue(run);
                    pending.IsUrgent = true; // the rest of something that had to go: it goes with the next call
                    _urgent++;
                }
            }
            _oldest = clock.GetTimestamp();
        }
        return batch;
    }

    /// <summary>These bytes are with the API, or given up.</summary>
    public void Committed(long bytes)
    {
        lock (_lock)
            Free(bytes);
    }

    public void Dispose() => _changed.Dispose();

    private PendingReport PendingOf(LiveRun run)
    {
        if (_pending.TryGetValue(run, out var pending))
            return pending;
        if (_pending.Count == 0)
            _oldest = clock.GetTimestamp();
        _pending[run] = pending = new PendingReport();
        _order.Enqueue(run);
        if (_pending.Count == 1)
            Wake();
        return pending;
    }

    private void MakeUrgent(PendingReport pending)
    {
        if (pending.IsUrgent)
            return;
        pending.IsUrgent = true;
        if (++_urgent == 1)
            Wake();
    }

    private void Free(long bytes)
    {
        var wasFull = _bytes >= mostBytes;
        _bytes -= bytes;
        if (!wasFull || _bytes >= mostBytes)
            return;
        _room.SetResult();
        _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private void Wake()
    {
        if (_changed.CurrentCount == 0)
            _changed.Release();
    }
}
