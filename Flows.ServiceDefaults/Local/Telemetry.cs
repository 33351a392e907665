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
/// Traces and meters over OTLP, from the sources built into .NET and from our own, for as long as the host runs. Each only where it has an endpoint, and
/// registered only when one has: otherwise nothing listens and activities are never made.
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
        var endpoints = new OtlpEndpoints(configuration);
        if (endpoints.Has(OtlpEndpoints.Traces))
        {
            var traces = Sdk.CreateTracerProviderBuilder()
                .ConfigureResource(resource => Describe(resource, environment))
                .AddSource(s_sources)
                .AddOtlpExporter(exporter => endpoints.Set(exporter, OtlpEndpoints.Traces));
            if (TraceBudget.From(configuration) is { } budget)
                traces.SetSampler(budget);
            _traces = traces.Build();
        }
        if (endpoints.Has(OtlpEndpoints.Metrics))
        {
            _meters = Sdk.CreateMeterProviderBuilder()
                .ConfigureResource(resource => Describe(resource, environment))
                .AddMeter(s_meters)
                .AddOtlpExporter((exporter, _) => endpoints.Set(exporter, OtlpEndpoints.Metrics))
                .Build();
        }
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
        var endpoints = new OtlpEndpoints(builder.Configuration);
        if (endpoints.Has(OtlpEndpoints.Traces) || endpoints.Has(OtlpEndpoints.Metrics))
            builder.Services.AddHostedService<Telemetry>();
        if (!endpoints.Has(OtlpEndpoints.Logs))
            return;
        builder.Logging.AddOpenTelemetry(logs =>
        {
            var resource = ResourceBuilder.CreateDefault();
            Telemetry.Describe(resource, builder.Environment);
            logs.SetResourceBuilder(resource);
            logs.IncludeFormattedMessage = true;
            logs.IncludeScopes = true;
            logs.AddOtlpExporter(exporter => endpoints.Set(exporter, OtlpEndpoints.Logs));
        });
    }
}
