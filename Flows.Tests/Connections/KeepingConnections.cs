using System.Text;
using System.Text.Json;
using Flows.Tests.Api;

namespace Flows.Tests.Connections;

[Collection(Platform.Apis)]
public sealed class KeepingConnections(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task A_secret_goes_in_and_does_not_come_out()
    {
        var made = (await _api.PostAsync("/api/v1/connections", """{ "key": "crm", "name": "CRM", "kind": "basic", "value": { "username": "ada", "password": "hunter2-secret" } }""")).Ok(201);

        Assert.Equal("""{"username":"ada","password":null}""", made["fields"].GetRawText());
        foreach (var path in new[] { "/api/v1/connections", $"/api/v1/connections/{made["id"]}" })
            Assert.DoesNotContain("hunter2", (await _api.GetAsync(path)).Ok().Text, StringComparison.Ordinal);
        var row = (string)(await fixture.Database.ScalarAsync("SELECT c::text FROM connections c WHERE key = 'crm'"))!;
        Assert.DoesNotContain("hunter2", row, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToHexStringLower(Encoding.UTF8.GetBytes("hunter2")), row, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fields_change_one_by_one_and_a_null_takes_one_away()
    {
        var made = (await _api.PostAsync("/api/v1/connections", """{ "key": "shop", "kind": "custom", "value": { "a": "1", "b": "2" } }""")).Ok(201);
        var path = $"/api/v1/connections/{made["id"]}";

        var changed = (await _api.SendAsync(HttpMethod.Patch, path, """{ "name": "Shop", "value": { "a": null, "c": "3" } }""")).Ok();

        Assert.Equal(("Shop", """{"b":null,"c":null}"""), (changed["name"].GetString(), changed["fields"].GetRawText()));
        (await _api.SendAsync(HttpMethod.Patch, path, """{ "value": { "b": null, "c": null } }""")).Problem(400);
        (await _api.DeleteAsync(path)).Ok(204);
        (await _api.GetAsync(path)).Problem(404);
    }

    [Theory]
    [InlineData("""{ "key": "9", "kind": "secret", "value": { "token": "x" } }""", "$.key: It needs a letter")]
    [InlineData("""{ "key": "k", "value": { "token": "x" } }""", "$.kind: Without a piece it must be")]
    [InlineData("""{ "key": "k", "kind": "secret", "value": {} }""", "$.value.token: token is required.")]
    [InlineData("""{ "key": "k", "kind": "secret", "value": { "token": 7 } }""", "$.value.token: It must be a text.")]
    [InlineData("""{ "key": "k", "kind": "secret", "value": { "token": "x", "more": "y" } }""", "$.value.more: There is no such field; known are token.")]
    [InlineData("""{ "key": "k", "kind": "custom", "value": { "a b": "y" } }""", "$.value.a b: It needs a letter")]
    [InlineData("""{ "key": "k", "piece": "nothing", "value": { "a": "y" } }""", "$.piece: There is no piece 'nothing'.")]
    [InlineData("""{ "key": "k", "piece": "http", "value": { "a": "y" } }""", "$.piece: The piece 'http' needs no connection.")]
    [InlineData("""{ "key": "k", "piece": "chat", "kind": "basic", "value": { "token": "y" } }""", "$.kind: A connection of 'chat' is of the kind 'secret'.")]
    [InlineData("""{ "key": "k", "piece": "chat", "value": { "token": "y", "region": "moon" } }""", "$.value.region: It must be one of eu, us.")]
    public async Task What_is_wrong_is_named(string body, string problem)
    {
        var problems = (await _api.PostAsync("/api/v1/connections", body)).Problem(400);
        Assert.Contains(problems, found => found.StartsWith(problem, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_key_is_taken_once_in_a_project_and_another_project_sees_nothing_of_it()
    {
        const string Body = """{ "key": "taken", "piece": "chat", "value": { "token": "abc", "region": "eu" } }""";
        var made = (await _api.PostAsync("/api/v1/connections", Body)).Ok(201);
        Assert.Equal(("secret", """{"token":null,"region":"eu"}"""), (made["kind"].GetString(), made["fields"].GetRawText()));
        (await _api.PostAsync("/api/v1/connections", Body)).Problem(409);

        var other = await ApiHost.AddProjectAsync(fixture.Database);
        var path = $"/api/v1/connections/{made["id"]}";
        (await _api.GetAsync(path, other)).Problem(404);
        (await _api.SendAsync(HttpMethod.Patch, path, """{ "name": "mine" }""", other)).Problem(404);
        (await _api.DeleteAsync(path, other)).Problem(404);
        Assert.Empty((await _api.GetAsync("/api/v1/connections", other)).Ok()["items"].EnumerateArray());
        (await _api.PostAsync("/api/v1/connections", Body, other)).Ok(201);
    }

    [Fact]
    public async Task A_flow_is_published_when_the_connections_it_names_are_there()
    {
        const string Definition = """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "say", "kind": "action", "piece": "chat", "action": "send", "connection": "publishing", "input": { "text": "{{connections.second.token}}" } } ] }
            """;
        var flow = (await _api.PostAsync("/api/v1/flows", new { name = "Say", definition = JsonElement.Parse(Definition) })).Ok(201);
        var publish = $"/api/v1/flows/{flow["id"]}/publish";

        Assert.Equal(2, (await _api.PostAsync(publish)).Problem(400).Length);
        (await _api.PostAsync("/api/v1/connections", """{ "key": "publishing", "piece": "chat", "value": { "token": "abc" } }""")).Ok(201);
        (await _api.PostAsync("/api/v1/connections", """{ "key": "second", "kind": "secret", "value": { "token": "abc" } }""")).Ok(201);
        (await _api.PostAsync(publish)).Ok();
    }

    [Fact]
    public async Task Variables_are_set_listed_and_deleted()
    {
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/variables/currency", """{ "value": "EUR" }""")).Ok();
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/variables/currency", """{ "value": { "code": "CHF" } }""")).Ok();
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/variables/a-b", """{ "value": 1 }""")).Problem(400);
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/variables/big", $$"""{ "value": "{{new string('x', 70_000)}}" }""")).Problem(400);

        var found = Assert.Single((await _api.GetAsync("/api/v1/variables")).Ok()["items"].EnumerateArray().ToList());
        Assert.Equal(("currency", "CHF"), (found.GetProperty("key").GetString(), found.GetProperty("value").GetProperty("code").GetString()));
        (await _api.DeleteAsync("/api/v1/variables/currency")).Ok(204);
        (await _api.DeleteAsync("/api/v1/variables/currency")).Problem(404);
    }
}
