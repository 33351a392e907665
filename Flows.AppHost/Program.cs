using Flows.AppHost;
using Microsoft.Extensions.Configuration;

// The architecture of Flows. One file for both stacks: docs/decisions/0001-two-stacks.md
var builder = DistributedApplication.CreateBuilder(args);
var keepsData = !builder.Configuration.GetValue("Flows:Ephemeral", false);
var replicas = builder.Configuration.GetValue("Flows:Worker:Replicas", builder.ExecutionContext.IsPublishMode ? 5 : 2);

var workerToken = builder.AddParameter("worker-token", new GenerateParameterDefault { MinLength = 43, Special = false }, secret: true, persist: true);
var encryptionKey = builder.AddParameter("encryption-key", new GenerateParameterDefault { MinLength = 43, Special = false }, secret: true, persist: true);

// The tag before the volume: PostgreSQL 18 moved its data folder, and WithDataVolume looks at the tag.
var postgres = builder.AddPostgres("postgres").WithImageTag("17.6");
var redis = builder.AddRedis("redis").WithPersistence();
if (keepsData)
{
    postgres.WithDataVolume();
    redis.WithDataVolume();
}
var database = postgres.AddDatabase("flowsdb");

var api = builder.AddProject<Projects.Flows_Api>("api").WithExternalHttpEndpoints().WithHttpHealthCheck("/ready")
    .WithReplicas(builder.Configuration.GetValue("Flows:Api:Replicas", 1))
    .WithReference(database).WaitFor(database)
    .WithReference(redis).WaitFor(redis)
    .WithEnvironment("Flows__ContainerType", "APP")
    .WithEnvironment("Flows__Security__WorkerToken", workerToken)
    .WithEnvironment("Flows__Security__EncryptionKey", encryptionKey)
    .WithBootstrapKey()
    .WithSetupToken()
    .WithSettingsOf(builder);

// No engine here: the worker starts engine processes and owns their lives. And no database: it reports to the API.
var worker = builder.AddProject<Projects.Flows_Worker>("worker").WithReplicas(replicas).WithHttpHealthCheck("/ready")
    .WithReference(redis).WaitFor(redis)
    .WithReference(api).WaitFor(api)
    .WithEnvironment("Flows__Security__WorkerToken", workerToken)
    .WithSettingsOf(builder);

StateFile.WriteWhenReady(api, worker);
DeployTo(builder, postgres, api, worker, replicas);
builder.Build().Run();

/// <summary>The part that only publishing needs is in Deployment.cs; without that file the call above is no code at all.</summary>
internal sealed partial class Program
{
    static partial void DeployTo(
        IDistributedApplicationBuilder builder,
        IResourceBuilder<PostgresServerResource> postgres,
        IResourceBuilder<ProjectResource> api,
        IResourceBuilder<ProjectResource> worker,
        int replicas);
}
