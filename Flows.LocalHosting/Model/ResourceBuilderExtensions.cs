using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Servers;

namespace Aspire.Hosting;

public static class ResourceBuilderExtensions
{
    public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, string name, string? value)
        where T : IResourceWithEnvironment => builder.Set(name, value ?? "");

    public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, string name, Func<string> callback)
        where T : IResourceWithEnvironment => builder.WithEnvironment(context => context.EnvironmentVariables[name] = callback());

    public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, string name, EndpointReference endpointReference)
        where T : IResourceWithEnvironment => builder.Set(name, endpointReference);

    public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, string name, IResourceBuilder<ParameterResource> parameter)
        where T : IResourceWithEnvironment => builder.Set(name, parameter.Resource);

    public static IResourceBuilder<T> WithEnvironment<T>(
        this IResourceBuilder<T> builder, string envVarName, IResourceBuilder<IResourceWithConnectionString> resource)
        where T : IResourceWithEnvironment => builder.Set(envVarName, resource.Resource);

    public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, Action<EnvironmentCallbackContext> callback)
        where T : IResourceWithEnvironment =>
        builder.WithEnvironment(context =>
        {
            callback(context);
            return Task.CompletedTask;
        });

    public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, Func<EnvironmentCallbackContext, Task> callback)
        where T : IResourceWithEnvironment => builder.WithAnnotation(new EnvironmentCallbackAnnotation(callback));

    /// <summary>Gives the resource ConnectionStrings__NAME and the parts of it as NAME_HOST, NAME_PORT and so on.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder,
        IResourceBuilder<IResourceWithConnectionString> source,
        string? connectionName = null,
        bool optional = false)
        where TDestination : IResourceWithEnvironment
    {
        var name = connectionName ?? source.Resource.Name;
        return builder.WithEnvironment(context =>
        {
            context.EnvironmentVariables[$"ConnectionStrings__{name}"] = source.Resource;
            if (source.Resource is not IConnectionProperties described)
                return;
            foreach (var (property, value) in described.ConnectionProperties)
                context.EnvironmentVariables[$"{VariableName(name)}_{property}"] = value;
        });
    }

    /// <summary>Gives the resource services__NAME__SCHEME__N and NAME_SCHEME for every endpoint of the other one.</summary>
    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source)
        where TDestination : IResourceWithEnvironment => builder.WithReference(source, source.Resource.Name);

    public static IResourceBuilder<TDestination> WithReference<TDestination>(
        this IResourceBuilder<TDestination> builder, IResourceBuilder<IResourceWithServiceDiscovery> source, string name)
        where TDestination : IResourceWithEnvironment =>
        builder.WithEnvironment(context =>
        {
            foreach (var scheme in source.Resource.Annotations.OfType<EndpointAnnotation>().GroupBy(endpoint => endpoint.UriScheme))
            {
                var index = 0;
                foreach (var endpoint in scheme)
                {
                    var reference = new EndpointReference(source.Resource, endpoint.Name);
                    context.EnvironmentVariables[$"services__{name}__{scheme.Key}__{index++}"] = reference;
                    context.EnvironmentVariables[$"{VariableName(name)}_{VariableName(endpoint.Name)}"] = reference;
                }
            }
        });

    /// <summary>Starts the resource only when the other one is healthy.</summary>
    public static IResourceBuilder<T> WaitFor<T>(this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency)
        where T : IResourceWithWaitSupport => builder.WithAnnotation(new WaitAnnotation(dependency.Resource, WaitType.WaitUntilHealthy));

    /// <summary>Starts the resource only when the other one has been started.</summary>
    public static IResourceBuilder<T> WaitForStart<T>(this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency)
        where T : IResourceWithWaitSupport => builder.WithAnnotation(new WaitAnnotation(dependency.Resource, WaitType.WaitUntilStarted));

    public static EndpointReference GetEndpoint<T>(this IResourceBuilder<T> builder, string name)
        where T : IResourceWithEndpoints => new(builder.Resource, name);

    public static IResourceBuilder<T> WithExternalHttpEndpoints<T>(this IResourceBuilder<T> builder) where T : IResourceWithEndpoints
    {
        foreach (var endpoint in builder.Resource.Annotations.OfType<EndpointAnnotation>().Where(endpoint => endpoint.UriScheme is "http" or "https"))
            endpoint.IsExternal = true;
        return builder;
    }

    /// <summary>The resource is healthy while this path answers with this status ("/" and 200 by default).</summary>
    public static IResourceBuilder<T> WithHttpHealthCheck<T>(
        this IResourceBuilder<T> builder, string? path = null, int? statusCode = null, string? endpointName = null)
        where T : IResourceWithEndpoints => builder.WithAnnotation(new HttpHealthCheckAnnotation(path ?? "/", statusCode ?? 200, endpointName));

    /// <summary>The image a container would have; a server program of this machine has its own version.</summary>
    public static IResourceBuilder<T> WithImageTag<T>(this IResourceBuilder<T> builder, string tag) where T : ContainerResource => builder;

    /// <summary>Called once, when the resource has become healthy and before those that wait for it start.</summary>
    public static IResourceBuilder<T> OnResourceReady<T>(
        this IResourceBuilder<T> builder, Func<T, ResourceReadyEvent, CancellationToken, Task> callback) where T : IResource =>
        builder.WithAnnotation(new ResourceReadyAnnotation((ready, cancel) => callback(builder.Resource, ready, cancel)));

    private static IResourceBuilder<T> Set<T>(this IResourceBuilder<T> builder, string name, object value) where T : IResourceWithEnvironment =>
        builder.WithEnvironment(context => context.EnvironmentVariables[name] = value);

    private static string VariableName(string name) => name.Replace('-', '_').ToUpperInvariant();
}
