using System.Diagnostics;
using Microsoft.Extensions.Configuration;
using OpenTelemetry.Trace;

namespace Flows.ServiceDefaults;

/// <summary>
/// Which traces are recorded: so many a second and no more, whatever the load, so that telemetry costs what it costs on a quiet day. A trace begins with
/// a request or a run; a call to a database or a service that belongs to neither is none. What belongs to a recorded trace is recorded.
/// </summary>
internal sealed class TraceBudget : Sampler
{
    /// <summary>Traces that each process begins in a second, with as many saved up at most. 20 by default; 0 records none.</summary>
    public const string Setting = "Flows:Telemetry:TracesPerSecond";
    private const double ByDefault = 20;
    private readonly double _perSecond;
    private readonly double _most;
    private readonly TimeProvider _clock;
    private readonly Lock _lock = new();
    private double _left;
    private long _at;

    public TraceBudget(double perSecond, TimeProvider clock)
    {
        (_perSecond, _clock) = (perSecond, clock);
        _most = perSecond is > 0 and < 1 ? 1 : perSecond;
        (_left, _at) = (_most, clock.GetTimestamp());
    }

    /// <summary>The sampler to set; null when OTEL_TRACES_SAMPLER names one.</summary>
    /// <exception cref="StartRefusedException">The setting is no number from 0 on.</exception>
    public static TraceBudget? From(IConfiguration configuration)
    {
        if (!string.IsNullOrEmpty(configuration["OTEL_TRACES_SAMPLER"]))
            return null;
        if (configuration[Setting] is not { Length: > 0 } text)
            return new TraceBudget(ByDefault, TimeProvider.System);
        return double.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var perSecond) && perSecond is >= 0 and <= 100_000
            ? new TraceBudget(perSecond, TimeProvider.System)
            : throw new StartRefusedException("Flows__Telemetry__TracesPerSecond must be a number from 0 to 100000.");
    }

    public override SamplingResult ShouldSample(in SamplingParameters samplingParameters)
    {
        var parent = samplingParameters.ParentContext;
        var isRoot = parent.TraceId == default;
        if (!isRoot && (parent.TraceFlags & ActivityTraceFlags.Recorded) == 0)
            return new SamplingResult(SamplingDecision.Drop);

        // A caller may ask to be traced, but not for more than the budget: anybody may call a webhook.
        if (isRoot ? samplingParameters.Kind is ActivityKind.Client or ActivityKind.Producer : !parent.IsRemote || samplingParameters.Kind != ActivityKind.Server)
            return new SamplingResult(isRoot ? SamplingDecision.Drop : SamplingDecision.RecordAndSample);
        return new SamplingResult(TrySpend() ? SamplingDecision.RecordAndSample : SamplingDecision.Drop);
    }

    private bool TrySpend()
    {
        lock (_lock)
        {
            var now = _clock.GetTimestamp();
            _left = Math.Min(_most, _left + _clock.GetElapsedTime(_at, now).TotalSeconds * _perSecond);
            _at = now;
            if (_left < 1)
                return false;
            _left--;
            return true;
        }
    }
}
