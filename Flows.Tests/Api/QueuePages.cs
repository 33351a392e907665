using System.Globalization;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Flows.Api.Migrations;
using Flows.Api.Retention;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.Queue.Redis;
using Flows.Tests.EndToEnd;
using Flows.Tests.Queue;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Flows.Tests.Api;

/// <summary>What an operator sees of the queue and does with it, by the page's own buttons.</summary>
[Collection(Platform.Apis)]
public sealed class QueuePages(Platform platform)
{
    [Fact]
    public async Task A_project_is_paused_and_resumed_and_sees_its_own_only()
    {
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database);
        var mine = (Guid)(await database.ScalarAsync("SELECT project_id FROM api_keys LIMIT 1"))!;
        var stranger = Guid.CreateVersion7();
        var queue = host.App.Services.GetRequiredService<IRunQueue>();
        await queue.EnqueueAsync([Job(mine, RunPriority.Sync), Job(mine, RunPriority.Bulk), Job(stranger, RunPriority.Bulk)], CancellationToken.None);

        Assert.Equal(401, (await host.GetAsync("/admin/queues", key: null)).Status);
        Assert.Equal(302, await PressAsync(host, "/admin/queues/pause"));
        var page = await host.GetAsync("/admin/queues");
        Assert.Equal((200, "text/html"), (page.Status, page.ContentType));
        Assert.Contains("paused</b>", page.Text, StringComparison.Ordinal);
        Assert.Contains("3 enqueued", page.Text, StringComparison.Ordinal);
        Assert.Contains("<b>3</b>waiting", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain($"{stranger}", page.Text, StringComparison.Ordinal);
        var shard = host.App.Services.Shard();
        Assert.Equal([stranger], (await shard.TurnAsync("w", [], 9, releaseExpired: false, CancellationToken.None)).Taken.Select(taken => taken.Job.ProjectId));

        Assert.Equal(302, await PressAsync(host, "/admin/queues/resume"));
        Assert.DoesNotContain("paused</b>", (await host.GetAsync("/admin/queues")).Text, StringComparison.Ordinal);
        Assert.Equal(2, (await shard.TurnAsync("w", [], 9, releaseExpired: false, CancellationToken.None)).Taken.Count);
    }

    [Fact]
    public async Task A_dead_letter_is_requeued_by_its_own_project_only()
    {
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database, ("Flows:Queue:MaxDeliveries", "1"));
        var mine = (Guid)(await database.ScalarAsync("SELECT project_id FROM api_keys LIMIT 1"))!;
        var other = await ApiHost.AddProjectAsync(database);
        var (queue, job) = (host.App.Services.GetRequiredService<IRunQueue>(), Job(mine, RunPriority.Normal));
        await queue.EnqueueAsync([job], CancellationToken.None);
        var shard = host.App.Services.Shard();
        var taken = Assert.Single((await shard.TurnAsync("w", [], 1, releaseExpired: false, CancellationToken.None)).Taken);
        taken.Settle(Outcome.Failed);
        await shard.TurnAsync("w", [taken], 0, releaseExpired: false, CancellationToken.None);

