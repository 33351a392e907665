namespace Aspire.Hosting.ApplicationModel;

/// <summary>A place where a resource listens.</summary>
public sealed class EndpointAnnotation(string name, string uriScheme, int? port) : IResourceAnnotation
{
    public string Name { get; } = name;
    public string UriScheme { get; } = uriScheme;
    /// <summary>The wanted port; null for any free one.</summary>
    public int? Port { get; set; } = port;
    public bool IsExternal { get; set; }
    /// <summary>Known once the application has been started.</summary>
    public AllocatedEndpoint? AllocatedEndpoint { get; set; }
}

/// <summary>Where an endpoint really is.</summary>
public sealed record AllocatedEndpoint(string UriScheme, string Address, int Port)
{
    public string UriString => $"{UriScheme}://{Address}:{Port}";
}

/// <summary>An endpoint by name; its address can be read once the application has been started.</summary>
public sealed class EndpointReference(IResourceWithEndpoints owner, string endpointName) : IValueProvider
{
    public IResourceWithEndpoints Resource { get; } = owner;
    public string EndpointName { get; } = endpointName;

    public EndpointAnnotation EndpointAnnotation =>
        Find() ?? throw new InvalidOperationException($"The resource '{Resource.Name}' has no endpoint named '{EndpointName}'.");

    public bool Exists => Find() is not null;
    public bool IsAllocated => Find()?.AllocatedEndpoint is not null;
    public string Scheme => EndpointAnnotation.UriScheme;
    public string Host => Allocated.Address;
    public int Port => Allocated.Port;
    public string Url => Allocated.UriString;

    private AllocatedEndpoint Allocated => EndpointAnnotation.AllocatedEndpoint
        ?? throw new InvalidOperationException($"The endpoint '{EndpointName}' of '{Resource.Name}' has no address before the application is started.");

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Url);

    private EndpointAnnotation? Find() => Resource.Annotations.OfType<EndpointAnnotation>()
        .FirstOrDefault(endpoint => string.Equals(endpoint.Name, EndpointName, StringComparison.OrdinalIgnoreCase));
}
