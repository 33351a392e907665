using System.Collections.ObjectModel;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A fact attached to a resource.</summary>
public interface IResourceAnnotation;

/// <summary>A box of the diagram.</summary>
public interface IResource
{
    string Name { get; }
    ResourceAnnotationCollection Annotations { get; }
}

public sealed class ResourceAnnotationCollection : Collection<IResourceAnnotation>;

/// <summary>The resources of an application, in the order they were added.</summary>
public interface IResourceCollection : IList<IResource>;

internal sealed class ResourceCollection : Collection<IResource>, IResourceCollection;

/// <summary>Something whose value is known once the application runs.</summary>
public interface IValueProvider
{
    ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default);
}

public interface IResourceWithEnvironment : IResource;

public interface IResourceWithWaitSupport : IResource;

public interface IResourceWithEndpoints : IResource;

public interface IResourceWithServiceDiscovery : IResourceWithEndpoints;

public interface IResourceWithConnectionString : IResource, IValueProvider
{
    ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default);

    ValueTask<string?> IValueProvider.GetValueAsync(CancellationToken cancellationToken) => GetConnectionStringAsync(cancellationToken);
}

public interface IResourceWithParent<out T> : IResource where T : IResource
{
    T Parent { get; }
}

public abstract class Resource(string name) : IResource
{
    public virtual string Name { get; } = name;
    public virtual ResourceAnnotationCollection Annotations { get; } = [];
}

/// <summary>With Aspire a container; here a server program of this machine.</summary>
public class ContainerResource(string name) : Resource(name), IResourceWithEnvironment, IResourceWithEndpoints, IResourceWithWaitSupport;

/// <summary>A project of the solution, run as its built executable.</summary>
public class ProjectResource(string name)
    : Resource(name), IResourceWithEnvironment, IResourceWithServiceDiscovery, IResourceWithWaitSupport
{
    internal IProjectMetadata Metadata => Annotations.OfType<IProjectMetadata>().Single();
}

public interface IResourceBuilder<out T> where T : IResource
{
    IDistributedApplicationBuilder ApplicationBuilder { get; }
    T Resource { get; }
    IResourceBuilder<T> WithAnnotation<TAnnotation>(TAnnotation annotation) where TAnnotation : IResourceAnnotation;
}

internal sealed class ResourceBuilder<T>(IDistributedApplicationBuilder application, T resource) : IResourceBuilder<T>
    where T : IResource
{
    public IDistributedApplicationBuilder ApplicationBuilder => application;
    public T Resource => resource;

    public IResourceBuilder<T> WithAnnotation<TAnnotation>(TAnnotation annotation) where TAnnotation : IResourceAnnotation
    {
        resource.Annotations.Add(annotation);
        return this;
    }
}
