using Flows.Queue;
using Flows.Queue.Redis;
using Flows.Worker.Api;
using Flows.Worker.Egress;
using Flows.Worker.Pieces;
using Flows.Worker.Runs;
using Flows.Worker.Sandbox;
using Flows.Worker.Sandbox.Groups;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Flows.Worker;

/// <summary>A worker, in whatever process it is to live.</summary>
public static class WorkerRegistration
{
    /// <summary>
    /// Takes runs from the queue and walks them in engine processes. Needs the Redis client of the host, the address of the API
    /// (<c>Flows:Api:Url</c>, else the service discovery settings of <c>api</c>) and <c>Flows:Security:WorkerToken</c>.
    /// </summary>
    public static TBuilder AddFlowsWorker<TBuilder>(this TBuilder builder) where TBuilder : IHostApplicationBuilder
    {
        builder.AddRuns();

        // The consumer waits for the handlers at least as long as they drain.
        builder.Services.AddOptions<RedisQueueOptions>().PostConfigure<IOptions<WorkerOptions>>((queue, worker) =>
        {
            var needed = worker.Value.DrainTimeout + TimeSpan.FromSeconds(5);
            if (queue.DrainLimit < needed)
                queue.DrainLimit = needed;
        });

        // Registered last, so that it is stopped first: the others see the last runs through.
        builder.AddRunQueueConsumer<RunWorker>(services => services.GetRequiredService<IOptions<WorkerOptions>>().Value.Concurrency);
        return builder;
    }

    /// <summary>Everything but the queue.</summary>
    internal static void AddRuns(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        AddOptions(services);

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<WorkerIdentity>();
        services.AddSingleton<FlowsApi>();
        services.AddSingleton<FlowVersions>();

        services.AddSingleton<ControlGroups>();
        services.AddSingleton<ProcessStarter>();
        services.AddSingleton<EngineFiles>();
        services.AddSingleton<NodeProgram>();
        services.AddSingleton<NetworkNamespace>();
        services.AddSingleton<EgressMetrics>();
        services.AddSingleton<EgressBroker>();
        services.AddSingleton<ResourceWatch>();
        services.AddSingleton<EngineProcesses>();
        services.AddSingleton<PieceEngines>();
        services.AddSingleton<CodeRunners>();

        services.AddSingleton<LiveRuns>();
        services.AddSingleton<WorkerMetrics>();
        services.AddSingleton<RunClaims>();
        services.AddSingleton<ApartValues>();
        services.AddSingleton<RunReporter>();
        services.AddSingleton<HostCallForwarder>();
        services.AddSingleton<Heartbeat>();
        services.AddSingleton<RunWorker>();

        services.AddHostedService<ProcessUpkeep>();
        services.AddHostedService(provider => provider.GetRequiredService<RunReporter>());
        services.AddHostedService(provider => provider.GetRequiredService<Heartbeat>());
        services.AddHostedService<PieceWorker>();
        services.AddHealthChecks().AddCheck<WorkerHealth>("worker");
    }

    private static void AddOptions(IServiceCollection services)
    {
        services.AddOptions<WorkerOptions>().BindConfiguration(WorkerOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<RunLimitOptions>().BindConfiguration(RunLimitOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<ExecutionOptions>().BindConfiguration(ExecutionOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddNetworkOptions();
        services.AddOptions<EngineOptions>().BindConfiguration(EngineOptions.Section).ValidateOnStart();
        services.AddOptions<WorkerSecurityOptions>().BindConfiguration(WorkerSecurityOptions.Section).ValidateOnStart();
        services.AddOptions<ApiOptions>().BindConfiguration(ApiOptions.Section).ValidateOnStart();
        services.AddSingleton<SandboxSupport>();
        services.AddSingleton<IPostConfigureOptions<ExecutionOptions>, ExecutionModeChoice>();
        services.AddSingleton<IValidateOptions<ExecutionOptions>, ExecutionModeChoice>();
        services.AddSingleton<IValidateOptions<ExecutionOptions>, ControlGroupCheck>();
        services.AddSingleton<IValidateOptions<WorkerOptions>, HeartbeatCheck>();
        services.AddSingleton<IValidateOptions<EngineOptions>, EnginePathCheck>();
        services.AddSingleton<IValidateOptions<WorkerSecurityOptions>, WorkerTokenCheck>();
        services.AddSingleton<IValidateOptions<ApiOptions>, ApiAddress>();
        services.AddSingleton<IPostConfigureOptions<ApiOptions>, ApiAddress>();

        // Whoever stops the process has to wait for the draining, the hand-back of the rest, and the end of the engines.
        services.AddOptions<HostOptions>().Configure<IOptions<WorkerOptions>>((host, worker) =>
        {
            var needed = worker.Value.DrainTimeout + TimeSpan.FromSeconds(10);
            if (host.ShutdownTimeout < needed)
                host.ShutdownTimeout = needed;
        });
    }
}
