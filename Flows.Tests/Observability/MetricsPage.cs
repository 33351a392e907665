using System.Globalization;

namespace Flows.Tests.Observability;

/// <summary>A page in the text format of Prometheus, read line by line; a line that is not of the format fails the test.</summary>
internal sealed class MetricsPage
{
    private readonly Dictionary<string, double> _values = [];

    private MetricsPage()
    {
    }

    public static MetricsPage Parse(string text)
    {
        var page = new MetricsPage();
        var types = new Dictionary<string, string>();
        Assert.EndsWith("\n", text, StringComparison.Ordinal);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Assert.True(types.TryAdd(line.Split(' ')[2], line.Split(' ')[3]), $"Twice: {line}");
                continue;
            }
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
                continue;
            Assert.Matches("^[a-zA-Z_:][a-zA-Z0-9_:]*(\\{([a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\\\\n]|\\\\[\\\\\"n])*\",?)+\\})? [-+0-9.eEInfNa]+$", line);
            var at = line.LastIndexOf(' ');
            Assert.True(page._values.TryAdd(line[..at], double.Parse(line[(at + 1)..].Replace("+Inf", "∞", StringComparison.Ordinal), CultureInfo.InvariantCulture)), $"Twice: {line}");
        }
        Assert.NotEmpty(types);
        return page;
    }

    public IEnumerable<string> Series => _values.Keys;

    /// <summary>The sum of the series of this name whose labels hold all of these, such as <c>status="Succeeded"</c>; 0 without any.</summary>
    public double Sum(string name, params string[] labels) => _values
        .Where(one => (one.Key == name || one.Key.StartsWith(name + "{", StringComparison.Ordinal)) && labels.All(label => one.Key.Contains(label, StringComparison.Ordinal)))
        .Sum(one => one.Value);

    public bool Has(string name) => Series.Any(series => series == name || series.StartsWith(name + "{", StringComparison.Ordinal));
}
