using Flows.Queue.Hangfire;
using Flows.Queue.Redis;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Flows.Queue;

/// <summary>What carries the jobs.</summary>
public enum QueueProvider { Redis, Hangfire }

/// <summary>Adds the queue to a process. The setting Flows__Queue__Provider chooses what carries the jobs.</summary>
public static class Registration
{
    /// <summary>Adds <see cref="IRunQueue"/>. Needs an IConnectionMultiplexer among the services, and for Hangfire ConnectionStrings__redis. Calling it twice is harmless.</summary>
    /// <exception cref="InvalidOperationException">Flows__Queue__Provider is unknown.</exception>
    public static IHostApplicationBuilder AddRunQueue(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<RedisQueueOptions>().BindConfiguration(RedisQueueOptions.Section)
            .ValidateDataAnnotations().ValidateOnStart();
        builder.Services.TryAddSingleton(TimeProvider.System);
        if (ProviderOf(builder.Configuration) == QueueProvider.Hangfire)
        {
            HangfireRegistration.AddProducer(builder);
            return builder;
        }
        builder.Services.TryAddSingleton(QueueShards.From);
        builder.Services.TryAddSingleton<IRunQueue, RedisRunQueue>();
        builder.Services.TryAddSingleton(services => new RedisQueueDesk(services.GetRequiredService<QueueShards>()));
        return builder;
    }

    /// <summary>Adds the pump that hands jobs to one <typeparamref name="THandler"/> for as long as the host runs.</summary>
    /// <param name="concurrency">How many jobs at a time; asked once, at the start.</param>
    public static IHostApplicationBuilder AddRunQueueConsumer<THandler>(
        this IHostApplicationBuilder builder, Func<IServiceProvider, int> concurrency) where THandler : class, IRunHandler
    {
        builder.AddRunQueue();
        builder.Services.TryAddSingleton<THandler>();
        if (ProviderOf(builder.Configuration) == QueueProvider.Hangfire)
        {
            HangfireRegistration.AddConsumer<THandler>(builder, concurrency);
            return builder;
        }
        builder.Services.AddSingleton<IHostedService>(services => new RedisQueueConsumer(
            services.GetRequiredService<QueueShards>(),
            services.GetRequiredService<IOptions<RedisQueueOptions>>().Value,
            services.GetRequiredService<THandler>(),
            concurrency(services),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILogger<RedisQueueConsumer>>()));
        return builder;
    }

    /// <summary>Maps the provider's own page at /admin/queues, if it has one, for callers whom the authorisation policy lets in.</summary>
    /// <returns>The page; null when the provider has none of its own.</returns>
    public static IEndpointConventionBuilder? MapQueueDashboard(this IEndpointRouteBuilder endpoints, string policy)
    {
        return ProviderOf(endpoints.ServiceProvider.GetRequiredService<IConfiguration>()) == QueueProvider.Hangfire
            ? HangfireRegistration.MapDashboard(endpoints, policy)
            : null;
    }

    private static QueueProvider ProviderOf(IConfiguration configuration) =>
        configuration.GetValue<QueueProvider?>($"{RedisQueueOptions.Section}:{nameof(RedisQueueOptions.Provider)}") ?? ByDefault;

#if FLOWS_ASPIRE
    private const QueueProvider ByDefault = QueueProvider.Hangfire;
#else
    private const QueueProvider ByDefault = QueueProvider.Redis;
#endif
}
