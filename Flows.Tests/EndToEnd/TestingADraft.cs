using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.EndToEnd;

/// <summary>Tests of drafts as an editor makes them, with the platform's workers and engines.</summary>
[Collection(nameof(Platform))]
public sealed class TestingADraft(Platform platform) : IAsyncLifetime
{
    private readonly ConcurrentQueue<string> _calls = new();
    private WebApplication _server = null!;
    private string _url = "";

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        _server = builder.Build();
        _server.MapPost("/{step}", (string step) =>
        {
            _calls.Enqueue(step);
            return Results.Json(new { step, number = _calls.Count });
        });
        await _server.StartAsync();
        _url = _server.Urls.Single();
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    private string Post(string name, string body) =>
        $$"""{ "name": "{{name}}", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{_url}}/{{name}}", "body": {{body}} } }""";

    private string Orders => $$$"""
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [
          {{{Post("fetch", """{ "id": "{{trigger.body.id}}" }""")}}},
          { "name": "each", "kind": "loop", "items": "{{trigger.body.lines}}", "steps": [ {{{Post("ship", """{ "sku": "{{each.item}}", "for": "{{fetch.body.number}}" }""")}}} ] },
          {{{Post("bill", """{ "n": "{{each.results.length}}" }""")}}} ] }
        """;

