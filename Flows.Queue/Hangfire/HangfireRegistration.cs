using Flows.Queue.Redis;
using Hangfire;
using Hangfire.Redis.StackExchange;
using Hangfire.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Flows.Queue.Hangfire;

/// <summary>Adds Hangfire, with the settings that its failures ask for; docs/queue.md says what each of them is there for.</summary>
internal static class HangfireRegistration
{
    internal static void AddProducer(IHostApplicationBuilder builder)
    {
        if (builder.Services.Any(service => service.ServiceType == typeof(HangfireRedis)))
            return;

        var connectionString = builder.Configuration.GetConnectionString("redis")
            ?? throw new InvalidOperationException("ConnectionStrings__redis is not set.");
        // A run may hold its claim for as long as its flow may take. Nothing renews Hangfire's invisibility, so it has to be longer.
        var longestRun = builder.Configuration.GetValue("Flows:Timeouts:Flow", TimeSpan.FromMinutes(10)) + TimeSpan.FromMinutes(5);

        var authority = builder.Configuration["Flows:Redis:CertificateAuthority"];
        builder.Services.AddSingleton(services =>
            new HangfireRedis(connectionString, services.GetRequiredService<IOptions<RedisQueueOptions>>().Value.KeyPrefix, authority));
        builder.Services.AddHangfire((services, hangfire) =>
        {
            GlobalJobFilters.Filters.Remove<CaptureCultureAttribute>(); // saves commands on every job; no job has a culture
            var redis = services.GetRequiredService<HangfireRedis>();
            hangfire
                .SetDataCompatibilityLevel(CompatibilityLevel.Version_180)
                .UseSimpleAssemblyNameTypeSerializer()
                .UseRecommendedSerializerSettings()
                .UseRedisStorage(redis.Multiplexer, redis.StorageOptions(longestRun))
                .WithJobExpirationTimeout(TimeSpan.FromMinutes(10));
        });
        builder.Services.TryAddSingleton<IRunQueue, HangfireRunQueue>();
    }

    internal static void AddConsumer<THandler>(IHostApplicationBuilder builder, Func<IServiceProvider, int> concurrency)
        where THandler : class, IRunHandler
    {
        builder.Services.TryAddSingleton<IRunHandler>(services => services.GetRequiredService<THandler>());

        // AddHangfireServer hosts every registered IBackgroundProcess in each server.
        builder.Services.AddSingleton<IBackgroundProcess, ReAnnounce>();
        builder.Services.AddSingleton<IBackgroundProcess, Janitor>();

        // Two servers instead of strict priority alone: bulk work always has a worker of its own, and never more than that.
        builder.Services.AddHangfireServer((services, server) =>
        {
            var all = concurrency(services);
            Configure(services, server, all - BulkWorkers(all), BulkWorkers(all) > 0 ? [Lanes.Sync, Lanes.Normal] : Lanes.All);
        });
        builder.Services.AddHangfireServer((services, server) =>
        {
            // With room for one run only, the first server has all lanes and this one waits on a lane that nobody uses.
            var workers = BulkWorkers(concurrency(services));
            Configure(services, server, Math.Max(1, workers), workers > 0 ? [Lanes.Bulk] : [Lanes.None]);
        });
    }

    /// <summary>Hangfire's dashboard at /admin/queues, for callers whom <paramref name="policy"/> lets in. What it deletes or requeues are bells, never runs.</summary>
    internal static IEndpointConventionBuilder MapDashboard(IEndpointRouteBuilder endpoints, string policy) =>
        endpoints.MapHangfireDashboardWithAuthorizationPolicy(policy, "/admin/queues", new DashboardOptions
        {
            AppPath = "/",
            DashboardTitle = "Flows queues",
            DisplayStorageConnectionString = false, // it holds the password
        });

    private static int BulkWorkers(int concurrency) => concurrency < 2 ? 0 : Math.Max(1, concurrency / 5);

    private static void Configure(IServiceProvider services, BackgroundJobServerOptions server, int workers, string[] lanes)
    {
        server.WorkerCount = workers;
        server.Queues = lanes;
        server.SchedulePollingInterval = TimeSpan.FromSeconds(1);
        server.HeartbeatInterval = TimeSpan.FromSeconds(15);
        server.ServerTimeout = TimeSpan.FromMinutes(2);
        server.ServerCheckInterval = TimeSpan.FromSeconds(30);
        server.ShutdownTimeout = services.GetRequiredService<IOptions<RedisQueueOptions>>().Value.DrainLimit;
    }
}
