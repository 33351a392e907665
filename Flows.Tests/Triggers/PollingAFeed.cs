using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Flows.Tests.EndToEnd;

namespace Flows.Tests.Triggers;

/// <summary>The whole way: API, worker and engine, against a feed of ours.</summary>
[Collection(nameof(Platform))]
public sealed class PollingAFeed(Platform platform)
{
    [Fact]
    public async Task What_was_there_starts_nothing_and_each_new_item_starts_one_run()
    {
        await using var feed = await FeedServer.StartAsync();
        feed.Items = ["old-1", "old-2"];
        var flow = await platform.Api.PublishAsync("Feed", $$"""
            { "schema": 1, "trigger": { "piece": "rss", "event": "new_item", "input": { "url": "{{feed.Address}}", "every": "01:00:00" } },
              "steps": [ { "name": "title", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{"{{trigger.title}}"}}" } } ] }
            """);
        await UntilAsync(flow, trigger => trigger.GetProperty("polls").GetInt64() >= 1);
        Assert.Empty(await RunsAsync(flow));

        feed.Items = ["new-2", "new-1", "old-1", "old-2"];
        await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/trigger/check", null);
        var after = await UntilAsync(flow, trigger => trigger.GetProperty("startedRuns").GetInt64() >= 2);

        Assert.Equal("ok", after.GetProperty("health").GetString());
        Assert.Equal(2, after.GetProperty("startedRuns").GetInt64());
        var titles = new List<string>();
        foreach (var run in await RunsAsync(flow))
        {
            var ended = await platform.Api.UntilFinalAsync(run.GetProperty("id").GetGuid());
            titles.Add(ended.GetProperty("output").GetString()!);
        }
        Assert.Equal(["Title of new-2", "Title of new-1"], titles); // lists have the newest first
        Assert.Contains((await platform.Api.SendAsync(HttpMethod.Get, "/api/v1/triggers", null)).GetProperty("items").EnumerateArray(),
            item => item.GetProperty("flowId").GetGuid() == flow);

        await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/disable", null);
        using var gone = await platform.Api.AskAsync(HttpMethod.Get, $"/api/v1/flows/{flow}/trigger", null);
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }

    [Fact]
    public async Task A_service_that_refuses_is_told_as_the_health_of_the_trigger()
    {
        await using var feed = await FeedServer.StartAsync();
        feed.Status = HttpStatusCode.NotFound;
        var flow = await platform.Api.PublishAsync("Feed", $$"""
            { "schema": 1, "trigger": { "piece": "rss", "event": "new_item", "input": { "url": "{{feed.Address}}" } }, "steps": [] }
            """);
        var trigger = await UntilAsync(flow, found => found.GetProperty("failures").GetInt32() >= 1);
        Assert.Equal("failing", trigger.GetProperty("health").GetString());
        Assert.Contains("404", trigger.GetProperty("lastError").GetProperty("message").GetString(), StringComparison.Ordinal);
        await platform.Api.SendAsync(HttpMethod.Delete, $"/api/v1/flows/{flow}", null);
    }

    [Fact]
    public async Task An_interval_out_of_bounds_is_refused_with_its_path()
    {
        using var answer = await platform.Api.AskAsync(HttpMethod.Post, "/api/v1/flows", """
            { "name": "Hasty", "definition": { "schema": 1, "trigger": { "piece": "rss", "event": "new_item", "input": { "url": "https://example.com/feed", "every": "00:00:01" } }, "steps": [] } }
            """);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("$.definition.trigger.input.every", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private async Task<List<JsonElement>> RunsAsync(Guid flow) =>
        [.. (await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/runs?flow={flow}", null)).GetProperty("items").EnumerateArray()];

    private async Task<JsonElement> UntilAsync(Guid flow, Func<JsonElement, bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            var trigger = await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/flows/{flow}/trigger", null);
            if (condition(trigger))
                return trigger;
            Assert.False(limit.IsCancellationRequested, $"It did not come to that: {trigger}");
            await tick.WaitForNextTickAsync();
        }
    }
}
