using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting;

/// <summary>The diagram while it is being drawn.</summary>
public interface IDistributedApplicationBuilder
{
    ConfigurationManager Configuration { get; }
    /// <summary>The folder of the AppHost project.</summary>
    string AppHostDirectory { get; }
    Assembly? AppHostAssembly { get; }
    IHostEnvironment Environment { get; }
    IServiceCollection Services { get; }
    DistributedApplicationExecutionContext ExecutionContext { get; }
    IResourceCollection Resources { get; }

    /// <exception cref="DistributedApplicationException">There is a resource of that name already.</exception>
    IResourceBuilder<T> AddResource<T>(T resource) where T : IResource;

    IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource;

    DistributedApplication Build();
}
