using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.Configuration;

namespace Flows.Tests.LocalHosting;

/// <summary>The real AppHost, started once for the tests that look at it from outside; and the place in the queue for those that start one of their own.</summary>
[CollectionDefinition(nameof(RunningAppHost))]
public sealed class RunningAppHost : ICollectionFixture<RunningAppHost>, IAsyncLifetime
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    public static readonly string[] Ephemeral = ["--Flows:Ephemeral=true"];

    private IDistributedApplicationTestingBuilder? builder;

    public DistributedApplication App { get; private set; } = null!;
    public string DataFolder { get; private set; } = "";

    public async Task InitializeAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Flows_AppHost>(
            [.. Ephemeral, "--Flows:Worker:Concurrency=7", "--Flows:Limits:PayloadMiB=3"], limit.Token);
        DataFolder = builder.Configuration.GetValue<string>("Flows:DataDirectory")!;
        App = await builder.BuildAsync(limit.Token);
        await App.StartAsync(limit.Token);
        await App.ResourceNotifications.WaitForResourceHealthyAsync("worker", limit.Token);
    }

    public async Task DisposeAsync() => await builder!.DisposeAsync();

    /// <summary>The current state of each replica of a resource.</summary>
    public IReadOnlyList<ResourceEvent> ReplicasOf(string resource) => [.. App.ResourceNotifications.ReplicasOf(resource)];

    public IReadOnlyDictionary<string, string?> EnvironmentOf(string resource) =>
        ReplicasOf(resource)[0].Snapshot.EnvironmentVariables.ToDictionary(variable => variable.Name, variable => variable.Value);

    public static int? PidOf(ResourceEvent replica) =>
        replica.Snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value as int?;
}
