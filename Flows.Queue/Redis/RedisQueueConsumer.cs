using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Flows.Queue.Redis;

/// <summary>
/// The consumer's pump: one loop that talks to Redis, and as many handlers beside it as there are slots. The loop has one call under way
/// at a time, so it always knows exactly what it holds, and what ends during a call is settled together in the next one.
/// </summary>
internal sealed partial class RedisQueueConsumer(
    QueueShard shard, RedisQueueOptions options, IRunHandler handler, int concurrency, TimeProvider clock, ILogger<RedisQueueConsumer> logger)
    : IHostedLifecycleService, IDisposable
{
    private const int JobsInATurn = 64;
    private readonly string _consumer = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.CreateVersion7():N}";
    private readonly HashSet<Delivery> _held = new(ReferenceEqualityComparer.Instance);
    private readonly ConcurrentQueue<Delivery> _ended = new();
    private readonly List<Delivery> _settling = [];
    private readonly SemaphoreSlim _signal = new(0);
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _drained = new();
    private Task _loop = Task.CompletedTask;
    private int _signalled;
    private volatile bool _woken = true;
    private bool _isUncertain; // a call went unanswered: Redis may have given jobs that never arrived
    private bool _subscribed;
    private long _pollAt, _renewAt, _releaseAt;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _loop = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>Before any other part of the process stops, so that the handlers can still use all of them to hand their runs back.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (_stopping.IsCancellationRequested)
        {
            await _loop;
            return;
        }
        _drained.CancelAfter(options.DrainLimit);
        await using var hurry = cancellationToken.UnsafeRegister(drained => ((CancellationTokenSource)drained!).Cancel(), _drained);
        await _stopping.CancelAsync();
        Signal();
        await _loop;
    }

    public Task StopAsync(CancellationToken cancellationToken) => StoppingAsync(cancellationToken);
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _stopping.Dispose();
        _drained.Dispose();
        _signal.Dispose();
    }

    private async Task RunAsync()
    {
        var pause = TimeSpan.Zero;
        while (!_stopping.IsCancellationRequested || (_held.Count > 0 && !_drained.IsCancellationRequested))
        {
            try
            {
                await TurnAsync();
                await RenewAsync();
                if (pause > TimeSpan.Zero)
                    LogBack(logger);
                pause = TimeSpan.Zero;
                await WaitAsync();
            }
            catch (QueueUnavailableException error)
            {
                if (pause == TimeSpan.Zero)
                    LogAway(logger, error.Message);
                if (_stopping.IsCancellationRequested && _held.Count == _settling.Count + _ended.Count)
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

        var now = clock.GetTimestamp();
        var free = _stopping.IsCancellationRequested ? 0 : Math.Min(concurrency - (_held.Count - _settling.Count), JobsInATurn);
        var look = free > 0 && (_woken || now >= _pollAt || _settling.Count > 0);
        if (!look && _settling.Count == 0)
            return;

        // Before the call: a wake-up that arrives during it is about jobs which the call may have missed.
        _woken = false;
        var release = now >= _releaseAt;
        Turn turn;
        try
        {
            // Not cancelled by the stop: jobs taken by a call whose answer nobody reads would wait for the lease to end.
            turn = await shard.TurnAsync(_consumer, _settling, look ? free : 0, release, CancellationToken.None);
        }
        catch (QueueUnavailableException)
        {
            _woken = _isUncertain = true;
            throw;
        }

        foreach (var settled in _settling)
            _held.Remove(settled);
        _settling.Clear();
        if (release)
            _releaseAt = After(options.PollInterval);
        if (_held.Count == 0)
            _renewAt = After(options.Lease / 3); // the turn itself began a new lease
        foreach (var delivery in turn.Taken)
        {
            _held.Add(delivery);
            if (_stopping.IsCancellationRequested)
                _ended.Enqueue(delivery); // not started: its outcome is still "back"
            else
                _ = Task.Run(() => HandleAsync(delivery), CancellationToken.None);
        }

        // A full turn: there may be more. Otherwise the queue is empty until it rings, something delayed is due, or the poll.
        if (look)
        {
            _woken |= turn.Taken.Count == free;
            var poll = options.PollInterval * (0.8 + 0.4 * Random.Shared.NextDouble());
            _pollAt = After(turn.NextDue is { } due && due < poll ? due + TimeSpan.FromMilliseconds(1) : poll);
        }
        if (!_subscribed)
        {
            // Only now, when Redis has just answered. Jobs that came between this turn and the subscription are found by the next turn.
            await shard.SubscribeAsync(Wake, CancellationToken.None);
            _subscribed = _woken = true;
        }
    }

    private async Task RenewAsync()
    {
        // After an unanswered turn also with empty hands: Redis may count jobs as this consumer's that it has never seen, and as long as it
        // goes on taking others its lease does not end, so nobody else would free them.
        if (!_isUncertain && (_held.Count == 0 || clock.GetTimestamp() < _renewAt))
            return;

        var unknown = await shard.RenewAsync(_consumer, _held, CancellationToken.None);
        _isUncertain = false;
        _renewAt = After(options.Lease / 3);
        if (unknown > 0)
            LogUnknown(logger, unknown);
    }

    private async Task WaitAsync()
    {
        if (!_ended.IsEmpty)
            return;

        var hasSlot = _held.Count < concurrency && !_stopping.IsCancellationRequested;
        if (hasSlot && _woken)
            return;

        var until = long.MaxValue;
        if (hasSlot)
            until = _pollAt;
        if (_held.Count > 0)
            until = Math.Min(until, _renewAt);
        var wait = clock.GetElapsedTime(clock.GetTimestamp(), until);
        if (wait > TimeSpan.Zero)
            await SignalledAsync(wait < options.Lease ? wait : options.Lease);
    }

    private async Task OutageAsync(TimeSpan pause)
    {
        // Others have been cut off too. Nobody may call them dead before they have had time to renew.
        _releaseAt = After(options.Lease);
        _renewAt = 0;
        var over = After(pause);
        while (clock.GetElapsedTime(clock.GetTimestamp(), over) is var left && left > TimeSpan.Zero && !_drained.IsCancellationRequested)
            await SignalledAsync(left);
    }

    private async Task LeaveAsync()
    {
        try
        {
            // With a handler still running its job is given back all the same: the claim's fence keeps the two apart.
            await shard.LeaveAsync(_consumer, CancellationToken.None);
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
            var settlement = await handler.HandleAsync(delivery.Job, _stopping.Token);
            var handedBack = settlement.Delay <= TimeSpan.Zero && _stopping.IsCancellationRequested;
            delivery.Settle(settlement.IsDone ? Outcome.Done : handedBack ? Outcome.Back : Outcome.Later, settlement.Delay);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            delivery.Settle(Outcome.Back);
        }
        catch (Exception error)
        {
            // The pump's one catch-all: whatever a handler throws is a delivery that failed, and the pump goes on.
            LogFailed(logger, error, delivery.Job.RunId, delivery.Number);
            delivery.Settle(Outcome.Failed, TimeSpan.FromSeconds(Math.Min(30, Math.Pow(2, delivery.Number - 2))));
        }
        _ended.Enqueue(delivery);
        Signal();
    }

    private void Wake(RedisChannel channel, RedisValue message)
    {
        _woken = true;
        Signal();
    }

    private void Signal()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0)
            _signal.Release();
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
