using Flows.Worker.Runs;

namespace Flows.Worker.Sandbox;

/// <summary>A child process that a pool may keep.</summary>
internal interface IPooledProcess : IAsyncDisposable
{
    bool IsAlive { get; }
    /// <summary>Completes when the process is gone.</summary>
    Task Exited { get; }
    /// <summary>Resident memory in bytes, as last measured; 0 before.</summary>
    long Bytes { get; }
    /// <summary>Looks how large it is.</summary>
    void Measure();
}

/// <summary>
/// Warm processes of one kind. A process that has done something for a project is that project's for the rest of its life; one that has
/// done nothing yet is nobody's. There are never more than <paramref name="capacity"/>, rented, idle and starting together, but for one
/// that is started ahead to take the place of one that has served long enough: so no run pays for the replacement.
/// </summary>
/// <param name="warm">How many to keep alive without demand.</param>
/// <param name="start">Starts one and waits until it is ready; throws <see cref="ChildStartException"/>.</param>
/// <param name="kind">The label of these processes among the metrics.</param>
internal sealed partial class ProcessPool<T>(
    int capacity, int warm, ExecutionOptions options, Func<Task<T>> start, string kind, WorkerMetrics metrics, TimeProvider clock, ILogger logger) : IAsyncDisposable
    where T : class, IPooledProcess
{
    private readonly SemaphoreSlim _slots = new(capacity);
    private readonly Lock _lock = new();
    private readonly List<Seat> _seats = []; // oldest use first
    private bool _closed;

    /// <summary>Processes alive or starting.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
                return _seats.Count;
        }
    }

    /// <summary>A process for this project: its own, nobody's, or a new one. Waits while all are rented.</summary>
    /// <exception cref="ChildStartException">None could be started.</exception>
    public async Task<Rented> RentAsync(Guid project, CancellationToken cancel)
    {
        await _slots.WaitAsync(cancel);
        Seat? seat = null;
        Rented? rented = null;
        try
        {
            while (rented is null)
            {
                // A place that comes free in the same moment in which the wait for it is given up counts as had. Whoever is gone by then must not start a
                // process for it: each would free the next place, and a thousand calls of one run that ends would start a thousand processes.
                cancel.ThrowIfCancellationRequested();
                seat = Take(project);
                var isNew = !seat.Ready.IsCompleted && !seat.StartedAhead;
                var process = await seat.Ready.WaitAsync(cancel);
                if (process.IsAlive)
                {
                    rented = new Rented(this, seat, process);
                    break;
                }

                // It died while it was idle. There are finitely many of those; a new one that dies is not waited for again.
                Remove(seat);
                if (isNew)
                    throw new ChildStartException("The process ended as soon as it had started.");
            }
        }
        finally
        {
            if (rented is null)
            {
                if (seat is not null)
                    Remove(seat);
                _slots.Release();
            }
        }
        metrics.Rented(kind, rented.IsUsed);
        KeepWarm();
        return rented;
    }

    /// <summary>Ends idle processes that have grown old, or large, and starts what is missing of the warm ones.</summary>
    public void Tidy()
    {
        Seat[] old;
        lock (_lock)
        {
            foreach (var seat in _seats.Where(seat => !seat.IsRented && seat.Uses > 0 && seat.Ready.IsCompletedSuccessfully))
                seat.Ready.Result.Measure();
            old = [.. _seats.Where(seat => !seat.IsRented && seat.Uses > 0 && (IsOld(seat) || HasGrown(seat)))];
        }
        foreach (var seat in old)
            Remove(seat);
        KeepWarm();
    }

    public async ValueTask DisposeAsync()
    {
        Seat[] all;
        lock (_lock)
        {
            _closed = true;
            all = [.. _seats];
            _seats.Clear();
        }
        await Task.WhenAll(all.Select(EndAsync));
    }

    private Seat Take(Guid project)
    {
        Seat? replaced = null;
        Seat seat;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            var idle = _seats.Where(seat => !seat.IsRented).ToList();
            seat = idle.LastOrDefault(seat => seat.Project == project)
                ?? idle.FirstOrDefault(seat => seat.Project is null && seat.Ready.IsCompleted)
                ?? idle.FirstOrDefault(seat => seat.Project is null)
                ?? New(startedAhead: false);

            // All are alive and none is free for this project, yet we hold a slot: one of them idles for another project. It must go.
            if (!_seats.Contains(seat) && _seats.Count >= capacity && idle.Count > 0)
            {
                replaced = idle[0];
                _seats.Remove(replaced);
            }
            _seats.Remove(seat);
            _seats.Add(seat);
            seat.IsRented = true;
            seat.Project = project;
        }
        if (replaced is not null)
            _ = EndAsync(replaced);
        return seat;
    }

    private void Return(Seat seat, bool reusable)
    {
        if (!reusable || MustGo(seat) || HasGrown(seat) || (seat.Uses > 0 && !options.Reuse) || !seat.Ready.Result.IsAlive)
            Remove(seat);
        else
            lock (_lock)
            {
                seat.IsRented = false;
                if (seat.Uses == 0)
                    seat.Project = null;
            }
        _slots.Release();
        KeepWarm();
    }

    // Warm ones, and always one that is nobody's while there is room: the first run of the next project does not wait for a start.
    private void KeepWarm()
    {
        lock (_lock)
        {
            var room = capacity + (_seats.Exists(IsSpent) ? 1 : 0);
            while (!_closed && warm > 0 && _seats.Count < room
                && (_seats.Count < warm || !_seats.Exists(seat => !seat.IsRented && seat.Project is null)))
            {
                _seats.Insert(0, New(startedAhead: true));
            }
        }
    }

    // A process that cannot be started ahead is tried again when it is needed, or at the next tidying: never in a circle.
    private async Task WatchAsync(Seat seat)
    {
        try
        {
            var process = await seat.Ready;
            metrics.Started(kind, isUp: true);
            await process.Exited;
        }
        catch (ChildStartException error)
        {
            metrics.Started(kind, isUp: false);
            if (seat.StartedAhead)
                LogStartFailed(logger, error.Message);
        }

        bool idle;
        lock (_lock)
            idle = !seat.IsRented && _seats.Contains(seat);
        if (idle)
            Remove(seat);
    }

    private Seat New(bool startedAhead)
    {
        var seat = new Seat(Task.Run(start), clock.GetTimestamp(), startedAhead);
        _ = WatchAsync(seat);
        return seat;
    }

    private bool IsOld(Seat seat) => IsSpent(seat) || clock.GetElapsedTime(seat.BornAt) >= options.RecycleAge;

    private bool HasGrown(Seat seat) => seat.Ready.IsCompletedSuccessfully && seat.Ready.Result.Bytes > options.RecycleBytes;

    private bool IsSpent(Seat seat) => seat.Uses >= options.RecycleRuns;

    // A spent one serves on until its successor is ready, but not for ever: at twice its time it goes whatever comes after.
    private bool MustGo(Seat seat)
    {
        if (!IsSpent(seat))
            return IsOld(seat);
        if (seat.Uses >= 2L * options.RecycleRuns || warm == 0)
            return true;
        lock (_lock)
        {
            if (_seats.Find(other => !other.IsRented && other.Project is null && other.Ready.IsCompletedSuccessfully) is not { } successor)
                return false;
            successor.Project = seat.Project; // so that it is the successor of one only
            return true;
        }
    }

    private void Remove(Seat seat)
    {
        bool mine;
        lock (_lock)
            mine = _seats.Remove(seat);
        if (mine)
            _ = EndAsync(seat);
    }

    private static async Task EndAsync(Seat seat)
    {
        try
        {
            await (await seat.Ready).DisposeAsync();
        }
        catch (ChildStartException)
        {
            // It never was.
        }
    }

    [LoggerMessage(LogLevel.Warning, "A process could not be started ahead of its use: {Reason}")]
    private static partial void LogStartFailed(ILogger logger, string reason);

    internal sealed class Seat(Task<T> ready, long bornAt, bool startedAhead)
    {
        public Task<T> Ready { get; } = ready;
        public long BornAt { get; } = bornAt;
        public bool StartedAhead { get; } = startedAhead;
        public bool IsRented { get; set; }
        public Guid? Project { get; set; }
        public int Uses { get; set; }
    }

    /// <summary>One process in one pair of hands. Disposing it gives it back.</summary>
    public sealed class Rented : IDisposable
    {
        private readonly ProcessPool<T> _pool;
        private readonly Seat _seat;
        private bool _spoilt;
        private bool _returned;

        internal Rented(ProcessPool<T> pool, Seat seat, T process)
        {
            _pool = pool;
            _seat = seat;
            Process = process;
        }

        public T Process { get; }

        /// <summary>True when it has done something before, for the same project.</summary>
        public bool IsUsed => _seat.Uses > 0;

        /// <summary>Before it sees the first byte of a project: from then on it is that project's.</summary>
        public void MarkUsed() => _seat.Uses++;

        /// <summary>It is not in a state to be used again: it is ended when it is given back, unless it is restored before.</summary>
        public void Spoil() => _spoilt = true;

        /// <summary>It has finished what it was doing and may serve again.</summary>
        public void Restore() => _spoilt = false;

        public void Dispose()
        {
            if (_returned)
                return;
            _returned = true;
            _pool.Return(_seat, !_spoilt);
        }
    }
}