        Assert.Contains($"{job.RunId}", (await host.GetAsync("/admin/queues")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain($"{job.RunId}", (await host.GetAsync("/admin/queues", other)).Text, StringComparison.Ordinal);
        Assert.Equal(404, await PressAsync(host, $"/admin/queues/dead/{job.RunId}/requeue", other));
        Assert.Equal(302, await PressAsync(host, $"/admin/queues/dead/{job.RunId}/requeue"));
        Assert.Equal(404, await PressAsync(host, $"/admin/queues/dead/{job.RunId}/discard"));

        var view = (await host.GetAsync("/api/v1/system/queue")).Json;
        Assert.Equal((0, 1), (view.GetProperty("dead").GetInt32(), view.GetProperty("depth").GetInt32()));
        var project = Assert.Single(view.GetProperty("projects").EnumerateArray());
        Assert.Equal(("Normal", 1), (project.GetProperty("priority").GetString(), project.GetProperty("waiting").GetInt32()));
    }

    [Fact]
    public async Task Programs_see_dead_letters_and_end_them_and_hold_the_project_back()
    {
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database, ("Flows:Queue:MaxDeliveries", "1"));
        var mine = (Guid)(await database.ScalarAsync("SELECT project_id FROM api_keys LIMIT 1"))!;
        var other = await ApiHost.AddProjectAsync(database);
        var (queue, shard) = (host.App.Services.GetRequiredService<IRunQueue>(), host.App.Services.Shard());
        RunJob[] jobs = [Job(mine, RunPriority.Normal), Job(mine, RunPriority.Bulk)];
        await queue.EnqueueAsync(jobs, CancellationToken.None);
        var taken = (await shard.TurnAsync("w", [], 2, releaseExpired: false, CancellationToken.None)).Taken;
        foreach (var job in taken)
            job.Settle(Outcome.Failed);
        await shard.TurnAsync("w", taken, 0, releaseExpired: false, CancellationToken.None);

        const string Dead = "/api/v1/system/queue/dead";
        var letters = (await host.GetAsync(Dead)).Json.GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(jobs.Select(job => job.RunId).Order(), letters.Select(letter => letter.GetProperty("runId").GetGuid()).Order());
        Assert.All(letters, letter => Assert.Equal(1, letter.GetProperty("deliveries").GetInt32()));
        Assert.Equal(0, (await host.GetAsync(Dead, other)).Json.GetProperty("items").GetArrayLength());
        (await host.PostAsync($"{Dead}/{jobs[0].RunId}/requeue", key: other)).Problem(404);
        (await host.PostAsync($"{Dead}/{jobs[0].RunId}/requeue")).Ok(204);
        (await host.PostAsync($"{Dead}/{jobs[1].RunId}/discard")).Ok(204);
        (await host.PostAsync($"{Dead}/{jobs[1].RunId}/discard")).Problem(404);
        Assert.Equal([jobs[0].RunId], (await shard.TurnAsync("w", [], 9, releaseExpired: false, CancellationToken.None)).Taken.Select(job => job.Job.RunId));

        (await host.PostAsync("/api/v1/system/queue/pause")).Ok(204);
        Assert.True((await host.GetAsync(Dead)).Json.GetProperty("isPaused").GetBoolean());
        Assert.False((await host.GetAsync(Dead, other)).Json.GetProperty("isPaused").GetBoolean());
        (await host.PostAsync("/api/v1/system/queue/resume")).Ok(204);
        Assert.False((await host.GetAsync(Dead)).Json.GetProperty("isPaused").GetBoolean());
    }

    [Fact]
    public async Task A_dead_letter_is_forgotten_when_its_time_is_over_and_not_before()
    {
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database, ("Flows:Queue:MaxDeliveries", "1"), ("Flows:Retention:FailedJobDays", "1"));
        var mine = (Guid)(await database.ScalarAsync("SELECT project_id FROM api_keys LIMIT 1"))!;
        var (queue, job) = (host.App.Services.GetRequiredService<IRunQueue>(), Job(mine, RunPriority.Normal));
        await queue.EnqueueAsync([job], CancellationToken.None);
        var shard = host.App.Services.Shard();
        var taken = Assert.Single((await shard.TurnAsync("w", [], 1, releaseExpired: false, CancellationToken.None)).Taken);
        taken.Settle(Outcome.Failed);
        await shard.TurnAsync("w", [taken], 0, releaseExpired: false, CancellationToken.None);
        Task<bool> SweepAsync(RetentionOptions options) => new DeadLetterKeeper(host.App.Services, Options.Create(options), host.App.Services.GetRequiredService<RunMetrics>(),
            host.App.Services.GetRequiredService<SchemaState>(), TimeProvider.System, NullLogger<DeadLetterKeeper>.Instance).SweepAsync(CancellationToken.None);
        async Task<int> DeadAsync() => (await host.GetAsync("/api/v1/system/queue"))["dead"].GetInt32();

        await SweepAsync(new RetentionOptions { FailedJobDays = 1 });
        await SweepAsync(new RetentionOptions { FailedJobDays = 0 }); // keeps all
        Assert.Equal(1, await DeadAsync());

