using System.Collections.Concurrent;
using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.Queue.Hangfire;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Flows.Tests.Queue;

/// <summary>One queue of its own on a real Redis, and the processes around it: each has its own services and its own connections.</summary>
public sealed class QueueSituation(string redis, params (string Key, string Value)[] settings) : IAsyncDisposable
{
    private static int s_number;
    private readonly ConcurrentBag<IHost> _hosts = [];
    private IHost? _producer;

    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public string KeyPrefix { get; } = $"test{Environment.ProcessId}-{Interlocked.Increment(ref s_number)}";

    /// <summary>Replaces services of every process that is built from here on.</summary>
    public Action<IServiceCollection> Adapt { get; init; } = _ => { };

    public IRunQueue Producer => ProducerHost.Services.GetRequiredService<IRunQueue>();

    /// <summary>The process that enqueues.</summary>
    public IHost ProducerHost => _producer ??= Build(builder => builder.AddRunQueue());

    public async Task<ConsumerProcess> StartConsumerAsync(Func<RunJob, CancellationToken, Task<JobSettlement>> handle, int concurrency = 5)
    {
        var host = Build(builder =>
        {
            builder.Services.AddSingleton(new Handler(handle));
            builder.AddRunQueueConsumer<Handler>(_ => concurrency);
        });
        await host.StartAsync();
        return new ConsumerProcess(host);
    }

    public IHost Build(Action<IHostApplicationBuilder> add)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:redis"] = redis,
            ["Flows:Queue:Provider"] = "Redis",
            ["Flows:Queue:KeyPrefix"] = KeyPrefix,
        });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        builder.AddRedisClient("redis");
        Adapt(builder.Services);
        add(builder);
        var host = builder.Build();
        _hosts.Add(host);
        return host;
    }

    /// <summary>Waits until nothing waits, is held or is delayed.</summary>
    public Task EmptyAsync() => EventuallyAsync(async () =>
    {
        var now = await Producer.GetStatisticsAsync(CancellationToken.None);
        return now is { Active: 0, Delayed: 0 } && now.Waiting.Values.Sum() == 0;
    });

    /// <summary>Asks again until it is so. An unavailable queue, or a server that does not listen yet, counts as "not yet".</summary>
    public static async Task EventuallyAsync(Func<Task<bool>> isSo)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            try
            {
                if (await isSo())
                    return;
            }
            catch (Exception error) when (error is QueueUnavailableException or System.Net.Sockets.SocketException)
            {
            }
            await Task.Delay(10, limit.Token);
        }
    }

    public static RunJob Job(Guid project = default, RunPriority priority = RunPriority.Normal) =>
        new(Guid.CreateVersion7(), project, priority);

    public static IReadOnlyList<RunJob> Jobs(int count, Guid project = default, RunPriority priority = RunPriority.Normal) =>
        [.. Enumerable.Range(0, count).Select(_ => Job(project, priority))];

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            using var limit = new CancellationTokenSource(Limit);
            await host.StopAsync(limit.Token);
            host.Dispose();
        }
        await ForgetKeysAsync();
    }

    private async Task ForgetKeysAsync()
    {
        var options = ConfigurationOptions.Parse(redis);
        options.AbortOnConnectFail = false;
        options.ConnectRetry = 1;
        using var client = await ConnectionMultiplexer.ConnectAsync(options);
        if (!client.IsConnected || client.GetServers().Length != 1)
            return; // the test's own, and gone with it

        var keys = client.GetServer(client.GetEndPoints()[0]).Keys(pattern: "*" + KeyPrefix + ":*", pageSize: 1000).ToArray();
        await client.GetDatabase().KeyDeleteAsync(keys);
    }

    private sealed class Handler(Func<RunJob, CancellationToken, Task<JobSettlement>> handle) : IRunHandler
    {
        public Task<JobSettlement> HandleAsync(RunJob job, CancellationToken stopping) => handle(job, stopping);
    }
}

/// <summary>A worker, as far as the queue sees one.</summary>
public sealed class ConsumerProcess(IHost host)
{
    public Task StopAsync() => host.StopAsync(CancellationToken.None);

    /// <summary>From here on Redis hears nothing more of it, as after kill -9.</summary>
    public void Kill()
    {
        host.Services.GetRequiredService<IConnectionMultiplexer>().Dispose();
        host.Services.GetService<HangfireRedis>()?.Dispose();
    }
}
