using System.Diagnostics.Metrics;

namespace Flows.Worker.Egress;

/// <summary>What goes through the broker, as numbers.</summary>
internal sealed class EgressMetrics : IDisposable
{
    public const string MeterName = "Flows.Worker.Egress";

    private readonly Meter _meter = new(MeterName);
    private readonly Counter<long> _connections;
    private readonly UpDownCounter<int> _open;
    private readonly Counter<long> _bytes;

    public EgressMetrics()
    {
        _connections = _meter.CreateCounter<long>("flows.egress.connections", "{connection}", "Connections that engines asked for, by verdict.");
        _open = _meter.CreateUpDownCounter<int>("flows.egress.open", "{connection}", "Connections that are open.");
        _bytes = _meter.CreateCounter<long>("flows.egress.bytes", "By", "Bytes in both directions, counted when a connection ends.");
    }

    /// <param name="verdict">opened, refused or failed.</param>
    public void Asked(string verdict) => _connections.Add(1, new KeyValuePair<string, object?>("verdict", verdict));

    public void Opened() => _open.Add(1);

    public void Closed(long bytes)
    {
        _open.Add(-1);
        _bytes.Add(bytes);
    }

    public void Dispose() => _meter.Dispose();
}
