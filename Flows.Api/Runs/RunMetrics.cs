using System.Diagnostics.Metrics;
using Flows.Contracts.Runs;

namespace Flows.Api.Runs;

/// <summary>What happens to runs, as numbers. Every name is described in docs/observability.md; labels come from closed lists.</summary>
internal sealed class RunMetrics
{
    public const string MeterName = "Flows.Runs";

    private readonly Counter<long> _accepted;
    private readonly Counter<long> _moved;
    private readonly Histogram<double> _wait;
    private readonly Counter<long> _lost;
    private readonly Histogram<double> _commitTime;
    private readonly Histogram<long> _commitItems;
    private readonly Histogram<double> _webhook;
    private readonly Histogram<double> _scheduleLag;
    private readonly Counter<long> _scheduleMissed;
    private readonly Counter<long> _polls;
    private readonly Counter<long> _removed;

    public RunMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _accepted = meter.CreateCounter<long>("flows.runs.accepted", "{run}", "Runs that were accepted, by what started them.");
        _moved = meter.CreateCounter<long>("flows.runs.moved", "{run}", "Changes of a run's status after it was accepted, by the new status; Queued is one that goes on elsewhere or again.");
        _wait = Seconds(meter, "flows.runs.wait", "From the acceptance of a run to its first claim.", [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800]);
        _lost = meter.CreateCounter<long>("flows.leases.lost", "{lease}", "Claims whose worker did not renew them, by what became of the run.");
        _commitTime = Seconds(meter, "flows.commits.duration", "Time of one commit that callers share, by what it writes; report is the journal.", [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10]);
        _commitItems = meter.CreateHistogram("flows.commits.items", "{item}", "Callers that shared one commit, by what it writes.",
            tags: null, new InstrumentAdvice<long> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256] });
        _webhook = Seconds(meter, "flows.webhooks.duration", "From the arrival of a call to its answer, by the kind of address and the class of the status.", [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]);
        _scheduleLag = Seconds(meter, "flows.schedules.lag", "From the time at which a schedule was to start a run to its acceptance.", [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600]);
        _scheduleMissed = meter.CreateCounter<long>("flows.schedules.missed", "{time}", "Times of schedules that had passed unseen and were not made up for.");
        _polls = meter.CreateCounter<long>("flows.triggers.polls", "{poll}", "Polls of triggers that have come to an end, by whether the service answered as it should.");
        _removed = meter.CreateCounter<long>("flows.retention.removed", "{object}", "What retention has removed, by its kind.");
    }

    public void Accepted(RunOrigin origin, RunEnvironment environment) => _accepted.Add(1, Label("origin", Name(origin)), Label("environment", Name(environment)));

    public void Moved(RunStatus to) => _moved.Add(1, Label("status", Name(to)));

    public void Claimed(Guid run, DateTimeOffset now) => _wait.Record(Math.Max(0, (now - RunIds.MomentOf(run)).TotalSeconds));

    public void LeaseLost(RunStatus then) => _lost.Add(1, Label("then", Name(then)));

    /// <param name="what">A word of the code: accept, accept_once, claim or report.</param>
    public void Committed(string what, int items, TimeSpan took)
    {
        _commitTime.Record(took.TotalSeconds, Label("what", what));
        _commitItems.Record(items, Label("what", what));
    }

    /// <param name="mode">async, sync or test.</param>
    public void Called(string mode, int status, TimeSpan took) => _webhook.Record(took.TotalSeconds, Label("mode", mode), Label("status", status switch
    {
        < 300 => "2xx",
        < 400 => "3xx",
        < 500 => "4xx",
        _ => "5xx",
    }));

    public void Scheduled(TimeSpan late) => _scheduleLag.Record(Math.Max(0, late.TotalSeconds));

    public void ScheduleMissed(int times) => _scheduleMissed.Add(times);

    public void Polled(bool isDone) => _polls.Add(1, Label("result", isDone ? "done" : "failed"));

    /// <param name="what">A word of the code, such as partition or stored_key.</param>
    public void Removed(string what, long count) => _removed.Add(count, Label("what", what));

    private static Histogram<double> Seconds(Meter meter, string name, string description, double[] bounds) =>
        meter.CreateHistogram(name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = bounds });

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);

    private static string Name<T>(T value) where T : struct, Enum => Names<T>.Of[value];

    private static class Names<T> where T : struct, Enum
    {
        public static readonly Dictionary<T, string> Of = Enum.GetValues<T>().Distinct().ToDictionary(value => value, value => value.ToString());
    }
}
