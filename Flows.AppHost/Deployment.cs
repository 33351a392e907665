using Aspire.Hosting.Docker.Resources.ServiceNodes.Swarm;

/// <summary>
/// Where Flows is deployed to: `Flows:Deployment:Target` is `compose` or `aca`. Without it the manifest that `azd` asks for is made for
/// Azure Container Apps, anything else for compose. Aspire stack only.
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

        // Exactly one compute environment: with two, each resource would have to name its own.
        switch (builder.Configuration["Flows:Deployment:Target"] ?? (builder.Configuration["Publishing:Publisher"] == "manifest" ? "aca" : "compose"))
        {
            case "compose":
                builder.AddDockerComposeEnvironment("compose").ConfigureComposeFile(file => file.Name = "flows");
                api.PublishAsDockerComposeService((_, service) => service.Restart = "unless-stopped");
                worker.PublishAsDockerComposeService((_, service) =>
                {
                    // WithReplicas is not carried into a compose file.
                    service.Deploy = new Deploy { Replicas = replicas };
                    service.Restart = "unless-stopped";
                });
                break;
            case "aca":
                builder.AddAzureContainerAppEnvironment("aca").WithAzdResourceNaming();
                worker.PublishAsAzureContainerApp((_, app) => app.Template.Scale.MinReplicas = replicas);
                break;
            case var unknown:
                throw new DistributedApplicationException($"Flows:Deployment:Target is '{unknown}'; it must be 'compose' or 'aca'.");
        }
    }
}
