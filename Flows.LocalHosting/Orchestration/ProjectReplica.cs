using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Dashboard.Traces;
using Flows.LocalHosting.Processes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.LocalHosting.Orchestration;

/// <summary>One process of a project, on ports of its own unless it is the only one.</summary>
internal sealed class ProjectReplica(
    ProjectResource project, HostingContext context, ProjectProgram program, IReadOnlyList<EndpointAnnotation> endpoints, bool alone)
{
    private readonly HttpHealthCheckAnnotation? check = project.Annotations.OfType<HttpHealthCheckAnnotation>().FirstOrDefault();
    private Dictionary<string, int> ports = [];

    public SupervisedProcess? Process { get; set; }
    /// <summary>Null when the project has no health check: then it is healthy while it runs.</summary>
    public Uri? HealthUrl { get; private set; }
    public int HealthStatus => check?.StatusCode ?? 200;

    /// <summary>Null before its first start.</summary>
    public int? PortOf(EndpointAnnotation endpoint) => ports.TryGetValue(endpoint.Name, out var port) ? port : null;

    /// <summary>The executable with its whole environment. Behind a proxy the ports are new at each start, so that a taken one is no dead end.</summary>
    public async Task<ProcessStart> DescribeAsync(string id, CancellationToken cancel)
    {
        ports = endpoints.ToDictionary(endpoint => endpoint.Name, endpoint => alone ? endpoint.AllocatedEndpoint!.Port : Ports.Free());
        var checkedEndpoint = endpoints.FirstOrDefault(endpoint => check?.EndpointName is null || endpoint.Name == check.EndpointName);
        HealthUrl = check is null || checkedEndpoint is null ? null : new Uri($"http://127.0.0.1:{ports[checkedEndpoint.Name]}{check.Path}");

        var environment = await ResourceEnvironment.OfAsync(project, context, cancel);
        if (context.Configuration.GetValue("Flows:LocalHosting:Traces", true))
            context.Services.GetRequiredService<TraceEndpoints>().AddTo(environment, context);
        environment["OTEL_SERVICE_NAME"] = project.Name;
        environment["OTEL_RESOURCE_ATTRIBUTES"] = $"service.instance.id={id[(project.Name.Length + 1)..]}";
        if (endpoints.Count > 0)
        {
            environment["ASPNETCORE_URLS"] = string.Join(';', endpoints.Select(endpoint => $"{endpoint.UriScheme}://localhost:{ports[endpoint.Name]}"));
            environment["ASPNETCORE_FORWARDEDHEADERS_ENABLED"] = "true";
        }
        return new(program.File, program.Arguments, environment, program.WorkingDirectory);
    }
}
