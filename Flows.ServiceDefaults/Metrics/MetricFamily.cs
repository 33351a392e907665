using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Flows.ServiceDefaults.Metrics;

/// <summary>The values of up to four labels. What an instrument says beyond that is summed up.</summary>
internal readonly record struct LabelValues(object? First, object? Second, object? Third, object? Fourth)
{
    public const int Most = 4;

    public object? this[int index] => index switch { 0 => First, 1 => Second, 2 => Third, _ => Fourth };
}

/// <summary>What the values of a family mean.</summary>
internal enum MetricKind
{
    /// <summary>A sum that grows.</summary>
    Counter,
    /// <summary>A value that goes up and down.</summary>
    Gauge,
    /// <summary>Counts by size.</summary>
    Histogram,
}

/// <summary>One instrument and its series. Safe from any thread; the number of series is limited, whatever is measured.</summary>
/// <param name="labels">The labels that are kept, in this order; null: those of the first measurement.</param>
internal sealed class MetricFamily(string name, string help, MetricKind kind, double[] bounds, string[]? labels)
{
    /// <summary>Series of one family; measurements of further ones are added to the one that has every label "other".</summary>
    public const int MostSeries = 500;

    private static readonly LabelValues s_other = new("other", "other", "other", "other");
    private readonly ConcurrentDictionary<LabelValues, MetricSeries> _series = new();
    private string[]? _labels = labels;

    public string Name => name;
    public string Help => help;
    public MetricKind Kind => kind;
    public double[] Bounds => bounds;
    public IReadOnlyList<string> Labels => _labels ?? [];
    public IEnumerable<KeyValuePair<LabelValues, MetricSeries>> Series => _series;

    /// <summary>Adds a measurement to its series.</summary>
    public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags) => SeriesOf(tags).Add(value);

    /// <summary>Forgets every series: observed ones say all they have to say each time.</summary>
    public void Clear() => _series.Clear();

    private MetricSeries SeriesOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (_labels is null)
        {
            var names = new string[Math.Min(tags.Length, LabelValues.Most)];
            for (var i = 0; i < names.Length; i++)
                names[i] = tags[i].Key;
            _labels = names;
        }
        var key = new LabelValues(ValueOf(tags, 0), ValueOf(tags, 1), ValueOf(tags, 2), ValueOf(tags, 3));
        if (_series.TryGetValue(key, out var series))
            return series;
        return _series.GetOrAdd(_series.Count < MostSeries ? key : s_other, static (_, count) => new MetricSeries(count), bounds);
    }

    private object? ValueOf(ReadOnlySpan<KeyValuePair<string, object?>> tags, int label)
    {
        if (label >= _labels!.Length)
            return null;
        // Nearly always the tags come in the order of the labels.
        if (label < tags.Length && tags[label].Key == _labels[label])
            return tags[label].Value;
        foreach (var tag in tags)
        {
            if (tag.Key == _labels[label])
                return tag.Value;
        }
        return null;
    }
}

/// <summary>One line of numbers: a sum and, for a histogram, how many measurements were at most as large as each bound.</summary>
internal sealed class MetricSeries(double[] bounds)
{
    private readonly Lock _lock = new();
    private readonly long[] _counts = new long[bounds.Length];
    private double _sum;
    private long _count;

    public void Add(double value)
    {
        lock (_lock)
        {
            _sum += value;
            _count++;
            for (var i = 0; i < bounds.Length; i++)
            {
                if (value <= bounds[i])
                {
                    _counts[i]++;
                    break;
                }
            }
        }
    }

    /// <summary>The sum, the number of measurements, and how many fell between each bound and the one before.</summary>
    public (double Sum, long Count, long[] Counts) Read()
    {
        lock (_lock)
            return (_sum, _count, [.. _counts]);
    }
}
