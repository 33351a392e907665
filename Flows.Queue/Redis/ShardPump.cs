using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Flows.Queue.Redis;

/// <summary>
/// The pump of one shard: one loop that talks to Redis, and handlers beside it, as many as there are slots. The loop has one call under way
/// at a time, so it always knows exactly what it holds, and what ends during a call is settled together in the next one.
/// </summary>
internal sealed partial class ShardPump(
    string consumer, QueueShard shard, QueueRates rates, RedisQueueOptions options, IRunHandler handler, Slots slots, TimeProvider clock, ILogger logger,
    CancellationToken stopping, CancellationToken drained) : IDisposable
{
    private const int JobsInATurn = 64;
    private readonly HashSet<Delivery> _held = new(ReferenceEqualityComparer.Instance);
    private readonly ConcurrentQueue<Delivery> _ended = new();
    private readonly List<Delivery> _settling = [];
    private readonly Places _places = new();
    private readonly SemaphoreSlim _signal = new(0);
    private Action? _again;
    private int _signalled;
    private volatile bool _woken = true;
    private bool _isUncertain; // a call went unanswered: Redis may have given jobs that never arrived
    private bool _isDrained; // the last look took everything there was
    private bool _isInLine; // there may be jobs, and no slot is free for them
    private bool _subscribed;
    private long _pollAt, _renewAt, _releaseAt, _dueAt;

    public void Dispose() => _signal.Dispose();

    /// <summary>Looks again at what there is to do.</summary>
    internal void Signal()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0)
            _signal.Release();
    }

    /// <summary>Runs until it is told to stop and its handlers have ended, or have had their time.</summary>
    internal async Task RunAsync()
    {
        var pause = TimeSpan.Zero;
        while (!stopping.IsCancellationRequested || (_held.Count > 0 && !drained.IsCancellationRequested))
        {
            try
            {
                await RenewAsync(); // before the turn: after an unanswered one it frees the places of jobs that never arrived
                await TurnAsync();
                if (pause > TimeSpan.Zero)
                    LogBack(logger);
                pause = TimeSpan.Zero;
                await WaitAsync();
            }
            catch (QueueUnavailableException error)
            {
                if (pause == TimeSpan.Zero)
                    LogAway(logger, error.Message);
                if (stopping.IsCancellationRequested && _held.Count == _settling.Count + _ended.Count)
                    break; // nothing runs any more, and nobody can be told
                await OutageAsync(pause = TimeSpan.FromMilliseconds(Math.Clamp(pause.TotalMilliseconds * 2, 100, 2000)));
            }
        }
        await LeaveAsync();
    }

    private async Task TurnAsync()
    {
        while (_ended.TryDequeue(out var ended))
            _settling.Add(ended);

        // What is done may be settled with the next look when nothing else waits for it: a job into an idle queue then costs one call here and
        // not two. Enqueueing its run again wakes this consumer, and a crash until then costs one more delivery, which the claim refuses.
        var now = clock.GetTimestamp();
        var isTime = _woken || now >= _pollAt || stopping.IsCancellationRequested;
        var mustSettle = _settling.Count > 0 && (isTime || !_isDrained || _settling.Exists(delivery => delivery.Outcome != Outcome.Done));
        var look = !stopping.IsCancellationRequested && (isTime || mustSettle);
        var free = look ? slots.Take(_again ??= Signal, JobsInATurn) : 0;
        _isInLine = look && free == 0;
        _woken |= _isInLine; // still to look, as soon as a slot is free
        if (free == 0 && !mustSettle)
            return;

        // Before the call: a wake-up that arrives during it is about jobs which the call may have missed.
        if (free > 0)
            _woken = false;
        var also = TurnAlso.Nothing;
        if (now >= _renewAt)
            also |= TurnAlso.ExtendLease;
        if (now >= _releaseAt)
            also |= TurnAlso.ReleaseExpired;
        if (free > 0 && now >= _dueAt)
            also |= TurnAlso.MoveDue;
        var places = _places.Take(free);
        Turn turn;
        try
        {
            // Not cancelled by the stop: jobs taken by a call whose answer nobody reads would wait for the lease to end.
            turn = await shard.TurnAsync(consumer, _settling, places, also, CancellationToken.None);
        }
        catch (QueueUnavailableException)
        {
            slots.Return(free);
            _woken = _isUncertain = true;
            throw;
        }

        slots.Return(free - turn.Taken.Count);
        var (finished, failed) = (0, 0);
        foreach (var settled in _settling)
        {
            _held.Remove(settled);
            _places.Return(settled.Place);
            finished += settled.Outcome == Outcome.Done ? 1 : 0;
            failed += settled.Outcome == Outcome.Failed ? 1 : 0;
        }
        rates.Finished(finished);
        rates.Failed(failed);
        foreach (var unused in places[turn.Taken.Count..])
            _places.Return(unused);
        _settling.Clear();
        Plan(turn, also, free);
        foreach (var delivery in turn.Taken)
        {
            _held.Add(delivery);
            if (stopping.IsCancellationRequested)
                End(delivery); // not started: its outcome is still "back"
            else
                _ = Task.Run(() => HandleAsync(delivery), CancellationToken.None);
        }
        if (!_subscribed)
        {
            // Only now, when Redis has just answered. Jobs that came between this turn and the subscription are found by the next turn.
            await shard.SubscribeAsync(Wake, CancellationToken.None);
            _subscribed = _woken = true;
        }
    }

    /// <summary>Sets when to look, to renew and to help others next, after a turn that asked for so many jobs.</summary>
    private void Plan(Turn turn, TurnAlso also, int asked)
    {
        if (also.HasFlag(TurnAlso.ReleaseExpired))
            _releaseAt = After(options.PollInterval);
        if (also.HasFlag(TurnAlso.ExtendLease) && _held.Count == 0)
            _renewAt = After(options.Lease / 3); // with jobs in hand the next renewal also squares accounts
        var poll = options.PollInterval * (0.8 + 0.4 * Random.Shared.NextDouble());
        var due = turn.NextDue is { } time && time < poll ? time + TimeSpan.FromMilliseconds(1) : poll;
        _dueAt = also.HasFlag(TurnAlso.MoveDue) ? After(due) : Math.Min(_dueAt, After(due));
        if (asked == 0)
        {
            _pollAt = Math.Min(_pollAt, _dueAt);
            return;
        }
        // A full turn: there may be more. Otherwise the queue is empty until it rings, something delayed is due, or the poll.
        _woken |= turn.Taken.Count == asked || turn.IsCut;
        _isDrained = turn.Taken.Count < asked && !turn.IsBlocked;
        _pollAt = Math.Min(After(poll), _dueAt);
    }

    private async Task RenewAsync()
    {
        // After an unanswered turn also with empty hands: Redis may count jobs as this consumer's that it has never seen, and as long as it
        // goes on taking others its lease does not end, so nobody else would free them.
        if (!_isUncertain && (_held.Count == 0 || clock.GetTimestamp() < _renewAt))
            return;

        if (_isUncertain)
            _places.Abandon();
        var unknown = await shard.RenewAsync(consumer, _held, CancellationToken.None);
        _isUncertain = false;
        _renewAt = After(options.Lease / 3);
        if (unknown > 0)
            LogUnknown(logger, unknown);
    }

    private async Task WaitAsync()
    {
        if (!_ended.IsEmpty || (stopping.IsCancellationRequested && _held.Count == 0))
            return;

        var mayLook = !_isInLine && !stopping.IsCancellationRequested;
        if (mayLook && _woken)
            return;

        var until = long.MaxValue;
        if (mayLook)
            until = _pollAt;
        if (_held.Count > 0)
            until = Math.Min(until, _renewAt);
        var wait = clock.GetElapsedTime(clock.GetTimestamp(), until);
        if (wait > TimeSpan.Zero)
            await SignalledAsync(wait < options.Lease ? wait : options.Lease);
    }

    private async Task OutageAsync(TimeSpan pause)
    {
        slots.LeaveLine(_again ??= Signal);
        // Others have been cut off too. Nobody may call them dead before they have had time to renew.
        _releaseAt = After(options.Lease);
        _renewAt = 0;
        var over = After(pause);
        while (clock.GetElapsedTime(clock.GetTimestamp(), over) is var left && left > TimeSpan.Zero && !drained.IsCancellationRequested)
            await SignalledAsync(left);
    }

    private async Task LeaveAsync()
    {
        slots.LeaveLine(_again ??= Signal);
        try
        {
            // With a handler still running its job is given back all the same: the claim's fence keeps the two apart.
            await shard.LeaveAsync(consumer, CancellationToken.None);
            if (_subscribed)
                await shard.UnsubscribeAsync(Wake, CancellationToken.None);
        }
        catch (QueueUnavailableException error)
        {
            LogLeftSilently(logger, error.Message); // the lease ends by itself
        }
    }

    private async Task HandleAsync(Delivery delivery)
    {
        try
        {
            var settlement = await handler.HandleAsync(delivery.Job, stopping);
            var handedBack = settlement.Delay <= TimeSpan.Zero && stopping.IsCancellationRequested;
            delivery.Settle(settlement.IsDone ? Outcome.Done : handedBack ? Outcome.Back : Outcome.Later, settlement.Delay);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            delivery.Settle(Outcome.Back);
        }
        catch (Exception error)
        {
            // The pump's one catch-all: whatever a handler throws is a delivery that failed, and the pump goes on.
            LogFailed(logger, error, delivery.Job.RunId, delivery.Number);
            delivery.Settle(Outcome.Failed, TimeSpan.FromSeconds(Math.Min(30, Math.Pow(2, delivery.Number - 2))));
        }
        End(delivery);
    }

    private void End(Delivery delivery)
    {
        _ended.Enqueue(delivery);
        slots.Return(1);
        Signal();
    }

    private void Wake(RedisChannel channel, RedisValue message)
    {
        _woken = true;
        Signal();
    }

    private async Task SignalledAsync(TimeSpan limit)
    {
        if (await _signal.WaitAsync(limit))
            Volatile.Write(ref _signalled, 0);
    }

    private long After(TimeSpan time) => clock.GetTimestamp() + (long)(time.TotalSeconds * clock.TimestampFrequency);

    [LoggerMessage(Level = LogLevel.Error, Message = "The run {RunId} could not be handled (delivery {Number}); it will be delivered again.")]
    private static partial void LogFailed(ILogger logger, Exception error, Guid runId, int number);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The queue is away and is tried again until it is back: {Reason}")]
    private static partial void LogAway(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The queue is back.")]
    private static partial void LogBack(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Count} jobs whose delivery was lost on its way wait again.")]
    private static partial void LogUnknown(ILogger logger, int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The queue could not be told that this consumer leaves; its lease will end by itself: {Reason}")]
    private static partial void LogLeftSilently(ILogger logger, string reason);
}

/// <summary>The numbers under which Redis notes down what a consumer holds. A place is used again once its job is settled, which saves taking the job out of it.</summary>
internal sealed class Places
{
    private readonly Stack<int> _free = new();
    private int _next;

    internal int[] Take(int count)
    {
        var taken = new int[count];
        for (var i = 0; i < count; i++)
            taken[i] = _free.TryPop(out var place) ? place : _next++;
        return taken;
    }

    internal void Return(int place) => _free.Push(place);

    /// <summary>After an unanswered turn a free place may hold a job that never arrived here, and must not be written over.</summary>
    internal void Abandon() => _free.Clear();
}
