using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Npgsql;
using StackExchange.Redis;

namespace Flows.Api.Runs;

/// <summary>
/// The callers of this instance that wait for a run. Its id is written into runs.waiter when the run is accepted, so whichever replica
/// hears of the answer knows whom to tell: directly when it is this one, else through Redis. Once a second all runs that are
/// waited for are also looked up in Postgres in one query, so a lost message costs a second and no more. When the process is told to stop
/// the callers keep their chance for a while, and are then told where to look: the web server lets requests in flight end, but not for ever.
/// </summary>
internal sealed partial class RunWaiters(
    RunReader runs, IConnectionMultiplexer redis, IOptions<RunOptions> options, IHostApplicationLifetime lifetime, TimeProvider clock,
    ILogger<RunWaiters> log) : BackgroundService
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(1);
    private const int MaxLook = 5_000;

    private readonly ConcurrentDictionary<Guid, Waiter> _waiting = new();
    private readonly Channel<Guid> _heard = Channel.CreateBounded<Guid>(
        new BoundedChannelOptions(16_384) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite });

    private volatile bool _isCut;

    /// <summary>The name of this API process, new with each start.</summary>
    public string Instance { get; } = Guid.CreateVersion7().ToString("N");

    public int Count => _waiting.Count;

    /// <summary>Registers a caller; do it before the run is accepted, so that no news can be missed. Dispose it when the wait is over.</summary>
    /// <param name="atResponse">True: a respond step's answer ends the wait. False: only the run's own end, or a pause, does.</param>
    /// <exception cref="UnavailableException">As many callers are waiting as this instance holds.</exception>
    public Waiter Register(Guid runId, bool atResponse)
    {
        if (_waiting.Count >= options.Value.MaxWaiters)
            throw new UnavailableException("Too many callers are waiting for runs. Try again in a moment, or start the run without waiting.");
        var waiter = new Waiter(this, runId, atResponse);
        _waiting[runId] = waiter;
        if (_isCut)
            waiter.Cut();
        return waiter;
    }

    /// <summary>Ends the wait of the run's caller, if this is what it waits for.</summary>
    public void Deliver(RunNews news)
    {
        if (_waiting.TryGetValue(news.RunId, out var waiter))
            waiter.Deliver(news);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var stop = lifetime.ApplicationStopping.Register(() => _ = CutAsync());
        var subscription = SubscribeAsync(stoppingToken);
        var heard = ReadHeardAsync(stoppingToken);
        using var timer = new PeriodicTimer(s_look, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            foreach (var ids in _waiting.Keys.Chunk(MaxLook))
                await LookAsync(ids, stoppingToken);
        }
        await Task.WhenAll(subscription, heard);
    }

    private async Task CutAsync()
    {
        await Task.Delay(options.Value.StopPatience, clock, CancellationToken.None);
        _isCut = true; // before the look around: whoever registers from now on sees it
        foreach (var waiter in _waiting.Values)
            waiter.Cut();
    }

    private async Task SubscribeAsync(CancellationToken stopping)
    {
        // The client keeps a subscription over reconnects once it has been made.
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await redis.GetSubscriber().SubscribeAsync(RunAnnouncer.ChannelOf(Instance), (_, message) =>
                {
                    foreach (var id in RunAnnouncer.ReadIds(message!))
                        _heard.Writer.TryWrite(id);
                });
                return;
            }
            catch (Exception error) when (error is RedisException or TimeoutException)
            {
                await Task.Delay(TimeSpan.FromSeconds(5), clock, stopping);
            }
        }
    }

    private async Task ReadHeardAsync(CancellationToken stopping)
    {
        var ids = new HashSet<Guid>();
        while (await _heard.Reader.WaitToReadAsync(stopping))
        {
            ids.Clear();
            while (ids.Count < MaxLook && _heard.Reader.TryRead(out var id))
            {
                if (_waiting.ContainsKey(id))
                    ids.Add(id);
            }
            await LookAsync([.. ids], stopping);
        }
    }

    private async Task LookAsync(Guid[] ids, CancellationToken stopping)
    {
        if (ids.Length == 0)
            return;
        try
        {
            foreach (var news in await runs.NewsAsync(ids, stopping))
                Deliver(news);
        }
        catch (NpgsqlException error)
        {
            // The next look finds them; a caller's own time limit ends its wait in any case.
            LogLookFailed(log, error.SqlState ?? error.GetBaseException().GetType().Name);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Looking for the answers of waiting callers failed ({Reason})")]
    private static partial void LogLookFailed(ILogger log, string reason);

    /// <summary>One waiting caller.</summary>
    internal sealed class Waiter(RunWaiters owner, Guid runId, bool atResponse) : IDisposable
    {
        private readonly TaskCompletionSource<RunNews?> _news = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>The news that ends the wait; null when the time was over before, or this process stops.</summary>
        /// <exception cref="OperationCanceledException">The caller has gone.</exception>
        public async Task<RunNews?> WaitAsync(TimeSpan limit, CancellationToken cancel)
        {
            try
            {
                return await _news.Task.WaitAsync(limit, owner.Clock, cancel);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }

        public void Deliver(RunNews news)
        {
            if (news.IsSettled || (atResponse && news.Response is not null))
                _news.TrySetResult(news);
        }

        public void Cut() => _news.TrySetResult(null);

        public void Dispose() => owner._waiting.TryRemove(KeyValuePair.Create(runId, this));
    }

    private TimeProvider Clock => clock;
}
