using Aspire.Hosting.Docker.Resources.ServiceNodes.Swarm;
using Azure.Provisioning.AppContainers;

/// <summary>
/// Where Flows is deployed to: `Flows:Deployment:Target` is `compose` or `aca`. Without it the manifest that `azd` asks for is made for
/// Azure Container Apps, anything else for compose. Aspire stack only. For Kubernetes there is the chart in deploy/helm: docs/decisions/0020.
/// </summary>
internal sealed partial class Program
{
    static partial void DeployTo(
        IDistributedApplicationBuilder builder,
        IResourceBuilder<PostgresServerResource> postgres,
        IResourceBuilder<ProjectResource> api,
        IResourceBuilder<ProjectResource> worker,
        int replicas)
    {
        if (!builder.ExecutionContext.IsPublishMode)
            return;

        // Aspire creates databases in run mode only; the image does it when it starts on an empty volume.
        postgres.WithEnvironment("POSTGRES_DB", "flowsdb");

        // Run mode has WithHttpHealthCheck; in a deployment these become the platform's probes.
#pragma warning disable ASPIREPROBES001 // Experimental, and the only way to say it.
        foreach (var process in new[] { api, worker })
        {
            process
                .WithHttpProbe(ProbeType.Startup, "/alive", periodSeconds: 2, failureThreshold: 60)
                .WithHttpProbe(ProbeType.Liveness, "/alive", periodSeconds: 10, timeoutSeconds: 4)
                .WithHttpProbe(ProbeType.Readiness, "/ready", periodSeconds: 5, timeoutSeconds: 4, failureThreshold: 2);
        }
#pragma warning restore ASPIREPROBES001

        // Exactly one compute environment: with two, each resource would have to name its own.
        switch (builder.Configuration["Flows:Deployment:Target"] ?? (builder.Configuration["Publishing:Publisher"] == "manifest" ? "aca" : "compose"))
        {
            case "compose":
                builder.AddDockerComposeEnvironment("compose").ConfigureComposeFile(file => file.Name = "flows");
                api.PublishAsDockerComposeService((_, service) =>
                {
                    service.Restart = "unless-stopped";
                    service.StopGracePeriod = GracePeriod;
                });
                worker.PublishAsDockerComposeService((_, service) =>
                {
                    // WithReplicas is not carried into a compose file.
                    service.Deploy = new Deploy { Replicas = replicas };
                    service.Restart = "unless-stopped";
                    service.StopGracePeriod = GracePeriod;
                    // Children of killed boxes have to be reaped by somebody.
                    service.Init = true;
                    // What boxes need, and Docker's default profiles forbid: docs/security.md
                    service.SecurityOpt = ["seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"];
                });
                break;
            case "aca":
                builder.AddAzureContainerAppEnvironment("aca").WithAzdResourceNaming();
                worker.PublishAsAzureContainerApp((_, app) =>
                {
                    app.Template.Scale.MinReplicas = replicas;
                    app.Template.Scale.MaxReplicas = 4 * replicas;
                    app.Template.TerminationGracePeriodSeconds = 45;
                    // One rule a lane of Hangfire: bulk work that waits is no reason to have more workers.
                    app.Template.Scale.Rules = [WaitingIn("run-sync"), WaitingIn("run-normal")];
                });
                break;
            case var unknown:
                throw new DistributedApplicationException($"Flows:Deployment:Target is '{unknown}'; it must be 'compose' or 'aca'.");
        }
    }

    /// <summary>The drain of a worker (20 s), 10 s to hand runs back, and room to be late; the API needs 30 s.</summary>
    private const string GracePeriod = "45s";

    /// <summary>A worker more for every ten jobs that wait in a lane, which is a list in Redis.</summary>
    private static ContainerAppScaleRule WaitingIn(string lane) => new()
    {
        Name = $"waiting-{lane}",
        Custom = new ContainerAppCustomScaleRule
        {
            CustomScaleRuleType = "redis",
            Metadata = { { "address", "redis:6379" }, { "listName", $"{{flows:hf}}:queue:{lane}" }, { "listLength", "10" } },
            Auth = [new ContainerAppScaleRuleAuth { SecretRef = "redis-password", TriggerParameter = "password" }],
        },
    };
}