    private async Task<Guid> MakeAsync(string definition) =>
        (await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/flows", $$"""{ "name": "Tested", "definition": {{definition}} }""")).GetProperty("id").GetGuid();

    private Task<JsonElement> TestAsync(Guid flow, string query, string? payload = null) =>
        platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/draft/runs?wait=60{query}", payload);

    private async Task<Dictionary<string, JsonElement>> SamplesAsync(Guid flow) =>
        (await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/flows/{flow}/samples", null)).GetProperty("items").EnumerateArray()
            .ToDictionary(item => item.GetProperty("step").GetString()!);

    private const string Payload = """{ "body": { "id": 7, "lines": ["x", "y"] } }""";

    [Fact]
    public async Task A_test_leaves_samples_with_which_the_next_one_does_a_step_alone()
    {
        var flow = await MakeAsync(Orders);
        var whole = await TestAsync(flow, "", Payload);
        Assert.Equal(("Succeeded", "Test", "Test"), (whole.GetProperty("status").GetString(), whole.GetProperty("origin").GetString(), whole.GetProperty("environment").GetString()));
        Assert.False(whole.TryGetProperty("test", out _));
        Assert.Equal(["fetch", "ship", "ship", "bill"], _calls);

        var samples = await SamplesAsync(flow);
        Assert.Equal(["bill", "each", "fetch", "ship", "trigger"], samples.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(3, samples["ship"].GetProperty("output").GetProperty("body").GetProperty("number").GetInt32()); // the last item's
        Assert.Equal(whole.GetProperty("id").GetGuid(), samples["fetch"].GetProperty("fromRun").GetGuid());
        Assert.All(samples.Values, sample => Assert.False(sample.GetProperty("pinned").GetBoolean()));

        // The trigger, the step before and the loop's items are samples; the step alone is done, for the first item.
        _calls.Clear();
        var alone = await TestAsync(flow, "&step=ship&only=true");
        Assert.Equal("Succeeded", alone.GetProperty("status").GetString());
        Assert.Equal(["ship"], _calls);
        var test = alone.GetProperty("test");
        Assert.Equal(("ship", true, "fetch"), (test.GetProperty("step").GetString(), test.GetProperty("only").GetBoolean(), Assert.Single(test.GetProperty("pinned").EnumerateArray()).GetString()));
        var steps = await platform.Api.StepsAsync(alone.GetProperty("id").GetGuid());
        Assert.Equal(["each", "each[0].ship", "fetch"], steps.Select(step => step.GetProperty("path").GetString()!).Order(StringComparer.Ordinal));
        Assert.True(steps.Single(step => step.GetProperty("path").GetString() == "fetch").GetProperty("pinned").GetBoolean());
        Assert.All(steps.Where(step => step.GetProperty("name").GetString() != "fetch"), step => Assert.False(step.TryGetProperty("pinned", out _)));
        Assert.Equal("x", steps.Single(step => step.GetProperty("path").GetString() == "each[0].ship").GetProperty("input").GetProperty("body").GetProperty("sku").GetString());
        // What the loop would have given is not known by this: its sample stays.
        Assert.Equal(2, (await SamplesAsync(flow))["each"].GetProperty("output").GetProperty("results").GetArrayLength());
    }

    [Fact]
    public async Task Up_to_a_step_everything_before_it_comes_from_samples_where_there_are_any_and_nothing_behind_it_is_done()
    {
        var flow = await MakeAsync(Orders);
        var first = await TestAsync(flow, "&step=fetch", Payload);
        Assert.Equal(("Succeeded", 1), (first.GetProperty("status").GetString(), _calls.Count));
        var second = await TestAsync(flow, "&step=each");
        Assert.Equal("Succeeded", second.GetProperty("status").GetString());
        Assert.Equal(["fetch", "ship", "ship"], _calls);
        Assert.Equal(2, second.GetProperty("output").GetProperty("results").GetArrayLength());
        var fresh = await TestAsync(flow, "&step=each&pinned=false", Payload);
        Assert.Equal("Succeeded", fresh.GetProperty("status").GetString());
        Assert.Equal(["fetch", "ship", "ship", "fetch", "ship", "ship"], _calls);
    }

    [Fact]
    public async Task A_pinned_step_has_no_effect_in_any_item_until_the_pins_are_put_aside()
    {
        var flow = await MakeAsync(Orders);
        foreach (var (step, output) in ((string, string)[])[("ship", """{ "body": "pinned" }"""), ("fetch", """{ "body": { "number": 99 } }"""), ("trigger", Payload)])
            await platform.Api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/samples/{step}", $$"""{ "output": {{output}}, "pinned": true }""");

        var run = await TestAsync(flow, "");
        Assert.Equal("Succeeded", run.GetProperty("status").GetString());
        Assert.Equal(["bill"], _calls);
        var steps = await platform.Api.StepsAsync(run.GetProperty("id").GetGuid());
        Assert.Equal(["each[0].ship", "each[1].ship", "fetch"],
            steps.Where(step => step.TryGetProperty("pinned", out var pinned) && pinned.GetBoolean()).Select(step => step.GetProperty("path").GetString()!).Order(StringComparer.Ordinal));
        var samples = await SamplesAsync(flow);
        Assert.Equal((99, true), (samples["fetch"].GetProperty("output").GetProperty("body").GetProperty("number").GetInt32(), samples["fetch"].GetProperty("pinned").GetBoolean()));

        // A retry of the test from its start is the same test.
        _calls.Clear();
        var again = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/runs/{run.GetProperty("id").GetGuid()}/retry", """{ "from": "start", "version": "same" }""");
        var retried = await platform.Api.UntilFinalAsync(again.GetProperty("id").GetGuid());
        Assert.Equal(("Succeeded", 2), (retried.GetProperty("status").GetString(), retried.GetProperty("test").GetProperty("pinned").GetArrayLength()));
        Assert.Equal(["bill"], _calls);

        _calls.Clear();
        var real = await TestAsync(flow, "&pinned=false", Payload);
        Assert.Equal("Succeeded", real.GetProperty("status").GetString());
        Assert.Equal(["fetch", "ship", "ship", "bill"], _calls);
        Assert.Equal(99, (await SamplesAsync(flow))["fetch"].GetProperty("output").GetProperty("body").GetProperty("number").GetInt32()); // no run replaces a pin
    }

    [Fact]
    public async Task A_published_version_knows_no_pins_and_leaves_no_samples_but_its_events_can_be_picked()
    {
        var flow = await MakeAsync("""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [
              { "name": "a", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{trigger.id}}" } } ] }
            """);
        await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/publish", null);
        await platform.Api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/samples/a", """{ "output": "pinned" }""");
        var run = await platform.Api.StartAsync(flow, """{ "id": 1 }""");
        Assert.Equal(1, (await platform.Api.UntilFinalAsync(run)).GetProperty("output").GetInt32());
        Assert.Equal(["a"], (await SamplesAsync(flow)).Keys);
        var large = await platform.Api.StartAsync(flow, $$"""{ "id": "{{new string('x', 40_000)}}" }""");
        await platform.Api.UntilFinalAsync(large);

        var events = (await platform.Api.SendAsync(HttpMethod.Get, $"/api/v1/flows/{flow}/events?limit=2", null)).GetProperty("items");
        Assert.Equal([large, run], events.EnumerateArray().Select(item => item.GetProperty("runId").GetGuid()));
        Assert.Equal(("Api", "Succeeded", 1), (events[1].GetProperty("origin").GetString(), events[1].GetProperty("status").GetString(), events[1].GetProperty("payload").GetProperty("id").GetInt32()));
        Assert.False(events[0].TryGetProperty("payload", out _));
        var whole = await platform.Api.SendAsync(HttpMethod.Get, events[0].GetProperty("payloadLarge").GetProperty("url").GetString()!, null);
        Assert.Equal(40_000, whole.GetProperty("id").GetString()!.Length);
    }

    [Fact]
    public async Task Expressions_are_shown_by_a_real_engine_with_the_projects_variables_and_masked_connections()
    {
        var key = $"k{Guid.CreateVersion7():n}"[..30];
        await platform.Api.SendAsync(HttpMethod.Put, $"/api/v1/variables/{key}", """{ "value": { "rate": 0.2 } }""");
        await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/connections", $$"""{ "key": "{{key}}", "name": "C", "kind": "secret", "value": { "token": "very-secret-token" } }""");
        var body = $$$"""
            { "expressions": { "a": "Hi {{trigger.body.name}}", "b": "{{order.total * (1 + vars.{{{key}}}.rate)}}", "c": "{{connections.{{{key}}}.token}}", "d": "{{each.item}}{{order.", "e": "{{nobody}}" },
              "context": { "trigger": { "body": { "name": "Ada" } }, "steps": { "order": { "total": 100 } }, "loop": { "each": { "item": 1, "index": 0 } } }, "variables": true }
            """;
        var results = (await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/expressions/preview", body)).GetProperty("results");
        Assert.Equal(("\"Hi Ada\"", "string"), (results.GetProperty("a").GetProperty("value").GetRawText(), results.GetProperty("a").GetProperty("type").GetString()));
        Assert.Equal(120, results.GetProperty("b").GetProperty("value").GetDouble());
        Assert.Equal("••••••", results.GetProperty("c").GetProperty("value").GetString());
        foreach (var broken in (string[])["d", "e"])
        {
            Assert.False(results.GetProperty(broken).TryGetProperty("value", out _));
            Assert.NotEmpty(results.GetProperty(broken).GetProperty("error").GetProperty("message").GetString()!);
        }
        var without = (await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/expressions/preview", body.Replace("\"variables\": true", "\"variables\": false", StringComparison.Ordinal))).GetProperty("results");
        Assert.True(without.GetProperty("b").TryGetProperty("error", out _));
    }
}
