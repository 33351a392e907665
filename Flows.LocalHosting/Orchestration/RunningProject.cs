using System.Net;
using System.Reflection;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Processes;

namespace Flows.LocalHosting.Orchestration;

/// <summary>A project of the solution: its built executable, in as many replicas as asked for, behind one address.</summary>
internal sealed class RunningProject(ProjectResource project, HostingContext context, Assembly appHost) : RunningResource(project, context)
{
    private readonly List<RoundRobinProxy> proxies = [];
    private readonly HttpHealth health = new();

    private int Replicas => project.Annotations.OfType<ReplicaAnnotation>().LastOrDefault()?.Replicas ?? 1;
    private List<EndpointAnnotation> Endpoints => [.. project.Annotations.OfType<EndpointAnnotation>()];

    public override void Prepare()
    {
        var program = ProjectProgram.Find(project, appHost);
        foreach (var endpoint in Endpoints)
        {
            var port = Context.RandomizePorts || endpoint.Port is null ? Ports.Free() : endpoint.Port.Value;
            if (!Ports.IsFree(port))
            {
                throw new DistributedApplicationException(
                    $"Port {port}, on which '{project.Name}' listens, is already in use by another program. " +
                    $"Stop that program, or change the port in {Path.Combine(Path.GetDirectoryName(project.Metadata.ProjectPath)!, "Properties", "launchSettings.json")}.");
            }
            endpoint.AllocatedEndpoint = new(endpoint.UriScheme, "localhost", port);
        }

        var replicas = Enumerable.Range(0, Replicas).Select(_ => new ProjectReplica(project, Context, program, Endpoints, alone: Replicas == 1)).ToList();
        foreach (var replica in replicas)
        {
            var id = NewReplicaId();
            replica.Process = AddProcess(id, cancel => replica.DescribeAsync(id, cancel), cancel => health.AskAsync(replica.HealthUrl, replica.HealthStatus, cancel));
        }
        PublishAll(snapshot => (snapshot with
        {
            Urls = [.. Endpoints.Select(endpoint => new UrlSnapshot(endpoint.Name, endpoint.AllocatedEndpoint!.UriString, !endpoint.IsExternal))],
        }).With("project.path", project.Metadata.ProjectPath));
        if (Replicas > 1)
        {
            foreach (var endpoint in Endpoints)
                proxies.Add(new(endpoint.AllocatedEndpoint!.Port, () => PortsOf(replicas, endpoint)));
        }
    }

    public override async Task StopAsync()
    {
        await base.StopAsync();
        foreach (var proxy in proxies)
            await proxy.DisposeAsync();
    }

    public override ValueTask DisposeAsync()
    {
        health.Dispose();
        return base.DisposeAsync();
    }

    // The healthy ones. When none is, what they all miss is something behind them, and each can still say so itself: all are tried.
    private static List<int> PortsOf(List<ProjectReplica> replicas, EndpointAnnotation endpoint)
    {
        var healthy = replicas.FindAll(replica => replica.Process!.IsHealthy);
        return [.. (healthy.Count > 0 ? healthy : replicas).Select(replica => replica.PortOf(endpoint)).OfType<int>()];
    }

    protected override Task StartAsync(CancellationToken cancel)
    {
        foreach (var proxy in proxies)
            proxy.Start();
        return base.StartAsync(cancel);
    }
}
