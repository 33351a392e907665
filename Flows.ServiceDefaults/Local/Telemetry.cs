using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Flows.ServiceDefaults.Local;

/// <summary>
/// Traces and meters over OTLP, from the sources built into .NET and from our own, for as long as the host runs.
/// Registered only when OTEL_EXPORTER_OTLP_ENDPOINT is set: otherwise nothing listens and activities are never made.
/// </summary>
internal sealed class Telemetry(IHostEnvironment environment, IConfiguration configuration) : IHostedService, IDisposable
{
    private static readonly string[] s_sources = ["Microsoft.AspNetCore", "System.Net.Http", "Npgsql", "Flows.*"];
    private static readonly string[] s_meters =
        ["Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http", "System.Runtime", "Npgsql", "Flows.*"];
    private TracerProvider? _traces;
    private MeterProvider? _meters;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var traces = Sdk.CreateTracerProviderBuilder()
            .ConfigureResource(resource => Describe(resource, environment))
            .AddSource(s_sources)
            .AddOtlpExporter();
        if (TraceBudget.From(configuration) is { } budget)
            traces.SetSampler(budget);
        _traces = traces.Build();
        _meters = Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => Describe(resource, environment))
            .AddMeter(s_meters)
            .AddOtlpExporter()
            .Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>After the last hosted part has stopped, so that its last spans are sent too; each flush is limited by the exporter's timeout.</summary>
    public void Dispose()
    {
        _traces?.Dispose();
        _meters?.Dispose();
    }

    internal static void Describe(ResourceBuilder resource, IHostEnvironment environment)
    {
        // OTEL_SERVICE_NAME wins over the application's name; the variable is read by ResourceBuilder itself.
        if (Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME") is null)
            resource.AddService(environment.ApplicationName);
    }
}

internal static class TelemetryRegistration
{
    internal static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]))
            return;

        builder.Services.AddHostedService<Telemetry>();
        builder.Logging.AddOpenTelemetry(logs =>
        {
            var resource = ResourceBuilder.CreateDefault();
            Telemetry.Describe(resource, builder.Environment);
            logs.SetResourceBuilder(resource);
            logs.IncludeFormattedMessage = true;
            logs.IncludeScopes = true;
            logs.AddOtlpExporter();
        });
    }
}
