using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Flows.Queue.Redis;

/// <summary>The consumer of one process: a pump for each shard, which share its slots. It stops before any other part of the process, so
/// that the handlers can still use all of them to hand their runs back.</summary>
internal sealed class RedisQueueConsumer : IHostedLifecycleService, IDisposable
{
    private readonly ShardPump[] _pumps;
    private readonly CancellationTokenSource _drained = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly TimeSpan _drainLimit;
    private readonly QueueRates _rates;
    private Task _running = Task.CompletedTask;

    internal RedisQueueConsumer(
        QueueShards shards, RedisQueueOptions options, IRunHandler handler, int concurrency, TimeProvider clock, ILogger<RedisQueueConsumer> logger)
    {
        var slots = new Slots(concurrency);
        var name = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.CreateVersion7():N}";
        (_drainLimit, _rates) = (options.DrainLimit, shards.Rates);
        _pumps = [.. shards.All.Select(shard => new ShardPump(name, shard, shards.Rates, options, handler, slots, clock, logger, _stopping.Token, _drained.Token))];
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.WhenAll(_pumps.Select(pump => Task.Run(pump.RunAsync, CancellationToken.None)));
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (_stopping.IsCancellationRequested)
        {
            await _running;
            return;
        }
        _drained.CancelAfter(_drainLimit);
        await using var hurry = cancellationToken.UnsafeRegister(drained => ((CancellationTokenSource)drained!).Cancel(), _drained);
        await _stopping.CancelAsync();
        foreach (var pump in _pumps)
            pump.Signal();
        await _running;
        await _rates.TryFlushAsync(CancellationToken.None); // what was counted since the last time
    }

    public Task StopAsync(CancellationToken cancellationToken) => StoppingAsync(cancellationToken);
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        foreach (var pump in _pumps)
            pump.Dispose();
        _stopping.Dispose();
        _drained.Dispose();
    }
}
