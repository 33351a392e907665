using System.Text.Json;

namespace Flows.Tests.EndToEnd;

[Collection(nameof(Platform))]
public sealed class LosingAWorker(Platform platform)
{
    [Fact]
    public async Task The_run_of_a_killed_worker_ends_on_another_and_repeats_nothing_that_was_finished()
    {
        // The first step's output is random: were it computed again, the run's output would differ from the journal.
        var flow = await platform.Api.PublishAsync("Long", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [
                { "name": "once", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => Math.random();" },
                { "name": "long", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done('slept'), 4000));" },
                { "name": "end", "kind": "code", "language": "javascript", "input": { "first": "{{once}}", "second": "{{long}}" }, "source": "export default input => input;" } ] }
            """);
        var run = await platform.Api.StartAsync(flow);
        await platform.UntilStepAsync(run, "long", "Running");
        var once = (await platform.Api.StepsAsync(run)).Single(step => step.GetProperty("path").GetString() == "once").GetProperty("output").GetRawText();
        var holder = (await platform.Api.RunAsync(run)).GetProperty("worker").GetString()!;

        var worker = await platform.KillWorkerAsync(holder);

        var ended = await platform.Api.UntilFinalAsync(run, seconds: 60);
        Assert.Equal("Succeeded", ended.GetProperty("status").GetString());
        Assert.Equal(2, ended.GetProperty("attempt").GetInt32());
        Assert.NotEqual(holder, ended.GetProperty("worker").GetString());
        Assert.Equal(once, ended.GetProperty("output").GetProperty("first").GetRawText());
        await platform.UntilReplacedAsync(worker);
    }
}
