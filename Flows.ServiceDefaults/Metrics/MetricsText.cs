using System.Globalization;
using System.Text;

namespace Flows.ServiceDefaults.Metrics;

/// <summary>
/// The text format that Prometheus reads, version 0.0.4: for each family a line of help, one of type, and a line for each series:
/// <c>name{label="value",…} number</c>. https://prometheus.io/docs/instrumenting/exposition_formats/
/// </summary>
internal static class MetricsText
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary><c>flows.runs.wait</c> in <c>s</c> is <c>flows_runs_wait_seconds</c>; a counter ends in <c>_total</c>.</summary>
    public static string NameOf(string instrument, string? unit, MetricKind kind)
    {
        var name = new StringBuilder(instrument.Length + 16);
        foreach (var letter in instrument)
            name.Append(char.IsAsciiLetterOrDigit(letter) ? letter : '_');
        if (unit switch { "s" => "_seconds", "By" => "_bytes", "1" => "_ratio", _ => null } is { } ending && !name.ToString().EndsWith(ending, StringComparison.Ordinal))
            name.Append(ending);
        if (kind == MetricKind.Counter && !name.ToString().EndsWith("_total", StringComparison.Ordinal))
            name.Append("_total");
        return name.ToString();
    }

    public static string Write(IEnumerable<MetricFamily> families)
    {
        var page = new StringBuilder(32 << 10);
        foreach (var family in families)
        {
            var series = family.Series.Select(one => (Labels: LabelsOf(family, one.Key), one.Value)).OrderBy(one => one.Labels, StringComparer.Ordinal).ToList();
            if (series.Count == 0)
                continue;
            page.Append("# HELP ").Append(family.Name).Append(' ').Append(family.Help.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append('\n');
            page.Append("# TYPE ").Append(family.Name).Append(' ').Append(family.Kind switch
            {
                MetricKind.Counter => "counter",
                MetricKind.Gauge => "gauge",
                _ => "histogram",
            }).Append('\n');
            foreach (var (labels, values) in series)
            {
                if (family.Kind == MetricKind.Histogram)
                    WriteHistogram(page, family, labels, values);
                else
                    Line(page, family.Name, "", labels, "", Number(values.Read().Sum));
            }
        }
        return page.ToString();
    }

    private static void WriteHistogram(StringBuilder page, MetricFamily family, string labels, MetricSeries series)
    {
        var (sum, count, counts) = series.Read();
        var upTo = 0L;
        for (var i = 0; i < counts.Length; i++)
        {
            upTo += counts[i];
            Line(page, family.Name, "_bucket", labels, $"le=\"{Number(family.Bounds[i])}\"", upTo.ToString(CultureInfo.InvariantCulture));
        }
        Line(page, family.Name, "_bucket", labels, "le=\"+Inf\"", count.ToString(CultureInfo.InvariantCulture));
        Line(page, family.Name, "_sum", labels, "", Number(sum));
        Line(page, family.Name, "_count", labels, "", count.ToString(CultureInfo.InvariantCulture));
    }

    private static void Line(StringBuilder page, string name, string ending, string labels, string more, string value)
    {
        page.Append(name).Append(ending);
        if (labels.Length + more.Length > 0)
            page.Append('{').Append(labels).Append(labels.Length > 0 && more.Length > 0 ? "," : "").Append(more).Append('}');
        page.Append(' ').Append(value).Append('\n');
    }

    private static string LabelsOf(MetricFamily family, LabelValues values)
    {
        var text = new StringBuilder();
        for (var i = 0; i < family.Labels.Count; i++)
        {
            if (Convert.ToString(values[i], CultureInfo.InvariantCulture) is not { Length: > 0 } value)
                continue; // no label and an empty one are the same
            if (text.Length > 0)
                text.Append(',');
            foreach (var letter in family.Labels[i])
                text.Append(char.IsAsciiLetterOrDigit(letter) ? letter : '_');
            text.Append("=\"").Append(value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)).Append('"');
        }
        return text.ToString();
    }

    private static string Number(double value) => double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString("R", CultureInfo.InvariantCulture);
}
