using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.Hosting;

/// <summary>
/// What probes and people ask a process, in every environment: /alive (should it be restarted?), /ready (may it be sent requests?) and /health (is everything
/// as it should be?). What is not needed to do the work makes /health unhealthy and not /ready: a balancer that leaves out every replica because of it makes a
/// fault out of a hitch.
/// </summary>
public static class HealthEndpoints
{
    internal const string LiveTag = "live";
    private static readonly TimeSpan s_checkLimit = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Maps /health (every check), /ready (those that are needed to do the work) and /alive (those tagged "live"). 200 with a JSON body, 503 when one is unhealthy.
    /// </summary>
    public static WebApplication MapDefaultEndpoints(this WebApplication app)
    {
        var notNeeded = app.Services.GetRequiredService<IOptions<ReadinessOptions>>().Value.NotNeeded;
        app.MapHealthChecks("/ready", new HealthCheckOptions { Predicate = check => !notNeeded.Contains(check.Name), ResponseWriter = WriteAsync }).AllowAnonymous();
        app.MapHealthChecks("/health", new HealthCheckOptions { ResponseWriter = WriteAsync }).AllowAnonymous();
        app.MapHealthChecks("/alive", new HealthCheckOptions
        {
            Predicate = check => check.Tags.Contains(LiveTag),
            ResponseWriter = WriteAsync,
        }).AllowAnonymous();
        return app;
    }

    /// <summary>The process does its work without what this check looks at: it counts in /health, and not in /ready.</summary>
    /// <param name="check">The name under which it is registered.</param>
    public static IServiceCollection AddReadinessWithout(this IServiceCollection services, string check) =>
        services.Configure<ReadinessOptions>(ready => ready.NotNeeded.Add(check));

    internal static void AddDefaultHealthChecks(this IServiceCollection services)
    {
        services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), [LiveTag]).AddCheck<Leaving>("stopping");

        // A check that ignores its token would hold /health open, and the probe would kill a process that is fine.
        services.PostConfigure<HealthCheckServiceOptions>(options =>
        {
            foreach (var registration in options.Registrations)
            {
                var factory = registration.Factory;
                registration.Factory = provider => new BoundedCheck(factory(provider), s_checkLimit);
            }
        });
    }

    private sealed class ReadinessOptions
    {
        public HashSet<string> NotNeeded { get; } = new(StringComparer.Ordinal);
    }

    private static Task WriteAsync(HttpContext context, HealthReport report)
    {
        // Probes come every few seconds and are no trace that anybody looks for.
        if (Activity.Current is { } probe)
            probe.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(JsonSerializer.Serialize(new
        {
            status = report.Status.ToString(),
            checks = report.Entries.ToDictionary(entry => entry.Key, entry => new
            {
                status = entry.Value.Status.ToString(),
                reason = Reason(entry.Value),
                milliseconds = (long)entry.Value.Duration.TotalMilliseconds,
            }),
        }), context.RequestAborted);
    }

    // The page is public: one short line, and never an exception's text with its stack and settings.
    private static string? Reason(HealthReportEntry entry)
    {
        var reason = entry.Description ?? entry.Exception?.GetType().Name;
        return reason is { Length: > 200 } ? reason[..200] : reason;
    }

    /// <summary>Not ready from the moment the process is told to stop, and alive until it has gone.</summary>
    private sealed class Leaving(IHostApplicationLifetime lifetime) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(lifetime.ApplicationStopping.IsCancellationRequested
                ? HealthCheckResult.Unhealthy("The process is going down and takes no new work.")
                : HealthCheckResult.Healthy());
    }

    private sealed class BoundedCheck(IHealthCheck inner, TimeSpan limit) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                return await Task.Run(() => inner.CheckHealthAsync(context, cancellationToken), cancellationToken)
                    .WaitAsync(limit, cancellationToken);
            }
            catch (TimeoutException)
            {
                return new HealthCheckResult(context.Registration.FailureStatus, $"no answer within {limit.TotalSeconds:0} s");
            }
        }
    }
}
