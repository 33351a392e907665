using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Flows.Tests.EndToEnd;

[Collection(nameof(Platform))]
public sealed class WaitingFlows(Platform platform)
{
    [Fact]
    public async Task A_flow_sends_its_links_waits_without_a_process_and_answers_who_resumes_it()
    {
        var flow = await platform.Api.PublishAsync("Waits", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [
                { "name": "mail", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "go": "{{resumeUrl('call')}}", "sign": "{{approvalUrl('sign', 'anna')}}" } } },
                { "name": "call", "kind": "wait", "for": "webhook", "expires": "01:00:00" },
                { "name": "answer", "kind": "respond", "status": 201, "body": { "got": "{{call.body.n}}" } },
                { "name": "sign", "kind": "wait", "for": "approval", "message": "Sign {{call.body.n}}" },
                { "name": "pause", "kind": "wait", "for": "delay", "value": "00:00:03" },
                { "name": "end", "kind": "stop", "output": { "approved": "{{sign.approved}}", "by": "{{sign.approvals[0].by}}" } } ] }
            """);
        var run = await platform.Api.StartAsync(flow);
        var paused = await platform.Api.UntilAsync(run, now => now.GetProperty("status").GetString() == "Paused");
        Assert.Equal("call", paused.GetProperty("waitingFor").GetProperty("path").GetString());
        var mail = (await platform.Api.StepsAsync(run))[0].GetProperty("output");

        using var answer = await platform.Api.Http.PostAsJsonAsync($"{PathOf(mail, "go")}/sync", new { n = 7 });
        Assert.Equal((HttpStatusCode.Created, """{"got":7}"""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));

        await platform.Api.UntilAsync(run, now => WaitsFor(now, "sign"));
        using var vote = await platform.Api.Http.PostAsJsonAsync(PathOf(mail, "sign"), new { decision = "approve" });
        Assert.Equal(HttpStatusCode.OK, vote.StatusCode);

        var ended = await platform.Api.UntilFinalAsync(run);
        Assert.Equal("""{"approved":true,"by":"anna"}""", ended.GetProperty("output").GetRawText());
        Assert.All(await platform.Api.StepsAsync(run), step => Assert.Equal("Succeeded", step.GetProperty("status").GetString()));
        Assert.True(ended.GetProperty("attempt").GetInt32() >= 4);
    }

    [Fact]
    public async Task A_synchronous_caller_is_answered_with_what_called_flows_gave_also_from_parallel_items()
    {
        var child = await platform.Api.PublishAsync("Squares", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ { "name": "check", "kind": "router", "branches": [ { "name": "Bad", "when": "{{trigger.n == 3}}", "steps": [ { "name": "no", "kind": "stop", "asFailed": true, "message": "no threes" } ] },
                          { "name": "Fine", "otherwise": true, "steps": [] } ] },
                         { "name": "square", "kind": "stop", "output": "{{trigger.n * trigger.n}}" } ] }
            """);
        var parent = await platform.Api.PublishAsync("Sums", $$$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [
                { "name": "each", "kind": "loop", "items": "{{trigger.body}}", "parallel": 5, "onItemError": "continue", "steps": [
                    { "name": "sub", "kind": "call", "flow": "{{{child}}}", "input": { "n": "{{each.item}}" } } ] },
                { "name": "aside", "kind": "call", "flow": "{{{child}}}", "input": { "n": 1 }, "await": false },
                { "name": "answer", "kind": "respond", "body": { "squares": "{{each.results}}", "failed": "{{each.errors.map(e => e.code)}}", "aside": "{{aside.runId != null}}" } } ] }
            """);

        using var answer = await platform.Api.Http.PostAsJsonAsync($"/webhooks/{parent}/sync", new[] { 1, 2, 3, 4 });

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("""{"squares":[1,4,null,16],"failed":["call_failed"],"aside":true}""", await answer.Content.ReadAsStringAsync());
        var called = (await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/runs?flow={child}", null)).GetProperty("items").EnumerateArray().ToList();
        Assert.Equal(5, called.Count);
        Assert.All(called, run => Assert.Equal(answer.Headers.GetValues("Flows-Run-Id").Single(), run.GetProperty("calledBy").GetProperty("runId").GetString()));
    }

    private static bool WaitsFor(JsonElement run, string path) =>
        run.GetProperty("status").GetString() == "Paused" && run.GetProperty("waitingFor").GetProperty("path").GetString() == path;

    // The path alone: the test reaches the API by an address of its own.
    private static string PathOf(JsonElement mail, string link) => new Uri(mail.GetProperty(link).GetString()!).AbsolutePath;
}
