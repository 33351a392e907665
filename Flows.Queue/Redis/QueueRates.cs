namespace Flows.Queue.Redis;

/// <summary>
/// Counts what this process enqueues and settles, and adds it to the counters in Redis every few seconds, so that no job pays for it. While Redis
/// is away the counts of the last hour are kept. What was not told when the process dies is not counted.
/// </summary>
internal sealed class QueueRates(QueueShard first, TimeProvider clock) : IDisposable
{
    private const int MostMinutes = 60;
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(5);
    private readonly Lock _lock = new();
    private readonly SortedDictionary<long, long[]> _minutes = [];
    private ITimer? _timer;
    private bool _isPlanned;

    internal void Enqueued(int count) => Add(0, count);
    internal void Finished(int count) => Add(1, count);
    internal void Failed(int count) => Add(2, count);

    private async Task FlushAsync(CancellationToken cancel)
    {
        KeyValuePair<long, long[]>[] told;
        lock (_lock)
        {
            _isPlanned = false;
            told = [.. _minutes];
            _minutes.Clear();
        }
        if (told.Length == 0)
            return;
        try
        {
            await first.CountAsync(told.Select(minute => (minute.Key, minute.Value)), cancel);
        }
        catch (Exception error) when (error is QueueUnavailableException or OperationCanceledException)
        {
            foreach (var (minute, counts) in told)
            {
                for (var kind = 0; kind < counts.Length; kind++)
                    Add(kind, counts[kind], minute);
            }
            throw;
        }
    }

    public void Dispose() => _timer?.Dispose();

    private void Add(int kind, long count, long? of = null)
    {
        if (count == 0)
            return;
        var minute = of ?? clock.GetUtcNow().ToUnixTimeSeconds() / 60;
        lock (_lock)
        {
            if (!_minutes.TryGetValue(minute, out var counts))
            {
                _minutes[minute] = counts = new long[3];
                if (_minutes.Count > MostMinutes)
                    _minutes.Remove(_minutes.Keys.First());
            }
            counts[kind] += count;
            if (_isPlanned)
                return;
            _isPlanned = true;
            _timer ??= clock.CreateTimer(rates => _ = ((QueueRates)rates!).TryFlushAsync(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(s_every, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Tells Redis now, or keeps it and tells it later.</summary>
    internal async Task TryFlushAsync(CancellationToken cancel = default)
    {
        try
        {
            await FlushAsync(cancel);
        }
        catch (QueueUnavailableException)
        {
            // Kept, and planned again.
        }
    }
}
