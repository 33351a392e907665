using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Aspire.Hosting.Testing;

/// <summary>The builder that a test has in its hands while the AppHost's entry point waits.</summary>
public interface IDistributedApplicationTestingBuilder : IDistributedApplicationBuilder, IAsyncDisposable, IDisposable
{
    Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default);
}

/// <summary>Runs an AppHost's own entry point inside a test: no dashboard, random ports.</summary>
public static class DistributedApplicationTestingBuilder
{
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(CancellationToken cancellationToken = default)
        where TEntryPoint : class => CreateAsync<TEntryPoint>([], cancellationToken);

    /// <param name="args">Command line of the AppHost: `--Flows:Ephemeral=true` becomes configuration.</param>
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(string[] args, CancellationToken cancellationToken = default)
        where TEntryPoint : class => CreateAsync<TEntryPoint>(args, (_, _) => { }, cancellationToken);

    public static async Task<IDistributedApplicationTestingBuilder> CreateAsync<TEntryPoint>(
        string[] args,
        Action<DistributedApplicationOptions, HostApplicationBuilderSettings> configureBuilder,
        CancellationToken cancellationToken = default)
        where TEntryPoint : class
    {
        var run = new EntryPointRun(typeof(TEntryPoint).Assembly, (options, settings) =>
        {
            options.DisableDashboard = true;
            options.Args = ["--DcpPublisher:RandomizePorts=true", .. args];
            configureBuilder(options, settings);
        });
        return new TestingBuilder(await run.StartAsync(args).WaitAsync(cancellationToken), run.BuildAsync, run.Abandon);
    }

    /// <summary>A builder with an empty diagram.</summary>
    public static IDistributedApplicationTestingBuilder Create(params string[] args)
    {
        var options = new DistributedApplicationOptions { Args = ["--DcpPublisher:RandomizePorts=true", .. args], DisableDashboard = true };
        var builder = new DistributedApplicationBuilder(options, run: null);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        return new TestingBuilder(builder, () => Task.FromResult(builder.Build()), () => { });
    }
}

internal sealed class TestingBuilder(DistributedApplicationBuilder inner, Func<Task<DistributedApplication>> build, Action abandon)
    : IDistributedApplicationTestingBuilder
{
    private DistributedApplication? application;

    public DistributedApplicationBuilder Inner => inner;
    public ConfigurationManager Configuration => inner.Configuration;
    public string AppHostDirectory => inner.AppHostDirectory;
    public Assembly? AppHostAssembly => inner.AppHostAssembly;
    public IHostEnvironment Environment => inner.Environment;
    public IServiceCollection Services => inner.Services;
    public DistributedApplicationExecutionContext ExecutionContext => inner.ExecutionContext;
    public IResourceCollection Resources => inner.Resources;

    public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource => inner.AddResource(resource);

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource => inner.CreateResourceBuilder(resource);

    public DistributedApplication Build() => BuildAsync().GetAwaiter().GetResult();

    public async Task<DistributedApplication> BuildAsync(CancellationToken cancellationToken = default) =>
        application = await build().WaitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (application is not null)
        {
            await application.DisposeAsync();
            return;
        }
        abandon();
        inner.Data.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();
}
