using Microsoft.Extensions.Configuration;
using OpenTelemetry.Exporter;

namespace Flows.ServiceDefaults.Local;

/// <summary>
/// Where signals go, by the names that OpenTelemetry gives the variables: OTEL_EXPORTER_OTLP_ENDPOINT for all of them, and for one of them, whole with its
/// path, OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_ENDPOINT. A signal with neither is not made.
/// </summary>
internal sealed class OtlpEndpoints(IConfiguration configuration)
{
    public const string Traces = "TRACES";
    public const string Metrics = "METRICS";
    public const string Logs = "LOGS";

    public bool Has(string signal) => !string.IsNullOrWhiteSpace(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]) || !string.IsNullOrWhiteSpace(Own(signal));

    /// <summary>The exporter reads the general variable itself, and not those of one signal.</summary>
    /// <exception cref="StartRefusedException">The signal's own endpoint is no http address.</exception>
    public void Set(OtlpExporterOptions exporter, string signal)
    {
        if (Own(signal) is not { Length: > 0 } text)
            return;
        exporter.Endpoint = Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new StartRefusedException($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT must be an http or https address.");
    }

    private string? Own(string signal) => configuration[$"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"];
}