        // A day older: its time of death in Redis is moved, because Redis has a clock of its own.
        using (var redis = await ConnectionMultiplexer.ConnectAsync(platform.RedisConnectionString))
        {
            var list = Assert.Single(redis.GetServers().SelectMany(server => server.Keys(pattern: $"*{host.App.Configuration["Flows:Queue:KeyPrefix"]}*dead")));
            var letter = ((string)(await redis.GetDatabase().ListGetByIndexAsync(list, 0))!).Split(':');
            letter[4] = $"{long.Parse(letter[4], CultureInfo.InvariantCulture) - (long)TimeSpan.FromMinutes((24 * 60) + 1).TotalMilliseconds}";
            await redis.GetDatabase().ListSetByIndexAsync(list, 0, string.Join(':', letter));
        }
        await SweepAsync(new RetentionOptions { FailedJobDays = 1 });
        Assert.Equal(0, await DeadAsync());
    }

    [Fact]
    public async Task A_flow_is_paused_and_resumed_and_its_runs_are_kept()
    {
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database);
        var api = new FlowsClient(host.Http, ApiHost.Key);
        const string Definition = """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [ { "name": "answer", "kind": "respond", "body": {} } ] }
            """;
        var (paused, other) = (await api.PublishAsync("Paused", Definition), await api.PublishAsync("Other", Definition));
        var stranger = await ApiHost.AddProjectAsync(database);

        (await host.PostAsync($"/api/v1/flows/{paused}/queue/pause", key: stranger)).Problem(404);
        (await host.PostAsync($"/api/v1/flows/{paused}/queue/pause")).Ok(204);
        var (held, free) = (await api.StartAsync(paused), await api.StartAsync(other));

        var shard = host.App.Services.Shard();
        Assert.Equal([free], await TakeAsync(run => run == free));
        Assert.Equal((1, 0), await host.GetAsync("/api/v1/system/queue") is var now ? (now["paused"].GetInt32(), now["depth"].GetInt32()) : default);
        (await host.PostAsync($"/api/v1/flows/{paused}/queue/resume")).Ok(204);
        Assert.Equal([held], await TakeAsync(run => run == held));

        async Task<List<Guid>> TakeAsync(Predicate<Guid> last)
        {
            var taken = new List<Guid>();
            await QueueSituation.EventuallyAsync(async () =>
            {
                taken.AddRange((await shard.TurnAsync("w", [], 9, releaseExpired: false, CancellationToken.None)).Taken.Select(job => job.Job.RunId));
                return taken.Exists(last) && (taken.Contains(held) || (await host.GetAsync("/api/v1/system/queue"))["paused"].GetInt32() == 1);
            });
            return taken;
        }
    }

    [Theory]
    [InlineData("/admin/queues")]
    [InlineData("/admin/queues/")]
    [InlineData("/automation/admin/queues")]
    public async Task Its_buttons_lead_where_the_page_is_also_below_a_path(string address)
    {
        await using var database = new TestDatabase(platform);
        await using var host = await StartAsync(database, ("Flows:PublicUrl", "https://example.com/automation"));
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = host.Http.BaseAddress };
        browser.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiHost.Key);
        var page = new Uri(browser.BaseAddress!, address);
        foreach (var word in new[] { "pause", "resume" })
        {
            var form = Regex.Match(await browser.GetStringAsync(page), "action=\"([^\"]+)\"").Groups[1].Value;
            var button = new Uri(page, form); // as a browser reads it
            Assert.Equal($"{page.AbsolutePath.TrimEnd('/')}/{word}", button.AbsolutePath);
            using var answer = await browser.PostAsync(button, content: null);
            Assert.Equal(302, (int)answer.StatusCode);
            var back = new Uri(button, answer.Headers.Location!);
            Assert.Equal(page.AbsolutePath.TrimEnd('/'), back.AbsolutePath);
            Assert.Contains(word == "pause" ? "paused</b>" : "no limit of its own", await browser.GetStringAsync(back), StringComparison.Ordinal);
        }
    }

    /// <summary>The status of the answer to a button, before the browser goes where the answer sends it.</summary>
    private static async Task<int> PressAsync(ApiHost host, string path, string key = ApiHost.Key)
    {
        using var browser = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = host.Http.BaseAddress };
        browser.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        using var answer = await browser.PostAsync(path, content: null);
        return (int)answer.StatusCode;
    }

    private static RunJob Job(Guid project, RunPriority priority) => new(Guid.CreateVersion7(), project, priority);

    private Task<ApiHost> StartAsync(TestDatabase database, params (string Key, string Value)[] settings)
    {
        var all = settings.ToDictionary(setting => setting.Key, setting => setting.Value);
        all["Flows:Queue:Provider"] = "Redis";
        all["Flows:Queue:KeyPrefix"] = $"pages{Guid.CreateVersion7():N}";
        return ApiHost.StartAsync(database.ConnectionString, platform, all);
    }
}
