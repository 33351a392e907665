using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting.Testing;

public static class DistributedApplicationHostingTestingExtensions
{
    /// <summary>A client whose base address is an endpoint of the resource (by default http).</summary>
    public static HttpClient CreateHttpClient(this DistributedApplication app, string resourceName, string? endpointName = default)
    {
        var client = app.Services.GetRequiredService<IHttpClientFactory>().CreateClient();
        client.BaseAddress = app.GetEndpoint(resourceName, endpointName);
        return client;
    }

    public static ValueTask<string?> GetConnectionStringAsync(
        this DistributedApplication app, string resourceName, CancellationToken cancellationToken = default) =>
        app.Find(resourceName) is IResourceWithConnectionString resource
            ? resource.GetConnectionStringAsync(cancellationToken)
            : throw new ArgumentException($"The resource '{resourceName}' has no connection string.", nameof(resourceName));

    /// <summary>The address of an endpoint of a started application.</summary>
    public static Uri GetEndpoint(this DistributedApplication app, string resourceName, string? endpointName = default)
    {
        var endpoints = app.Find(resourceName).Annotations.OfType<EndpointAnnotation>().ToList();
        var endpoint = endpointName is null
            ? endpoints.Find(candidate => candidate.Name == "http") ?? endpoints.FirstOrDefault()
            : endpoints.Find(candidate => string.Equals(candidate.Name, endpointName, StringComparison.OrdinalIgnoreCase));
        var allocated = (endpoint ?? throw new ArgumentException($"The resource '{resourceName}' has no endpoint '{endpointName ?? "http"}'.", nameof(endpointName)))
            .AllocatedEndpoint ?? throw new InvalidOperationException("The application has not been started.");
        return new(allocated.UriString);
    }

    private static IResource Find(this DistributedApplication app, string name) =>
        app.Services.GetRequiredService<IResourceCollection>().FirstOrDefault(resource => string.Equals(resource.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no resource named '{name}'.", nameof(name));
}
