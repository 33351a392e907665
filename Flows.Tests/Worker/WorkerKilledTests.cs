using System.Globalization;
using System.Net;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Queue;
using Flows.Tests.Deployment;
using Flows.Tests.Observability;
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_worker_ends_itself_in_the_middle_of_a_run_when_it_is_told_to_and_only_where_it_may(bool mayBe)
    {
        await using var api = await FakeApi.StartAsync();
        using var process = WorkerProcess.Start(api, platform.RedisConnectionString, _prefix, ScriptedEngine.Create(ignoresEndOfInput: true),
            ("Flows__Worker__AllowChaos", mayBe ? "true" : "false"), ("Flows__Worker__HeartbeatEvery", "00:00:00.1"));
        var run = api.AddRun(Guid.CreateVersion7(), Guid.CreateVersion7(), """{"script":[{"line":"busy","pid":true,"barrier":true},{"hang":true}]}""");
        await QueueOf(platform.RedisConnectionString, _prefix).EnqueueAsync([new RunJob(run.Id, run.Project, RunPriority.Normal)], default);
        var engine = (await run.StepAsync("busy")).Output!.Value.ToElement().GetProperty("pid").GetInt32();
        Assert.All(api.Heartbeats, beat => Assert.Equal(mayBe, beat.Info.AllowsChaos));

        // Another run, and another attempt of this one: neither is a reason.
        api.End = _ => new HeldRun(run.Id, run.Attempt + 1);
        await BeatsAsync(api, 3);
        api.End = _ => new HeldRun(Guid.CreateVersion7(), run.Attempt);
        await BeatsAsync(api, 3);
        api.End = _ => new HeldRun(run.Id, run.Attempt);
        if (!mayBe)
        {
            await BeatsAsync(api, 3);
            Assert.True(ChildProbe.IsAlive(engine));
            return;
        }

        await ChildProbe.GoneAsync(process.Id);
        await ChildProbe.GoneAsync(engine);
        Assert.Null(run.Outcome);
        Assert.Equal(StepStatus.Running, run.Steps["busy"].Status);
    }

    [Fact]
    public async Task A_worker_shows_its_figures_to_whoever_has_its_key_and_has_no_such_page_without_one()
    {
        const string Key = "metrics-key-of-the-tests-0123456789";
        await using var api = await FakeApi.StartAsync();
        var (shown, hidden) = ($"http://127.0.0.1:{DeployedProcess.FreePort()}", $"http://127.0.0.1:{DeployedProcess.FreePort()}");
        using var process = WorkerProcess.Start(api, platform.RedisConnectionString, _prefix, ScriptedEngine.Create(), ("ASPNETCORE_URLS", shown), ("Flows__Metrics__Key", Key));
        using var other = WorkerProcess.Start(api, platform.RedisConnectionString, _prefix, ScriptedEngine.Create(), ("ASPNETCORE_URLS", hidden));
        var run = api.AddRun(Guid.CreateVersion7(), Guid.CreateVersion7(), """{"script":[{"line":"one"}]}""");
        await QueueOf(platform.RedisConnectionString, _prefix).EnqueueAsync([new RunJob(run.Id, run.Project, RunPriority.Normal)], default);
        await run.StepAsync("one");
        using var http = new HttpClient();

        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(shown, key: null)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync(shown, "metrics-key-of-somebody-else-01234")).Status);
        var page = MetricsPage.Parse((await AskAsync(shown, Key)).Text);
        foreach (var name in new[] { "flows_worker_slots", "flows_worker_slots_used" })
            Assert.True(page.Has(name), name);
        Assert.False(page.Has("flows_runs_accepted_total"));
        Assert.Equal(HttpStatusCode.NotFound, (await AskAsync(hidden, Key)).Status);

        async Task<(HttpStatusCode Status, string Text)> AskAsync(string address, string? key)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            while (true)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, $"{address}/metrics");
                if (key is not null)
                    request.Headers.Authorization = new("Bearer", key);
                try
                {
                    using var answer = await http.SendAsync(request, limit.Token);
                    return (answer.StatusCode, await answer.Content.ReadAsStringAsync(limit.Token));
                }
                catch (HttpRequestException)
                {
                    await Task.Delay(50, limit.Token); // it does not listen yet
                }
            }
        }
    }

    /// <summary>So many heartbeats more, from now on.</summary>
    private static Task BeatsAsync(FakeApi api, int more)
    {
        var goal = api.Heartbeats.Count + more;
        return ChildProbe.UntilAsync(() => api.Heartbeats.Count >= goal, "The worker beats no more.");
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
