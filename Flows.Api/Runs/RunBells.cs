using System.Threading.Channels;
using Flows.Queue;

namespace Flows.Api.Runs;

/// <summary>
/// Puts runs on the queue, many in one call, without making anybody wait for Redis. A bell that is lost here costs time only:
/// the run is due in Postgres, and a sweeper rings again.
/// </summary>
internal sealed partial class RunBells(IRunQueue queue, TimeProvider clock, ILogger<RunBells> log) : BackgroundService
{
    private const int MaxWaiting = 65_536;
    private const int MaxBatch = 1024;

    /// <summary>For how long the same bells are tried again; after that the sweeper has them.</summary>
    private static readonly TimeSpan s_persistence = TimeSpan.FromSeconds(10);

    private readonly Channel<RunJob> _waiting =
        Channel.CreateBounded<RunJob>(new BoundedChannelOptions(MaxWaiting) { SingleReader = true });
    private bool _away;

    /// <summary>Call it after the commit that made the run Queued.</summary>
    public void Ring(RunJob job) => _waiting.Writer.TryWrite(job);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<RunJob>(MaxBatch);
        while (await _waiting.Reader.WaitToReadAsync(stoppingToken))
        {
            batch.Clear();
            while (batch.Count < MaxBatch && _waiting.Reader.TryRead(out var job))
                batch.Add(job);
            await RingAsync(batch, stoppingToken);
        }
    }

    private async Task RingAsync(List<RunJob> batch, CancellationToken stopping)
    {
        var started = clock.GetTimestamp();
        var pause = TimeSpan.FromMilliseconds(100);
        while (true)
        {
            try
            {
                await queue.EnqueueAsync(batch, stopping);
                if (_away)
                    LogBack(log);
                _away = false;
                return;
            }
            catch (QueueUnavailableException error)
            {
                if (!_away)
                    LogAway(log, error.Message);
                _away = true;
            }
            if (clock.GetElapsedTime(started) > s_persistence)
                return;
            await Task.Delay(pause, clock, stopping);
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, TimeSpan.TicksPerSecond));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The queue cannot be reached ({Reason}). Runs are accepted and stay in Postgres; they are queued when it is back")]
    private static partial void LogAway(ILogger log, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "The queue can be reached again")]
    private static partial void LogBack(ILogger log);
}
