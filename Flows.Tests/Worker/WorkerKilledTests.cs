using System.Globalization;
using Flows.Contracts.Runs;
using Flows.Queue;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using StackExchange.Redis;

namespace Flows.Tests.Worker;

/// <summary>The real executable with a real Redis.</summary>
[Collection(Platform.Queues)]
public sealed class WorkerKilledTests(Platform platform) : IAsyncLifetime
{
    private readonly string _prefix = $"test-worker-{Guid.CreateVersion7():N}";

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        using var redis = await ConnectionMultiplexer.ConnectAsync(platform.RedisConnectionString);
        var keys = redis.GetServer(redis.GetEndPoints()[0]).Keys(pattern: $"*{_prefix}*").ToArray();
        await redis.GetDatabase().KeyDeleteAsync(keys);
    }

    [Fact]
    public async Task Nothing_outlives_a_worker_that_was_killed()
    {
        await using var api = await FakeApi.StartAsync();
        var engine = ScriptedEngine.Create(ignoresEndOfInput: true);
        using var process = WorkerProcess.Start(api, platform.RedisConnectionString, _prefix, engine);
        var queue = QueueOf(platform.RedisConnectionString, _prefix);
        var project = Guid.CreateVersion7();

        // One engine that never looks at its input again, and one that waits for endless code.
        var pidFile = Path.Combine(Path.GetTempPath(), _prefix);
        var hanging = api.AddRun(project, Guid.CreateVersion7(), """{"script":[{"line":"busy","pid":true,"barrier":true},{"hang":true}]}""");
        var code = api.AddRun(project, Guid.CreateVersion7(), $$"""
            {"script":[{"line":"busy","pid":true,"barrier":true},
              {"code":"process.getBuiltinModule('fs').writeFileSync('{{pidFile}}', String(process.pid)); for (;;);","timeoutMs":600000}]}
            """);
        await queue.EnqueueAsync([new RunJob(hanging.Id, project, RunPriority.Normal), new RunJob(code.Id, project, RunPriority.Normal)], default);
        var engines = await Task.WhenAll(new[] { hanging, code }.Select(async run =>
            (await run.StepAsync("busy")).Output!.Value.ToElement().GetProperty("pid").GetInt32()));
        await ChildProbe.UntilAsync(() => File.Exists(pidFile) && new FileInfo(pidFile).Length > 0, "the code did not start");
        var runner = int.Parse(await File.ReadAllTextAsync(pidFile), CultureInfo.InvariantCulture);
        Assert.All([.. engines, runner], pid => Assert.True(ChildProbe.IsAlive(pid)));

        ChildProbe.Kill(process.Id);

        foreach (var pid in engines.Append(runner))
            await ChildProbe.GoneAsync(pid, seconds: 60);
        File.Delete(pidFile);
    }

    [Fact]
    public async Task A_worker_that_is_told_to_go_hands_its_run_back_and_leaves_nothing()
    {
        await using var api = await FakeApi.StartAsync();
        using var process = WorkerProcess.Start(api, platform.RedisConnectionString, _prefix, ScriptedEngine.Create(), ("Flows__Worker__DrainTimeout", "00:00:00.5"));
        var run = api.AddRun(Guid.CreateVersion7(), Guid.CreateVersion7(), """{"script":[{"line":"busy","pid":true,"barrier":true},{"hang":true}]}""");
        await QueueOf(platform.RedisConnectionString, _prefix).EnqueueAsync([new RunJob(run.Id, run.Project, RunPriority.Normal)], default);
        var engine = (await run.StepAsync("busy")).Output!.Value.ToElement().GetProperty("pid").GetInt32();

        ChildProbe.Terminate(process.Id);

        await ChildProbe.GoneAsync(process.Id, seconds: 60);
        Assert.Equal(RunStatus.Queued, run.Outcome!.Status);
        Assert.False(ChildProbe.IsAlive(engine));
    }

    private static IRunQueue QueueOf(string redis, string prefix)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:redis"] = redis,
            ["Flows:Queue:KeyPrefix"] = prefix,
        });
        builder.AddRedisClient("redis");
        builder.AddRunQueue();
        return builder.Build().Services.GetRequiredService<IRunQueue>();
    }
}
