using Flows.Api.Migrations;

namespace Flows.Api.Runs;

/// <summary>
/// A loop that keeps looking for something to repair. It runs in every replica of the API, so what it does must be safe at the same time
/// in all of them. It starts at a random moment of its first second. After an error, or where something was in its way, it comes back
/// after 4 s at most, and later and later, up to half a minute or its period.
/// </summary>
internal abstract partial class Housekeeper(TimeSpan period, SchemaState schema, TimeProvider clock, ILogger log) : BackgroundService
{
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_firstLook = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_shortestPause = TimeSpan.FromSeconds(2);

    /// <summary>One look. Returns true when there may be more to do at once.</summary>
    internal abstract Task<bool> SweepAsync(CancellationToken cancel);

    /// <summary>Set by a look that something was in the way of, which is no error; the next one begins without it.</summary>
    internal bool IsHindered { get; private protected set; }

    /// <summary>When it looks again, at about; null before its first rest.</summary>
    internal DateTimeOffset? NextLookAt { get; private set; }

    /// <summary>Looks in a row before it rests, so that one that always finds something leaves room for others.</summary>
    protected virtual int MostInARow => 5;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await schema.WaitUntilReadyAsync(stoppingToken);
        await Task.Delay(Jitter(period < s_firstLook ? period : s_firstLook, 1), clock, stoppingToken);
        var failures = 0;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                IsHindered = false;
                for (var i = 0; i < MostInARow && await SweepAsync(stoppingToken); i++)
                {
                }
                failures = IsHindered ? failures + 1 : 0;
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                // A housekeeper must outlive everything: Postgres or Redis away, a bad row.
                if (failures++ == 0)
                    LogFailed(log, error, GetType().Name);
            }
            var pause = PauseAfter(failures, period);
            NextLookAt = clock.GetUtcNow() + pause;
            await Task.Delay(failures == 0 ? RestOf(pause) : WithJitter(pause), clock, stoppingToken);
        }
    }

    /// <summary>How long a look that found nothing in its way is followed by rest, when the period would have it be <paramref name="pause"/>.</summary>
    protected virtual TimeSpan RestOf(TimeSpan pause) => WithJitter(pause);

    private static TimeSpan WithJitter(TimeSpan pause) => pause + Jitter(pause, 0.1);

    /// <param name="failures">In a row.</param>
    internal static TimeSpan PauseAfter(int failures, TimeSpan period)
    {
        if (failures == 0)
            return period;
        var first = period < s_shortestPause ? period : s_shortestPause;
        return TimeSpan.FromTicks(Math.Min(first.Ticks << Math.Min(failures, 16), Math.Max(period.Ticks, s_longestPause.Ticks)));
    }

    /// <summary>A random part of a span, up to <paramref name="share"/> of it, so that replicas do not sweep in step.</summary>
    protected static TimeSpan Jitter(TimeSpan span, double share) =>
#pragma warning disable CA5394 // Spreading work over time is no secret.
        span * (Random.Shared.NextDouble() * share);
#pragma warning restore CA5394

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Housekeeper} failed and keeps trying")]
    private static partial void LogFailed(ILogger log, Exception error, string housekeeper);
}
