using Flows.ServiceDefaults.Local;
using Flows.ServiceDefaults.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.Hosting;

/// <summary>What every process of Flows has: logs, telemetry, health. The Aspire stack has the same methods in Aspire/Extensions.cs.</summary>
public static class Extensions
{
    /// <summary>Console logs of one line, telemetry when OTEL_EXPORTER_OTLP_ENDPOINT is set, and the default health checks.</summary>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
            console.UseUtcTimestamp = true;
        });
        builder.AddTelemetry();
        builder.Services.AddDefaultHealthChecks();
        builder.Services.AddSingleton<MeteredFamilies>();
        return builder;
    }
}
