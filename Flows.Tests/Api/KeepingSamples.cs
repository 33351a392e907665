namespace Flows.Tests.Api;

/// <summary>Samples of a draft and what is said of tests before a worker has anything to do with them.</summary>
[Collection(nameof(Platform))]
public sealed class KeepingSamples(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Definition = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [
          { "name": "a", "kind": "call", "flow": "other", "input": { "x": "{{trigger.body}}" } },
          { "name": "off", "kind": "respond", "body": 1, "skip": true },
          { "name": "each", "kind": "loop", "items": "{{a.list}}", "steps": [ { "name": "b", "kind": "respond", "body": "{{each.item}} {{off}}" } ] },
          { "name": "end", "kind": "stop" } ] }
        """;

    private readonly ApiHost _api = fixture.Api;

    private async Task<string> MakeAsync(string? key = ApiHost.Key) =>
        (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Sampled", "definition": {{Definition}} }""", key)).Ok(201)["id"].GetString()!;

    private Task<Answer> PutAsync(string flow, string step, string body) => _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/samples/{step}", body);

    [Fact]
    public async Task A_sample_is_kept_replaced_and_forgotten()
    {
        var flow = await MakeAsync();
        Assert.Empty((await _api.GetAsync($"/api/v1/flows/{flow}/samples")).Ok()["items"].EnumerateArray());
        (await PutAsync(flow, "b", """{ "output": { "z": 1, "a": [null] } }""")).Ok();
        (await PutAsync(flow, "trigger", """{ "output": "t", "pinned": false }""")).Ok();
        (await PutAsync(flow, "b", """{ "output": null, "pinned": true }""")).Ok();
        var items = (await _api.GetAsync($"/api/v1/flows/{flow}/samples")).Ok()["items"].EnumerateArray().ToList();
        Assert.Equal([("b", "null", true), ("trigger", "\"t\"", false)],
            items.Select(item => (item.GetProperty("step").GetString()!, item.GetProperty("output").GetRawText(), item.GetProperty("pinned").GetBoolean())));
        Assert.All(items, item => Assert.False(item.TryGetProperty("fromRun", out _)));
        (await _api.DeleteAsync($"/api/v1/flows/{flow}/samples/b")).Ok(204);
        Assert.Contains("no sample of 'b'", (await _api.DeleteAsync($"/api/v1/flows/{flow}/samples/b")).Detail(404), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_kept_is_refused_by_name()
    {
        var flow = await MakeAsync();
        Assert.Contains("no step 'nothing'", (await PutAsync(flow, "nothing", """{ "output": 1 }""")).Detail(404), StringComparison.Ordinal);
        Assert.Contains("ends the run", Assert.Single((await PutAsync(flow, "end", """{ "output": 1 }""")).Problem(400)), StringComparison.Ordinal);
        Assert.Contains("limit: sample size", Assert.Single((await PutAsync(flow, "a", $$"""{ "output": "{{new string('x', 1 << 20)}}" }""")).Problem(400)), StringComparison.Ordinal);
        Assert.Contains("has no run", Assert.Single((await PutAsync(flow, "a", $$"""{ "output": 1, "fromRun": "{{Guid.CreateVersion7()}}" }""")).Problem(400)), StringComparison.Ordinal);
        (await PutAsync(flow, "a", """{ "pinned": true }""")).Problem(400);
        (await PutAsync(flow, "a", """{ "output": 1, "pin": true }""")).Problem(400);
        (await PutAsync($"{Guid.CreateVersion7()}", "a", """{ "output": 1 }""")).Problem(404);
        (await _api.GetAsync($"/api/v1/flows/{Guid.CreateVersion7()}/samples")).Problem(404);
        var stranger = await ApiHost.AddProjectAsync(fixture.Database);
        (await _api.GetAsync($"/api/v1/flows/{flow}/samples", stranger)).Problem(404);

        await fixture.Database.ScalarAsync("INSERT INTO flow_samples (flow_id, step, output, size, pinned, updated_at) VALUES ($1, 'gone', '1', $2, true, now())", Guid.Parse(flow), 16 << 20);
        Assert.Contains("limit: samples of a flow", (await PutAsync(flow, "a", """{ "output": 1 }""")).Detail(409), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_has_the_samples_an_export_only_when_asked_and_a_purged_flow_none()
    {
        var flow = await MakeAsync();
        (await PutAsync(flow, "a", """{ "output": { "list": [1] } }""")).Ok();
        var copy = (await _api.PostAsync($"/api/v1/flows/{flow}/duplicate")).Ok(201)["id"].GetString();
        var copied = Assert.Single((await _api.GetAsync($"/api/v1/flows/{copy}/samples")).Ok()["items"].EnumerateArray());
        Assert.Equal(("a", true), (copied.GetProperty("step").GetString(), copied.GetProperty("pinned").GetBoolean()));

        Assert.False((await _api.GetAsync($"/api/v1/flows/{flow}/export")).Ok().Json.TryGetProperty("samples", out _));
        var exported = (await _api.GetAsync($"/api/v1/flows/{flow}/export?samples=true")).Ok();
        Assert.Equal("""{"list":[1]}""", exported["samples"].GetProperty("a").GetProperty("output").GetRawText().Replace(" ", "", StringComparison.Ordinal));
        var imported = (await _api.PostAsync("/api/v1/flows/import", exported.Text)).Ok()["flows"][0].GetProperty("id").GetString();
        Assert.Equal("a", Assert.Single((await _api.GetAsync($"/api/v1/flows/{imported}/samples")).Ok()["items"].EnumerateArray()).GetProperty("step").GetString());
        Assert.Equal("$.samples.a: A sample is an object with output and pinned.", Assert.Single((await _api.PostAsync("/api/v1/flows/import",
            $$"""{ "format": "flows/1", "name": "x", "definition": {{Definition}}, "samples": { "a": 1 } }""")).Problem(400)));

        await fixture.Database.ScalarAsync("DELETE FROM flows WHERE id = $1", Guid.Parse(copy!));
        Assert.Equal(0L, await fixture.Database.ScalarAsync("SELECT count(*) FROM flow_samples WHERE flow_id = $1", Guid.Parse(copy!)));
    }

    [Theory]
    [InlineData("only=true", "only: It goes with step: the one that is to be done.")]
    [InlineData("step=nothing", "step: The draft has no step 'nothing'.")]
    [InlineData("step=off", "step: The step 'off' is left out (skip), so that there is nothing to test.")]
    [InlineData("step=a&only=true", "step: There is no sample of 'trigger', which 'a' uses.")]
    [InlineData("step=b&only=true", "step: There is no sample of 'a', which 'b' uses.")]
    public async Task A_test_that_cannot_be_made_says_what_is_missing(string query, string problems)
    {
        var flow = await MakeAsync();
        Assert.Equal(problems.Split('|'), (await _api.PostAsync($"/api/v1/flows/{flow}/draft/runs?{query}")).Problem(400));
    }

    [Fact]
    public async Task A_test_of_a_flow_that_is_not_there_or_a_strangers_is_not_found()
    {
        (await _api.PostAsync($"/api/v1/flows/{Guid.CreateVersion7()}/draft/runs?step=a")).Problem(404);
        (await _api.PostAsync($"/api/v1/flows/{await MakeAsync()}/draft/runs?step=a", body: null, await ApiHost.AddProjectAsync(fixture.Database))).Problem(404);
    }

    [Fact]
    public async Task The_draft_is_compared_with_what_is_published_also_before_the_first_time()
    {
        var flow = await MakeAsync();
        var first = (await _api.GetAsync($"/api/v1/flows/{flow}/versions/published/diff/draft")).Ok();
        Assert.Equal(["a", "off", "each", "b", "end"], first["added"].EnumerateArray().Select(step => step.GetProperty("name").GetString()!));
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        var changed = Definition.Replace("\"other\"", "\"another\"", StringComparison.Ordinal).Replace("""{ "name": "end", "kind": "stop" }""", """{ "name": "last", "kind": "stop", "kind": "stop" }""", StringComparison.Ordinal);
        (await _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/draft?lax=true", changed.Replace(""", "kind": "stop" }""", " }", StringComparison.Ordinal))).Ok();
        foreach (var from in (string[])["1", "published"])
        {
            var diff = (await _api.GetAsync($"/api/v1/flows/{flow}/versions/{from}/diff/draft")).Ok();
            var field = Assert.Single(Assert.Single(diff["changed"].EnumerateArray()).GetProperty("fields").EnumerateArray());
            Assert.Equal(("flow", "other", "another"), (field.GetProperty("field").GetString(), field.GetProperty("from").GetString(), field.GetProperty("to").GetString()));
            Assert.Equal(("end", "last"), (diff["removed"][0].GetProperty("name").GetString(), diff["added"][0].GetProperty("name").GetString()));
        }
        Assert.Equal("to: 'next' is no version: it is a number, published or draft.", Assert.Single((await _api.GetAsync($"/api/v1/flows/{flow}/versions/1/diff/next")).Problem(400)));
        (await _api.GetAsync($"/api/v1/flows/{flow}/versions/9/diff/draft")).Problem(404);
    }

    [Fact]
    public async Task A_preview_that_is_too_much_is_refused_by_name()
    {
        Task<Answer> Ask(object body) => _api.PostAsync("/api/v1/expressions/preview", body);
        Assert.Contains("at most 50", Assert.Single((await Ask(new { expressions = Enumerable.Range(0, 51).ToDictionary(i => $"{i}", _ => "x") })).Problem(400)), StringComparison.Ordinal);
        Assert.Contains("$.expressions.a: It has 65537 characters", Assert.Single((await Ask(new { expressions = new { a = new string('x', 65_537) } })).Problem(400)), StringComparison.Ordinal);
        (await Ask(new { expressions = new { a = 1 } })).Problem(400);
        (await Ask(new { context = new { } })).Problem(400);
        (await Ask("""{ "expressions": { "a": null } }""")).Problem(400);
        Assert.Equal("{}", (await Ask(new { expressions = new { } })).Ok()["results"].GetRawText());
    }

    [Theory]
    [InlineData("0")]
    [InlineData("51")]
    public async Task Past_events_are_few_at_a_time(string limit) =>
        Assert.Equal("limit: It must be from 1 to 50.", Assert.Single((await _api.GetAsync($"/api/v1/flows/{await MakeAsync()}/events?limit={limit}")).Problem(400)));
}
