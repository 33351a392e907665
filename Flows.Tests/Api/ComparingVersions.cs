using System.Text.Json;
using Flows.Api.Flows;

namespace Flows.Tests.Api;

[Collection(nameof(Platform))]
public sealed class ComparingVersions(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task Two_versions_differ_by_the_names_of_their_steps()
    {
        var flow = (await _api.PostAsync("/api/v1/flows", new { name = "Compared" })).Ok(201)["id"].GetString();
        await PublishAsync(flow!, Steps("""{"name":"a","kind":"respond","status":200,"body":{"x":1,"y":2}}""", """{"name":"b","kind":"stop"}"""));
        await PublishAsync(flow!, Steps("""{"name":"a","kind":"respond","status":200,"body":{"x":1,"y":3}}""", """{"name":"c","kind":"stop"}"""));
        var diff = (await _api.GetAsync($"/api/v1/flows/{flow}/versions/1/diff/2")).Ok();
        Assert.Equal("c", Assert.Single(diff["added"].EnumerateArray()).GetProperty("name").GetString());
        Assert.Equal("b", Assert.Single(diff["removed"].EnumerateArray()).GetProperty("name").GetString());
        var change = Assert.Single(Assert.Single(diff["changed"].EnumerateArray()).GetProperty("fields").EnumerateArray());
        Assert.Equal(("body.y", "2", "3"), (change.GetProperty("field").GetString(), change.GetProperty("from").GetRawText(), change.GetProperty("to").GetRawText()));
        Assert.Empty(diff["moved"].EnumerateArray());
        (await _api.GetAsync($"/api/v1/flows/{flow}/versions/1/diff/9")).Problem(404);
        (await _api.GetAsync($"/api/v1/flows/{Guid.CreateVersion7()}/versions/1/diff/2")).Problem(404);
    }

    [Fact]
    public void Of_a_list_in_another_order_only_the_step_that_moved_is_named()
    {
        var diff = VersionDiff.Of(Parse(Stop("a"), Stop("b"), Stop("c"), Stop("d")), Parse(Stop("d"), Stop("a"), Stop("b"), Stop("c")));
        var moved = Assert.Single(diff.Moved);
        Assert.Equal(("d", 3, 0), (moved.Name, moved.FromPosition, moved.ToPosition));
        Assert.Empty(diff.Changed);
    }

    [Fact]
    public void A_step_that_went_into_a_branch_has_moved_and_the_router_changed_only_by_its_own_fields()
    {
        string Router(string when, string inside) => $$"""{"name":"size","kind":"router","mode":"first","branches":[{"name":"Big","when":"{{when}}","steps":[{{inside}}]}]}""";
        var diff = VersionDiff.Of(Parse(Stop("a"), Router("{{1}}", Stop("b"))), Parse(Router("{{2}}", Stop("b") + "," + Stop("a"))));
        Assert.Equal(("a", "steps", "size/Big"), diff.Moved.Select(step => (step.Name, step.FromPlace, step.ToPlace)).Single());
        Assert.Equal(("size", "branches.Big.when"), (diff.Changed.Single().Name, diff.Changed.Single().Fields.Single().Field));
    }

    private async Task PublishAsync(string flow, string definition)
    {
        (await _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/draft", definition)).Ok();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish", new { note = "compared" })).Ok();
    }

    private static string Stop(string name) => $$"""{"name":"{{name}}","kind":"stop"}""";

    private static JsonElement Parse(params string[] steps) => JsonElement.Parse(Steps(steps));

    private static string Steps(params string[] steps) =>
        $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [{{string.Join(',', steps)}}] }""";
}
