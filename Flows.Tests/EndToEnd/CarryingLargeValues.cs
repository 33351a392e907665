using System.Text.Json;

namespace Flows.Tests.EndToEnd;

/// <summary>A megabyte from step to step: through a pause, past the death of a worker, and into a run that begins again.</summary>
[Collection(nameof(Platform))]
public sealed class CarryingLargeValues(Platform platform)
{
    // Random, so that it is seen whether the value is carried or computed again.
    private const string Large = """
        { "name": "large", "kind": "code", "language": "javascript", "input": {},
          "source": "export default () => ({ mark: Math.random(), text: Array.from({ length: 20000 }, (_, i) => `${i}: ${'abcdefghij'.repeat(5)}`).join('\\n') });" }
        """;

    private const string Check = """
        { "name": "check", "kind": "code", "language": "javascript", "input": { "large": "{{large}}" }, "source": "export default ({ large }) => ({ mark: large.mark, length: large.text.length });" }
        """;

    [Fact]
    public async Task It_goes_through_a_pause_and_into_a_new_run_from_a_later_step()
    {
        var flow = await platform.Api.PublishAsync("Large", $$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ {{Large}}, { "name": "wait", "kind": "wait", "for": "webhook" }, {{Check}} ] }
            """);
        var run = await platform.Api.StartAsync(flow);
        var paused = await platform.Api.UntilAsync(run, now => now.GetProperty("status").GetString() == "Paused", seconds: 60);
        using var resumed = await platform.Api.Http.PostAsync(new Uri(paused.GetProperty("waitingFor").GetProperty("url").GetString()!), content: null);
        Assert.True(resumed.IsSuccessStatusCode);

        var ended = await platform.Api.UntilFinalAsync(run, seconds: 60);
        Assert.True(ended.GetProperty("attempt").GetInt32() >= 2);
        var value = await ValueAsync((await platform.Api.StepsAsync(run))[0]);
        AssertCarried(value, ended);
        var again = (await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/runs/{run}/retry", """{ "from": "check" }""")).GetProperty("id").GetGuid();
        Assert.NotEqual(run, again);
        AssertCarried(value, await platform.Api.UntilFinalAsync(again, seconds: 60));
    }

    [Fact]
    public async Task It_is_given_to_the_worker_that_goes_on_when_the_first_has_died()
    {
        var flow = await platform.Api.PublishAsync("Large", $$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ {{Large}}, { "name": "long", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done(1), 3000));" }, {{Check}} ] }
            """);
        var run = await platform.Api.StartAsync(flow);
        await platform.UntilStepAsync(run, "long", "Running");
        var value = await ValueAsync((await platform.Api.StepsAsync(run))[0]);

        var worker = await platform.KillWorkerAsync((await platform.Api.RunAsync(run)).GetProperty("worker").GetString()!);

        AssertCarried(value, await platform.Api.UntilFinalAsync(run, seconds: 60));
        await platform.UntilReplacedAsync(worker);
    }

    private async Task<JsonElement> ValueAsync(JsonElement step)
    {
        Assert.Equal(JsonValueKind.Null, step.GetProperty("output").ValueKind);
        var shown = step.GetProperty("largeOutput");
        Assert.InRange(shown.GetProperty("size").GetInt32(), 1_000_000, 2_000_000);
        return await platform.Api.SendAsync(HttpMethod.Get, shown.GetProperty("url").GetString()!, null);
    }

    private static void AssertCarried(JsonElement value, JsonElement run)
    {
        Assert.Equal("Succeeded", run.GetProperty("status").GetString());
        Assert.Equal(value.GetProperty("mark").GetRawText(), run.GetProperty("output").GetProperty("mark").GetRawText());
        Assert.Equal(value.GetProperty("text").GetString()!.Length, run.GetProperty("output").GetProperty("length").GetInt32());
    }
}
