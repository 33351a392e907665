using System.Reflection;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Flows.LocalHosting;
using Flows.LocalHosting.Dashboard;
using Flows.LocalHosting.Dashboard.Traces;
using Flows.LocalHosting.Orchestration;
using Flows.LocalHosting.Processes;
using Flows.LocalHosting.Storage;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting;

/// <summary>Draws the diagram and builds what runs it.</summary>
internal sealed class DistributedApplicationBuilder : IDistributedApplicationBuilder
{
    private readonly HostApplicationBuilder host;
    private readonly ResourceCollection resources = [];
    private readonly EntryPointRun? run;
    private readonly Assembly assembly;
    private readonly DashboardAddress dashboard;

    /// <param name="run">The test that has called the AppHost's entry point; null when the AppHost was started for real.</param>
    public DistributedApplicationBuilder(DistributedApplicationOptions options, EntryPointRun? run)
    {
        this.run = run;
        var settings = new HostApplicationBuilderSettings();
        run?.Configure(options, settings);
        assembly = run?.Assembly ?? (options.AssemblyName is { } name ? Assembly.Load(name) : Assembly.GetEntryAssembly()!);
        AppHostDirectory = options.ProjectDirectory ?? BuiltFrom(assembly) ?? Directory.GetCurrentDirectory();

        // What `dotnet run` would set from the launch profile, for an AppHost that is started directly.
        var profile = LaunchProfile.Read(AppHostDirectory, System.Environment.GetEnvironmentVariable("DOTNET_LAUNCH_PROFILE"));
        settings.Args = options.Args;
        settings.ApplicationName ??= assembly.GetName().Name;
        settings.ContentRootPath ??= AppHostDirectory;
        settings.EnvironmentName ??= System.Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT")
            ?? System.Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT")
            ?? profile?.Environment.GetValueOrDefault("DOTNET_ENVIRONMENT");
        settings.Configuration ??= new ConfigurationManager();
        // Settings are read once; a watcher per file would only cost handles.
        settings.Configuration["hostBuilder:reloadConfigOnChange"] = "false";
        host = new HostApplicationBuilder(settings);
        ((IConfigurationBuilder)host.Configuration).Sources.Insert(0, new MemoryConfigurationSource
        {
            InitialData = profile?.Environment.Select(variable => KeyValuePair.Create(variable.Key.Replace("__", ":", StringComparison.Ordinal), (string?)variable.Value)),
        });

        ExecutionContext = new(IsPublish(host.Configuration) ? DistributedApplicationOperation.Publish : DistributedApplicationOperation.Run);
        Data = ChooseDataDirectory();
        Secrets = new(Data);
        dashboard = DashboardAddress.Choose(options, host.Configuration, profile, Data.IsEphemeral);
        AddHosting();
    }

    public ConfigurationManager Configuration => host.Configuration;
    public string AppHostDirectory { get; }
    public Assembly? AppHostAssembly => assembly;
    public IHostEnvironment Environment => host.Environment;
    public IServiceCollection Services => host.Services;
    public DistributedApplicationExecutionContext ExecutionContext { get; }
    public IResourceCollection Resources => resources;
    internal DataDirectory Data { get; }
    internal SecretStore Secrets { get; }

    public static DistributedApplicationBuilder Of(IDistributedApplicationBuilder builder) =>
        builder is TestingBuilder testing ? testing.Inner : (DistributedApplicationBuilder)builder;

    public IResourceBuilder<T> AddResource<T>(T resource) where T : IResource
    {
        if (resources.Any(existing => string.Equals(existing.Name, resource.Name, StringComparison.OrdinalIgnoreCase)))
            throw new DistributedApplicationException($"There are two resources named '{resource.Name}'.");

        resources.Add(resource);
        return CreateResourceBuilder(resource);
    }

    public IResourceBuilder<T> CreateResourceBuilder<T>(T resource) where T : IResource => new ResourceBuilder<T>(this, resource);

    public DistributedApplication Build()
    {
        // In a test the entry point stops here until the test has made its changes and wants the application.
        run?.OnBuilding(this);
        var application = new DistributedApplication(host.Build(), run);
        run?.OnBuilt(application);
        return application;
    }

    private static string? BuiltFrom(Assembly assembly) => assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .FirstOrDefault(fact => fact.Key == "apphostprojectpath")?.Value is { } path && Directory.Exists(path) ? path : null;

    private static bool IsPublish(ConfigurationManager configuration) =>
        configuration["publisher"] is not null
        || string.Equals(configuration["operation"] ?? configuration["AppHost:Operation"], "publish", StringComparison.OrdinalIgnoreCase);

    /// <summary>Written back as configuration, because the AppHost keeps files of its own there.</summary>
    private DataDirectory ChooseDataDirectory()
    {
        var data = Configuration["Flows:DataDirectory"] is { Length: > 0 } given
            ? DataDirectory.At(given)
            : Configuration.GetValue("Flows:Ephemeral", false)
                ? DataDirectory.Temporary()
                : DataDirectory.At(Path.Combine(AppHostDirectory, "..", ".flows"));
        Configuration["Flows:DataDirectory"] = data.Path;
        return data;
    }

    private void AddHosting()
    {
        host.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Warning);
        // What stops the start is said once, by Run, without a stack trace.
        host.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        host.Logging.AddFilter("System.Net.Http.HttpClient", LogLevel.Warning);
        host.Services
            .AddSingleton(Data).AddSingleton<SecretMask>().AddSingleton<ResourceLogs>().AddSingleton<Reaper>()
            .AddSingleton(ExecutionContext).AddSingleton<IResourceCollection>(resources).AddSingleton(new AppHostAssembly(assembly))
            .AddSingleton<ResourceNotificationService>().AddSingleton(TimeProvider.System).AddSingleton(dashboard).AddSingleton<TraceEndpoints>()
            .AddSingleton<HostingContext>().AddSingleton<Orchestrator>().AddHttpClient();
        host.Services.AddHostedService(services => services.GetRequiredService<Orchestrator>());
        host.Services.AddHostedService<DashboardServer>();
        host.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMinutes(1));
        // Ctrl-C and SIGTERM belong to the program that runs the test, not to the application in it.
        if (run is not null)
            host.Services.AddSingleton<IHostLifetime, NoLifetime>();
    }
}
