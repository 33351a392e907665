using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.Api.Migrations;

/// <summary>
/// Whether the database can be used yet. Starts as waiting; <see cref="SchemaStart"/> makes it ready once and for all, or refused.
/// Losing Postgres later does not change it: each request then fails, and recovers, on its own.
/// </summary>
internal sealed class SchemaState : IHealthCheck
{
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string _reason = "Waiting for the database.";

    public bool IsReady => _ready.Task.IsCompletedSuccessfully;
    /// <summary>Why the process must not go on, or null.</summary>
    public string? Refusal { get; private set; }

    /// <summary>How the process ends: 1 when it was refused. To be asked for while the services are there, and called when they are gone.</summary>
    public static Func<int> ExitCode(IServiceProvider services)
    {
        var schema = services.GetRequiredService<SchemaState>();
        return () => schema.Refusal is null ? 0 : 1;
    }

    /// <summary>For what works in the background on tables: it must not start before they exist.</summary>
    public Task WaitUntilReadyAsync(CancellationToken cancel) => _ready.Task.WaitAsync(cancel);

    public void SetReady() => _ready.TrySetResult();
    public void SetWaiting(string reason) => _reason = reason;

    public void SetRefused(string reason)
    {
        _reason = reason;
        Refusal = reason;
    }

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(IsReady ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(_reason));
}
