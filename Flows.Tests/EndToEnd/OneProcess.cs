using System.Net.Http.Json;
using System.Text.Json;
using Flows.Tests.Api;
using Flows.Tests.Engine;
using StackExchange.Redis;

namespace Flows.Tests.EndToEnd;

[Collection(nameof(Platform))]
[Trait("Category", "Proof")]
public sealed class OneProcess(Platform platform)
{
    [Fact]
    public async Task The_api_executable_alone_runs_a_flow_when_it_is_worker_and_app()
    {
        await RunAsync(async (api, _, processId) =>
        {
            var flow = await api.PublishAsync("Sum", """
                { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
                  "steps": [ { "name": "sum", "kind": "code", "language": "javascript", "input": { "n": "{{trigger.body}}" }, "source": "export default ({ n }) => n.reduce((a, b) => a + b, 0);" },
                             { "name": "answer", "kind": "respond", "body": { "sum": "{{sum}}" } } ] }
                """);

            using var answer = await api.Http.PostAsJsonAsync($"/webhooks/{flow}/sync", new[] { 1, 2, 39 });

            Assert.Equal("""{"sum":42}""", await answer.Content.ReadAsStringAsync());
            var worker = Assert.Single((await api.SendAsync(HttpMethod.Get, "/api/v1/system/workers", null)).GetProperty("items").EnumerateArray().ToList());
            Assert.Equal(processId, worker.GetProperty("processId").GetInt32());
        });
    }

    [Fact]
    public async Task A_secret_that_goes_through_a_run_is_found_in_no_table_key_log_or_answer()
    {
        const string Canary = "canary-5Tz8Qp2LkW";
        await using var echo = EchoServer.Create();
        await echo.StartAsync();
        var seen = "";
        var log = await RunAsync(async (api, database, _) =>
        {
            await api.SendAsync(HttpMethod.Post, "/api/v1/connections", $$"""{ "key": "bird", "kind": "basic", "value": { "username": "ada", "password": "{{Canary}}" } }""");
            var flow = await api.PublishAsync("Canary", $$$"""
                { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
                  "steps": [
                    { "name": "echo", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{EchoServer.UrlOf(echo)}}}/echo",
                        "headers": { "x-one": "{{connections.bird.password}}" }, "auth": "basic", "username": "{{connections.bird.username}}", "password": "{{connections.bird.password}}",
                        "body": "in the middle: {{connections.bird.password}}!" } },
                    { "name": "fail", "kind": "action", "piece": "http", "action": "request", "onError": "continue", "input": { "url": "{{{EchoServer.UrlOf(echo)}}}/status/400?k={{connections.bird.password}}" } },
                    { "name": "answer", "kind": "respond", "body": { "echo": "{{echo.body}}", "error": "{{errors.fail}}" } } ] }
                """);

            using var answer = await api.Http.PostAsJsonAsync($"/webhooks/{flow}/sync", new { });
            seen = await answer.Content.ReadAsStringAsync();
            var run = Guid.Parse(answer.Headers.GetValues("Flows-Run-Id").Single());
            seen += await api.UntilFinalAsync(run);
            seen += string.Join('\n', await api.StepsAsync(run));
            seen += await api.SendAsync(HttpMethod.Get, "/api/v1/connections", null);
            Assert.Contains("in the middle: ••••••!", JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("echo").GetProperty("body").GetString(), StringComparison.Ordinal);

            seen += await database.EverythingAsync();
            Assert.Contains("in the middle", seen, StringComparison.Ordinal); // the search finds what is there
            seen += await EverythingInRedisAsync();
        });

        var credential = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"ada:{Canary}"));
        foreach (var form in new[] { Canary, credential, Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(Canary)) })
        {
            Assert.DoesNotContain(form, seen, StringComparison.Ordinal);
            Assert.DoesNotContain(form, log, StringComparison.Ordinal);
        }
    }

    private async Task<string> EverythingInRedisAsync()
    {
        using var redis = await ConnectionMultiplexer.ConnectAsync(platform.RedisConnectionString);
        var all = new System.Text.StringBuilder();
        foreach (var key in redis.GetServer(redis.GetEndPoints()[0]).Keys())
        {
            var db = redis.GetDatabase();
            all.Append(key).Append(await db.KeyTypeAsync(key) switch
            {
                RedisType.String => await db.StringGetAsync(key),
                RedisType.Hash => string.Join(' ', await db.HashGetAllAsync(key)),
                RedisType.List => string.Join(' ', await db.ListRangeAsync(key)),
                RedisType.Set => string.Join(' ', await db.SetMembersAsync(key)),
                RedisType.SortedSet => string.Join(' ', await db.SortedSetRangeByRankAsync(key)),
                _ => "",
            });
        }
        return all.ToString();
    }

    /// <returns>What the process has written.</returns>
    private async Task<string> RunAsync(Func<FlowsClient, TestDatabase, int, Task> test)
    {
        await using var database = new TestDatabase(platform);
        await using var flows = await FlowsProcess.StartAsync(database, platform.RedisConnectionString);
        await test(flows.Api, database, flows.Id);
        return await flows.EndAsync();
    }
}
