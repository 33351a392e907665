using System.Text.Json;
using Flows.Tests.Api;

namespace Flows.Tests.Import;

/// <summary>A whole project as a file, and back into another one.</summary>
[Collection(Platform.Apis)]
public sealed class MovingAProject(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task A_project_comes_back_in_another_with_everything_but_its_secrets()
    {
        var from = await ApiHost.AddProjectAsync(fixture.Database);
        var folder = (await _api.PostAsync("/api/v1/folders", new { name = "Shop" }, from)).Ok(201)["id"].GetGuid();
        (await _api.PostAsync("/api/v1/folders", new { name = "Empty" }, from)).Ok(201);
        var called = await MakeAsync(from, new { name = "Called", key = "called", folderId = folder, tags = new[] { "b", "a" } });
        await MakeAsync(from, new { name = "Äpfel", definition = JsonElement.Parse(Calling($"{called}")) });
        await MakeAsync(from, new { name = "By key", definition = JsonElement.Parse(Calling("called")) });
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/variables/limit", new { value = new { most = 7 } }, from)).Ok();
        (await _api.PostAsync("/api/v1/connections", new { key = "shop", name = "The shop", kind = "basic", value = new { username = "u-7f3a", password = "hush-7f3a" } }, from)).Ok(201);

        var exported = (await _api.GetAsync($"/api/v1/projects/{await ProjectAsync(from)}/export", from)).Ok();
        Assert.DoesNotContain("7f3a", exported.Text, StringComparison.Ordinal);
        Assert.Equal(["By key", "Called", "Äpfel"], exported["flows"].EnumerateArray().Select(flow => flow.GetProperty("name").GetString()));
        Assert.Equal("""{"key":"shop","name":"The shop","kind":"basic","piece":null}""", exported["connections"][0].GetRawText());

        var to = await ApiHost.AddProjectAsync(fixture.Database);
        (await _api.PostAsync("/api/v1/folders", new { name = "shop" }, to)).Ok(201);
        var imported = (await _api.PostAsync("/api/v1/flows/import", exported.Text, to)).Ok();
        Assert.Equal(("project", 3), (imported["format"].GetString(), imported["flows"].GetArrayLength()));
        Assert.Equal("""{"folders":["Empty"],"variables":["limit"],"keptVariables":[],"missingConnections":[{"key":"shop","name":"The shop","kind":"basic","piece":null}]}""",
            imported["project"].GetRawText());
        Assert.Equal("""{"most":7}""", (await _api.GetAsync("/api/v1/variables", to)).Ok()["items"][0].GetProperty("value").GetRawText());

        // It is the same project again, but for the ids: also those by which its flows call each other.
        var again = (await _api.GetAsync($"/api/v1/projects/{await ProjectAsync(to)}/export", to)).Ok();
        var (old, now) = (IdOf(exported, "Called"), IdOf(again, "Called"));
        Assert.NotEqual(old, now);
        Assert.Contains($"\"flow\":\"{now}\"", again.Text.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain(old, again.Text, StringComparison.Ordinal);
        Assert.Equal(Shape(exported), Shape(again), ignoreCase: true);
        var flow = (await _api.GetAsync($"/api/v1/flows/{now}", to)).Ok();
        Assert.Equal(("called", JsonValueKind.Null), (flow["key"].GetString(), flow["publishedVersion"].ValueKind));
    }

    [Fact]
    public async Task What_the_project_has_already_is_left_as_it_is()
    {
        var key = await ApiHost.AddProjectAsync(fixture.Database);
        await MakeAsync(key, new { name = "Mine", key = "orders" });
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/variables/limit", new { value = 1 }, key)).Ok();
        var file = """{ "format": "project/1", "name": "P", "flows": [{ "name": "Theirs", "key": "orders", "definition": DEFINITION }], "variables": { "limit": 2, "more": 3 } }""".Replace("DEFINITION", TestCatalogue.Flow(), StringComparison.Ordinal);
        var imported = (await _api.PostAsync("/api/v1/flows/import", file, key)).Ok();
        Assert.Equal("It has no key: another flow has the key 'orders'.", imported["flows"][0].GetProperty("notes")[0].GetProperty("message").GetString());
        Assert.Equal("""{"folders":[],"variables":["more"],"keptVariables":["limit"],"missingConnections":[]}""", imported["project"].GetRawText());
        Assert.Equal("1", (await _api.GetAsync("/api/v1/variables", key)).Ok()["items"][0].GetProperty("value").GetRawText());

        // A key that may not set variables brings the flows all the same.
        var weak = (await _api.PostAsync("/api/v1/api-keys", new { name = "Weak", role = "Editor", scopes = new[] { "flows:read", "flows:edit" } }, key)).Ok(201)["key"].GetString()!;
        var second = (await _api.PostAsync("/api/v1/flows/import", file.Replace("more", "other", StringComparison.Ordinal), weak)).Ok();
        Assert.Equal("""["limit","other"]""", second["project"].GetProperty("keptVariables").GetRawText());
        (await _api.GetAsync($"/api/v1/projects/{await ProjectAsync(key)}/export", weak)).Problem(403);
        (await _api.GetAsync($"/api/v1/projects/{await ProjectAsync(key)}/export")).Problem(404);
    }

    [Theory]
    [InlineData("""{ "format": "project/1", "name": "P" }""", "$.flows")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [] }""", "$.flows")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [null] }""", "$.flows[0]")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "", "definition": DEFINITION }] }""", "$.flows[0].name")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "key": "Ä", "definition": DEFINITION }] }""", "$.flows[0].key")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "folder": "\u0000", "definition": DEFINITION }] }""", "$.flows[0].folder")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "tags": ["a,b"], "definition": DEFINITION }] }""", "$.flows[0].tags[0]")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "definition": DEFINITION }, { "name": "B", "definition": { "schema": 2 } }] }""", "$.flows[1].definition.schema")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "definition": DEFINITION, "secret": 1 }] }""", "$.flows[0].secret")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "definition": DEFINITION }], "variables": { "a b": 1 } }""", "$.variables.a b")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "definition": DEFINITION }], "folders": [null] }""", "$.folders")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [{ "name": "A", "definition": DEFINITION }], "connections": [{ "key": 1 }] }""", "$.connections[0].key")]
    public async Task A_file_with_a_mistake_is_refused_with_its_place_and_nothing_of_it_is_made(string file, string path)
    {
        var key = await ApiHost.AddProjectAsync(fixture.Database);
        var errors = (await _api.PostAsync("/api/v1/flows/import", file.Replace("DEFINITION", TestCatalogue.Flow(), StringComparison.Ordinal), key)).Problem(400);
        Assert.Contains(errors, error => error.StartsWith(path + ": ", StringComparison.Ordinal));
        Assert.Equal(0, (await _api.GetAsync("/api/v1/flows", key)).Ok()["items"].GetArrayLength());
        Assert.Equal(0, (await _api.GetAsync("/api/v1/folders", key)).Ok()["items"].GetArrayLength());
    }

    private static string Calling(string flow) => $$"""
        { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
          "steps": [ { "name": "each", "kind": "loop", "items": [1], "steps": [ { "name": "go", "kind": "call", "flow": "{{flow}}", "input": { "a": 1 }, "await": true } ] } ] }
        """;

    private async Task<Guid> MakeAsync(string key, object flow) => (await _api.PostAsync("/api/v1/flows", flow, key)).Ok(201)["id"].GetGuid();

    private async Task<Guid> ProjectAsync(string key) => (await _api.GetAsync("/api/v1/me", key)).Ok()["project"].GetProperty("id").GetGuid();

    private static string IdOf(Answer file, string name) => file["flows"].EnumerateArray().Single(flow => flow.GetProperty("name").GetString() == name).GetProperty("id").GetString()!;

    /// <summary>The flows without their ids.</summary>
    private static string Shape(Answer file) => string.Join('\n', file["flows"].EnumerateArray().Select(flow => string.Join(' ',
        flow.GetProperty("name").GetString(), flow.GetProperty("key").GetRawText(), flow.GetProperty("folder").GetRawText(), flow.GetProperty("tags").GetRawText(),
        flow.GetProperty("definition").GetRawText().Replace(IdOf(file, "Called"), "id", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal))));
}
