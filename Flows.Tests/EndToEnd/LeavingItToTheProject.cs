using Flows.Tests.Api;

namespace Flows.Tests.EndToEnd;

/// <summary>Flows is killed in the middle of a call that must not be repeated blindly, and their steps do not say what is to become of it.</summary>
[Collection(nameof(Platform))]
public sealed class LeavingItToTheProject(Platform platform)
{
    private const string EncryptionKey = "policy-4Tn8wX2rKq7LbVz3MhYc6JdSgPuEoA95";

    [Fact]
    public async Task Each_run_goes_on_as_its_own_project_has_it()
    {
        await using var gate = await Gate.StartAsync();
        await using var database = new TestDatabase(platform);
        (string, string)[] settings = [("Flows__Queue__Provider", "Redis"), ("Flows__Security__EncryptionKey", EncryptionKey)];
        var projects = new Dictionary<string, (string Key, Guid Run)>();
        await using (var killed = await FlowsProcess.StartAsync(database, platform.RedisConnectionString, settings))
        {
            foreach (var policy in new[] { "ask", "retry", "fail" })
            {
                var api = killed.Api.With(await ApiHost.AddProjectAsync(database));
                var flow = await api.PublishAsync("Calls", $$"""
                    { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
                      "steps": [ { "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{gate.Address}}" } },
                                 { "name": "end", "kind": "stop", "output": "went on" } ] }
                    """);
                projects[policy] = (api.Key, await api.StartAsync(flow));
                await gate.ArrivalAsync();
            }
            // It is the word of the project that counts when the run goes on, not that of when it began; what nobody has set is to ask.
            foreach (var policy in new[] { "retry", "fail" })
            {
                var api = killed.Api.With(projects[policy].Key);
                var project = (await api.SendAsync(HttpMethod.Get, "/api/v1/me", null)).GetProperty("project").GetProperty("id").GetGuid();
                await api.SendAsync(HttpMethod.Patch, $"/api/v1/projects/{project}", $$"""{ "onUncertain": "{{policy}}" }""");
            }
            await killed.EndAsync();
        }
        gate.Open();

        await using var flows = await FlowsProcess.StartAsync(database, platform.RedisConnectionString, settings);

        var retried = await flows.Api.With(projects["retry"].Key).UntilFinalAsync(projects["retry"].Run);
        Assert.Equal(("Succeeded", "went on"), (retried.GetProperty("status").GetString(), retried.GetProperty("output").GetString()));
        var failed = await flows.Api.With(projects["fail"].Key).UntilFinalAsync(projects["fail"].Run);
        Assert.Equal(("Failed", "call"), (failed.GetProperty("status").GetString(), failed.GetProperty("failedStep").GetString()));
        Assert.Equal("uncertain", failed.GetProperty("error").GetProperty("code").GetString());
        Assert.Contains("the project's onUncertain says to fail", failed.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        var asking = flows.Api.With(projects["ask"].Key);
        await asking.UntilAsync(projects["ask"].Run, now => now.GetProperty("status").GetString() == "NeedsDecision");

        // One that is asked about is the person's from then on.
        var decided = await asking.SendAsync(HttpMethod.Post, $"/api/v1/runs/{projects["ask"].Run}/decide", """{ "path": "call", "decision": "happened", "output": {} }""");
        Assert.NotEqual("NeedsDecision", decided.GetProperty("status").GetString());
        Assert.Equal("Succeeded", (await asking.UntilFinalAsync(projects["ask"].Run)).GetProperty("status").GetString());

        await gate.ArrivalAsync(); // the one that was done again, and no other:
        Assert.Equal(0, gate.Unseen);
    }
}
