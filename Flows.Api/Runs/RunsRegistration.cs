using Flows.Api.Files;
using Flows.Api.Flows.Testing;
using Flows.Api.Projects;
using Flows.Api.Retention;
using Flows.Api.Runs.Events;
using Flows.Api.Runs.Values;
using Flows.Api.Storage;
using Flows.Api.Waits;
using Flows.Api.Webhooks;
using Flows.Api.Workers;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Flows.Api.Runs;

internal static class RunsRegistration
{
    /// <summary>Everything that accepts, hands out, takes back and shows runs. Needs NpgsqlDataSource, IConnectionMultiplexer and IRunQueue.</summary>
    public static IHostApplicationBuilder AddRuns(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptions<RunOptions>().BindConfiguration(RunOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IValidateOptions<RunOptions>, LeaseCheck>();
        services.AddOptions<RunTimeouts>().BindConfiguration(RunTimeouts.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddOptions<ProjectCeilings>().BindConfiguration(ProjectCeilings.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<IValidateOptions<ProjectCeilings>, CeilingCheck>();
        services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, RunsJson.Default);
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, SystemJson.Default);
        });

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<RunMetrics>();
        services.AddSingleton<ProjectTermsBook>();
        services.AddSingleton<RunStore>();
        services.AddSingleton<ListDatabase>();
        services.AddSingleton<RunReader>();
        services.AddSingleton<RunValues>();
        services.AddSingleton<RunFileStore>();
        services.AddOptions<EventOptions>().BindConfiguration(EventOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<EventPlaces>();
        services.AddSingleton<RunListeners>();
        services.AddSingleton<RunEventReader>();
        services.AddSingleton<StoredValues>();
        services.AddSingleton<WebhookTrigger>();
        services.AddSingleton<RunStarter>();
        services.AddSingleton<RunRetry>();
        services.AddSingleton<RunAnnouncer>();
        services.AddSingleton<FlowSamples>();
        services.AddSingleton<TestSamples>();
        services.AddSingleton<TestRuns>();
        services.AddSingleton<PublishedFlows>();
        services.AddSingleton<WorkerRegistry>();
        AddHosted<RunBells>(services);
        AddHosted<RunWaiters>(services);
        AddHosted<RunInbox>(services);
        AddHosted<KeyedRunInbox>(services);
        AddHosted<RunClaims>(services);
        AddHosted<RunReports>(services);
        AddHosted<StaleRunRescuer>(services);
        AddHosted<QueuedRunSweeper>(services);
        AddHosted<PartitionKeeper>(services);
        AddHosted<KeyForgetter>(services);
        services.AddSingleton<RunDays>();
        AddHosted<RetentionKeeper>(services);
        AddHosted<DeadLetterKeeper>(services);
        builder.AddWaits();
        builder.AddWebhooks();
        return builder;
    }

    internal static void AddHosted<T>(IServiceCollection services) where T : class, IHostedService
    {
        services.AddSingleton<T>();
        services.AddHostedService(provider => provider.GetRequiredService<T>());
    }
}
