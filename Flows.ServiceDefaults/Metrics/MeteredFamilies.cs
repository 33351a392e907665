using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Flows.ServiceDefaults.Metrics;

/// <summary>
/// Listens to the meters of this process from its start on: our own, the pool of Postgres connections, the requests served, and the runtime.
/// Meters that were made by another host's factory are another's.
/// </summary>
public sealed class MeteredFamilies : IDisposable
{
    private static readonly double[] s_seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
    private static readonly double[] s_amounts = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000];

    // The labels that are kept of meters which are not ours: a pool's name is its connection string, and a request has more of them than anybody asks for.
    private static readonly Dictionary<string, string[]?> s_others = new(StringComparer.Ordinal)
    {
        ["Npgsql"] = ["db.client.connection.state", "state", "db.client.operation.name"],
        ["Microsoft.AspNetCore.Hosting"] = ["http.request.method", "http.route", "http.response.status_code"],
        ["System.Runtime"] = null,
    };

    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, MetricFamily> _families = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, MetricFamily> _observed = new(StringComparer.Ordinal);
    private readonly Lock _reading = new();

    public MeteredFamilies(IMeterFactory factory)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (IsOurs(instrument.Meter, factory))
                listener.EnableMeasurementEvents(instrument, FamilyOf(instrument));
        };
        _listener.SetMeasurementEventCallback<byte>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.SetMeasurementEventCallback<short>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily)family!).Add(value, tags));
        _listener.Start();
    }

    /// <summary>Every family in the order of the names, observed ones as they are now, as text in the exposition format 0.0.4.</summary>
    public string Write()
    {
        // One reader at a time: what is observed is forgotten and asked for again.
        lock (_reading)
        {
            foreach (var family in _observed.Values)
                family.Clear();
            try
            {
                _listener.RecordObservableInstruments();
            }
            catch (AggregateException)
            {
                // One instrument could not say its value; the others have.
            }
            return MetricsText.Write(_families.Values.OrderBy(family => family.Name, StringComparer.Ordinal));
        }
    }

    public void Dispose() => _listener.Dispose();

    private static bool IsOurs(Meter meter, IMeterFactory factory) =>
        (meter.Scope is null || ReferenceEquals(meter.Scope, factory))
        && (meter.Name.StartsWith("Flows.", StringComparison.Ordinal) || s_others.ContainsKey(meter.Name));

    private MetricFamily FamilyOf(Instrument instrument)
    {
        var type = instrument.GetType().GetGenericTypeDefinition();
        var kind = type == typeof(Histogram<>) ? MetricKind.Histogram
            : type == typeof(Counter<>) || type == typeof(ObservableCounter<>) ? MetricKind.Counter
            : MetricKind.Gauge;
        var family = _families.GetOrAdd(MetricsText.NameOf(instrument.Name, instrument.Unit, kind), name => new MetricFamily(
            name, instrument.Description ?? "", kind, kind == MetricKind.Histogram ? BoundsOf(instrument) : [], s_others.GetValueOrDefault(instrument.Meter.Name)));
        if (instrument.IsObservable)
            _observed[family.Name] = family;
        return family;
    }

    private static double[] BoundsOf(Instrument instrument) => instrument switch
    {
        Histogram<double> { Advice.HistogramBucketBoundaries: { Count: > 0 } bounds } => [.. bounds],
        Histogram<long> { Advice.HistogramBucketBoundaries: { Count: > 0 } bounds } => [.. bounds.Select(bound => (double)bound)],
        Histogram<int> { Advice.HistogramBucketBoundaries: { Count: > 0 } bounds } => [.. bounds.Select(bound => (double)bound)],
        _ => instrument.Unit == "s" ? s_seconds : s_amounts,
    };
}
