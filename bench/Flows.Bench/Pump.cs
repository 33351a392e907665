using Flows.Queue;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Flows.Bench;

/// <summary>One producer and one consumer of a queue provider, as a process of Flows has them.</summary>
internal sealed class Pump : IAsyncDisposable
{
    private readonly IHost _host;

    private Pump(IHost host) => _host = host;

    public IRunQueue Queue => _host.Services.GetRequiredService<IRunQueue>();

    /// <summary>What is done with each job; nothing by default.</summary>
    public Func<RunJob, Task> Handle
    {
        get => _host.Services.GetRequiredService<Handler>().Handle;
        set => _host.Services.GetRequiredService<Handler>().Handle = value;
    }

    public static async Task<Pump> StartAsync(int port, string provider, int slots)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:redis"] = $"127.0.0.1:{port}",
            ["Flows:Queue:Provider"] = provider,
            ["Flows:Queue:KeyPrefix"] = $"bench{Guid.CreateVersion7():N}",
        });
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
        builder.AddRedisClient("redis");
        builder.AddRunQueueConsumer<Handler>(_ => slots);
        var host = builder.Build();
        await host.StartAsync();
        return new Pump(host);
    }

    public async ValueTask DisposeAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await _host.StopAsync(limit.Token);
        _host.Dispose();
    }

    internal sealed class Handler : IRunHandler
    {
        public Func<RunJob, Task> Handle { get; set; } = _ => Task.CompletedTask;

        public async Task<JobSettlement> HandleAsync(RunJob job, CancellationToken stopping)
        {
            await Handle(job);
            return JobSettlement.Done;
        }
    }
}
