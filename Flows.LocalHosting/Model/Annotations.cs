namespace Aspire.Hosting.ApplicationModel;

public enum WaitType
{
    WaitUntilHealthy,
    WaitForCompletion,
    WaitUntilStarted,
}

/// <summary>The resource does not start before the other one has come this far.</summary>
public class WaitAnnotation(IResource resource, WaitType waitType, int exitCode = 0) : IResourceAnnotation
{
    public IResource Resource { get; } = resource;
    public WaitType WaitType { get; } = waitType;
    public int ExitCode { get; } = exitCode;
}

/// <summary>How many copies of a project run.</summary>
public class ReplicaAnnotation(int replicas = 1) : IResourceAnnotation
{
    public int Replicas { get; } = replicas;
}

/// <summary>Adds to the environment of the resource, just before it starts.</summary>
public class EnvironmentCallbackAnnotation(Func<EnvironmentCallbackContext, Task> callback) : IResourceAnnotation
{
    public Func<EnvironmentCallbackContext, Task> Callback { get; } = callback;
}

/// <summary>The environment of a resource while it is being put together: texts, numbers and <see cref="IValueProvider"/>s.</summary>
public class EnvironmentCallbackContext(
    DistributedApplicationExecutionContext executionContext,
    IResource resource,
    Dictionary<string, object>? environmentVariables = null,
    CancellationToken cancellationToken = default)
{
    public Dictionary<string, object> EnvironmentVariables { get; } = environmentVariables ?? [];
    public CancellationToken CancellationToken { get; } = cancellationToken;
    public IResource Resource { get; } = resource;
    public DistributedApplicationExecutionContext ExecutionContext { get; } = executionContext;
}

/// <summary>A resource has become healthy for the first time.</summary>
public class ResourceReadyEvent(IResource resource, IServiceProvider services)
{
    public IResource Resource { get; } = resource;
    public IServiceProvider Services { get; } = services;
}

internal sealed record ResourceReadyAnnotation(Func<ResourceReadyEvent, CancellationToken, Task> Callback) : IResourceAnnotation;

/// <summary>GET this path of this endpoint; any other status than this one is unhealthy.</summary>
internal sealed record HttpHealthCheckAnnotation(string Path, int StatusCode, string? EndpointName) : IResourceAnnotation;

/// <summary>The data of the server outlives the application.</summary>
internal sealed record DataVolumeAnnotation : IResourceAnnotation;

/// <summary>A value that is masked wherever it is shown.</summary>
internal sealed record SecretText(string Value) : IValueProvider
{
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Value);
}
