using System.Text.Json;

namespace Flows.Tests.Api;

[Collection(Platform.Apis)]
public sealed class EditingAndPublishing(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Incomplete = """
        {"schema":1,"trigger":{"name":"trigger","piece":"webhook","event":"catch","input":{}},
         "steps":[{"name":"call","kind":"action","piece":"nope","action":"request","input":{}},
                  {"name":"get","kind":"action","piece":"http","action":"request","input":{"url":"https://example.com","colour":"red"}}]}
        """;
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task A_draft_comes_back_byte_for_byte_with_its_revision()
    {
        var path = await MakeAsync();
        var saved = (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow("ü  €"))).Ok();
        Assert.Equal(("\"2\"", 2), (saved.ETag, saved["revision"].GetInt32()));
        var draft = (await _api.GetAsync(path + "/draft")).Ok();
        Assert.Equal("\"2\"", draft.ETag);
        Assert.Equal(TestCatalogue.Flow("ü  €").Trim(), draft.Text);
    }

    [Fact]
    public async Task Of_two_editors_with_the_same_revision_one_is_told()
    {
        var path = await MakeAsync();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow($"editor {i}"), ifMatch: "\"1\"")));
        Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers.Where(answer => answer.Status != 200), answer => answer.Problem(412));
        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow(), ifMatch: "\"1\"")).Problem(412);
        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow(), ifMatch: "*")).Ok();
        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow(), ifMatch: "W/\"x\"")).Problem(400);
        (await _api.SendAsync(HttpMethod.Post, path + "/publish", body: null, ifMatch: "\"1\"")).Problem(412);
    }

    [Fact]
    public async Task Unknown_pieces_and_fields_are_refused_by_path_unless_the_draft_may_be_incomplete()
    {
        var path = await MakeAsync();
        var errors = (await _api.SendAsync(HttpMethod.Put, path + "/draft", Incomplete)).Problem(400);
        Assert.Contains(errors, error => error.StartsWith("$.steps[0].piece: ", StringComparison.Ordinal));
        Assert.Contains(errors, error => error.StartsWith("$.steps[1].input.colour: ", StringComparison.Ordinal));

        var saved = (await _api.SendAsync(HttpMethod.Put, path + "/draft?lax=true", Incomplete)).Ok();
        Assert.Equal(errors.Length, saved["problems"].EnumerateArray().Count(problem => problem.GetProperty("severity").GetString() == "Error"));
        Assert.Equal(errors, (await _api.PostAsync(path + "/publish")).Problem(400));
        (await _api.SendAsync(HttpMethod.Put, path + "/draft?lax=true", "[]")).Problem(400);

        var verdict = (await _api.PostAsync("/api/v1/flows/validate", Incomplete)).Ok();
        Assert.False(verdict["valid"].GetBoolean());
        Assert.True((await _api.PostAsync("/api/v1/flows/validate", TestCatalogue.Flow())).Ok()["valid"].GetBoolean());
    }

    [Fact]
    public async Task Publishing_makes_a_version_and_publishing_again_makes_no_other()
    {
        var path = await MakeAsync(TestCatalogue.Flow("one"));
        Assert.Equal(JsonValueKind.Null, (await _api.GetAsync(path)).Ok()["publishedVersion"].ValueKind);
        Assert.Equal(1, (await _api.PostAsync(path + "/publish", new { note = "first" })).Ok()["number"].GetInt32());
        Assert.Equal(1, (await _api.PostAsync(path + "/publish")).Ok()["number"].GetInt32());

        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow("two"))).Ok();
        Assert.Equal(2, (await _api.PostAsync(path + "/publish")).Ok()["number"].GetInt32());
        Assert.Equal(2, (await _api.GetAsync(path)).Ok()["publishedVersion"].GetInt32());

        var versions = (await _api.GetAsync(path + "/versions")).Ok()["items"].EnumerateArray().ToArray();
        Assert.Equal([(2, true), (1, false)], versions.Select(v => (v.GetProperty("number").GetInt32(), v.GetProperty("published").GetBoolean())));
        Assert.Equal(("first", "Bootstrap"), (versions[1].GetProperty("note").GetString(), versions[1].GetProperty("createdBy").GetString()));
        Assert.Contains("one", (await _api.GetAsync(path + "/versions/1")).Ok()["definition"].GetRawText(), StringComparison.Ordinal);
        (await _api.GetAsync(path + "/versions/3")).Problem(404);
    }

    [Fact]
    public async Task Publishers_at_once_make_one_version()
    {
        var path = await MakeAsync(TestCatalogue.Flow());
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _api.PostAsync(path + "/publish")));
        Assert.All(answers, answer => Assert.Equal(1, answer.Ok()["number"].GetInt32()));
    }

    [Fact]
    public async Task Restoring_a_version_makes_it_the_draft()
    {
        var path = await MakeAsync(TestCatalogue.Flow("one"));
        (await _api.PostAsync(path + "/publish")).Ok();
        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow("two"))).Ok();
        Assert.Equal("\"3\"", (await _api.PostAsync(path + "/versions/1/restore")).Ok().ETag);
        Assert.Contains("one", (await _api.GetAsync(path + "/draft")).Ok().Text, StringComparison.Ordinal);
        (await _api.PostAsync(path + "/versions/7/restore")).Problem(404);
    }

    [Fact]
    public async Task A_draft_that_somebody_has_changed_meanwhile_is_not_restored_over()
    {
        var path = await MakeAsync(TestCatalogue.Flow("one"));
        (await _api.PostAsync(path + "/publish")).Ok();
        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow("theirs"))).Ok();
        (await _api.SendAsync(HttpMethod.Post, path + "/versions/1/restore", body: null, ifMatch: "\"1\"")).Problem(412);
        (await _api.SendAsync(HttpMethod.Post, path + "/versions/1/restore", body: null, ifMatch: "1")).Problem(400);
        Assert.Contains("theirs", (await _api.GetAsync(path + "/draft")).Ok().Text, StringComparison.Ordinal);
        Assert.Equal("\"3\"", (await _api.SendAsync(HttpMethod.Post, path + "/versions/1/restore", body: null, ifMatch: "\"2\"")).Ok().ETag);
        Assert.Contains("one", (await _api.GetAsync(path + "/draft")).Ok().Text, StringComparison.Ordinal);
    }

    private async Task<string> MakeAsync(string? definition = null)
    {
        var body = definition is null ? """{"name":"Test"}""" : $$"""{"name":"Test","definition":{{definition}}}""";
        return $"/api/v1/flows/{(await _api.PostAsync("/api/v1/flows", body)).Ok(201)["id"]}";
    }

    [Fact]
    public async Task A_step_that_calls_its_own_flow_is_warned_of_wherever_it_stands()
    {
        var flow = (await _api.PostAsync("/api/v1/flows", new { name = "Again", definition = JsonElement.Parse(TestCatalogue.Flow()) })).Ok(201);
        var saved = (await _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow["id"]}/draft", $$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "other", "kind": "call", "flow": "another-flow" },
                { "name": "each", "kind": "loop", "items": "{{"{{trigger.body}}"}}", "steps": [ { "name": "again", "kind": "call", "flow": "{{flow["id"]}}" } ] } ] }
            """)).Ok();
        var warning = Assert.Single(saved["problems"].EnumerateArray().ToList());
        Assert.Equal(("$.steps[1].steps[0].flow", "Warning"), (warning.GetProperty("path").GetString(), warning.GetProperty("severity").GetString()));
    }
}
