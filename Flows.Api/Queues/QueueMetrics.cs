using System.Diagnostics.Metrics;
using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.ServiceDefaults;

namespace Flows.Api.Queues;

/// <summary>
/// The queue as gauges, the same from every replica. It is asked when somebody looks, and at most once in five seconds: before a page is written,
/// or, for an exporter that cannot wait, behind its look, so that it sees the queue as it was at the look before.
/// </summary>
internal sealed class QueueMetrics
{
    public const string MeterName = "Flows.Queue";
    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(2);

    private readonly IRunQueue _queue;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private Task _asking = Task.CompletedTask;
    private long _askedAt;
    private QueueStatistics? _known;

    public QueueMetrics(IRunQueue queue, IMeterFactory meters, TimeProvider clock)
    {
        (_queue, _clock) = (queue, clock);
        var meter = meters.Create(MeterName);
        meter.CreateObservableGauge("flows.queue.waiting", () => Each(now => Enum.GetValues<RunPriority>().Select(priority =>
            new Measurement<long>(now.Waiting.GetValueOrDefault(priority), new KeyValuePair<string, object?>("priority", priority.ToString())))), "{run}", "Runs that wait for a worker, by priority.");
        meter.CreateObservableGauge("flows.queue.oldest_wait", () => Each(OldestWaits), "s", "Age of the run that has waited longest, by priority.");
        meter.CreateObservableGauge("flows.queue.jobs", () => Each(now => new[]
        {
            new Measurement<long>(now.Active, new KeyValuePair<string, object?>("state", "active")),
            new Measurement<long>(now.Delayed, new KeyValuePair<string, object?>("state", "delayed")),
            new Measurement<long>(now.Paused, new KeyValuePair<string, object?>("state", "paused")),
            new Measurement<long>(now.Dead, new KeyValuePair<string, object?>("state", "dead")),
        }), "{run}", "Runs on the queue that do not wait: with a worker, given back for later, of a paused flow, or delivered too often.");
    }

    /// <summary>Makes the gauges at most five seconds old. When Redis is away they have no values.</summary>
    public Task RefreshAsync(CancellationToken cancel)
    {
        lock (_lock)
        {
            if (!_asking.IsCompleted || (_askedAt != 0 && _clock.GetElapsedTime(_askedAt) < s_fresh))
                return _asking.WaitAsync(cancel);
            _askedAt = _clock.GetTimestamp();
            return (_asking = Task.Run(AskAsync, CancellationToken.None)).WaitAsync(cancel);
        }
    }

    private async Task AskAsync()
    {
        using var late = new CancellationTokenSource(s_limit, _clock);
        try
        {
            _known = await _queue.GetStatisticsAsync(late.Token);
        }
        catch (Exception error) when (error is QueueUnavailableException or OperationCanceledException)
        {
            _known = null; // old numbers would look like a queue that stands still
        }
    }

    private IEnumerable<T> Each<T>(Func<QueueStatistics, IEnumerable<T>> values)
    {
        _ = RefreshAsync(CancellationToken.None);
        return _known is { } now ? values(now) : [];
    }

    private static IEnumerable<Measurement<double>> OldestWaits(QueueStatistics now)
    {
        // A provider that does not know projects tells of the oldest of all.
        if (now.Backlogs.Count == 0 && now.OldestWait > TimeSpan.Zero)
            return [new(now.OldestWait.TotalSeconds, new KeyValuePair<string, object?>("priority", "any"))];
        return Enum.GetValues<RunPriority>().Select(priority => new Measurement<double>(
            now.Backlogs.Where(backlog => backlog.Priority == priority).Select(backlog => backlog.OldestWait.TotalSeconds).DefaultIfEmpty(0).Max(),
            new KeyValuePair<string, object?>("priority", priority.ToString())));
    }

    public static void AddTo(IServiceCollection services)
    {
        services.AddSingleton<QueueMetrics>();
        services.AddSingleton(provider => new ScrapeSource(provider.GetRequiredService<QueueMetrics>().RefreshAsync));
    }
}
