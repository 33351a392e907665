using System.Net.Http.Json;
using Flows.Tests.Api;
using Flows.Tests.Queue;

namespace Flows.Tests.EndToEnd;

[Collection(nameof(Platform))]
[Trait("Category", "Proof")]
public sealed class OnARedisCluster(Platform platform, RedisCluster cluster) : IClassFixture<RedisCluster>
{
    [Fact]
    public async Task Flows_run_with_a_queue_of_four_shards_and_their_callers_hear_the_answer()
    {
        await using var database = new TestDatabase(platform);
        await using var flows = await FlowsProcess.StartAsync(database, cluster.ConnectionString, ("Flows__Queue__Provider", "Redis"), ("Flows__Queue__Shards", "4"));
        var flow = await flows.Api.PublishAsync("Sum", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "sum", "kind": "code", "language": "javascript", "input": { "n": "{{trigger.body}}" }, "source": "export default ({ n }) => n.reduce((a, b) => a + b, 0);" },
                         { "name": "answer", "kind": "respond", "body": { "sum": "{{sum}}" } } ] }
            """);

        using var answer = await flows.Api.Http.PostAsJsonAsync($"/webhooks/{flow}/sync", new[] { 1, 2, 39 });
        Assert.Equal("""{"sum":42}""", await answer.Content.ReadAsStringAsync());

        var runs = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => flows.Api.StartAsync(flow, """{ "body": [1] }""")));
        foreach (var run in runs)
            Assert.Equal("Succeeded", (await flows.Api.UntilFinalAsync(run)).GetProperty("status").GetString());
        var queue = await flows.Api.SendAsync(HttpMethod.Get, "/api/v1/system/queue", null);
        Assert.Equal((0, 0), (queue.GetProperty("depth").GetInt32(), queue.GetProperty("dead").GetInt32()));
    }
}
