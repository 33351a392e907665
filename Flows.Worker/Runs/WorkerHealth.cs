using Flows.Worker.Api;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.Worker.Runs;

/// <summary>Unhealthy when the API has been out of reach for longer than a lease; degraded when code steps cannot run here.</summary>
internal sealed class WorkerHealth(FlowsApi api, Heartbeat heartbeat, NodeProgram node) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var silence = api.SinceReached;
        if (silence > heartbeat.Lease)
            return HealthCheckResult.Unhealthy($"The API has not been reached for {silence.TotalSeconds:0} s.");

        // Not waited for: the check starts a process, and a probe wants its answer now.
        var problem = node.FindProblemAsync();
        return problem.IsCompleted && await problem is { } sentence ? HealthCheckResult.Degraded(sentence) : HealthCheckResult.Healthy();
    }
}
