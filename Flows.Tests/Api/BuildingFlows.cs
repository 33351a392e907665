namespace Flows.Tests.Api;

[Collection(Platform.Apis)]
public sealed class BuildingFlows(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task A_flow_is_made_changed_switched_and_deleted()
    {
        var made = (await _api.PostAsync("/api/v1/flows", new { name = "Orders", key = "orders" })).Ok(201);
        var path = $"/api/v1/flows/{made["id"]}";
        Assert.Equal(path, made.Headers.Location!.ToString());
        Assert.True(made["enabled"].GetBoolean());
        Assert.EndsWith($"/webhooks/{made["id"]}", made["webhookUrl"].GetString(), StringComparison.Ordinal);

        var changed = (await _api.SendAsync(HttpMethod.Patch, path, new { name = "Orders 2" })).Ok();
        Assert.Equal(("Orders 2", "orders"), (changed["name"].GetString(), changed["key"].GetString()));
        Assert.False((await _api.PostAsync(path + "/disable")).Ok()["enabled"].GetBoolean());
        Assert.True((await _api.PostAsync(path + "/enable")).Ok()["enabled"].GetBoolean());
        var cleared = (await _api.SendAsync(HttpMethod.Patch, path, """{"key":null}""")).Ok();
        Assert.Equal(("Orders 2", System.Text.Json.JsonValueKind.Null), (cleared["name"].GetString(), cleared["key"].ValueKind));

        (await _api.DeleteAsync(path)).Ok(204);
        (await _api.GetAsync(path)).Problem(404);
        (await _api.DeleteAsync(path)).Problem(404);
        (await _api.PostAsync(path + "/publish")).Problem(404);
        (await _api.GetAsync(path + "/versions")).Problem(404);
    }

    [Fact]
    public async Task A_key_is_taken_once_and_free_again_after_the_deletion()
    {
        var first = (await _api.PostAsync("/api/v1/flows", new { name = "A", key = "taken" })).Ok(201);
        var second = (await _api.PostAsync("/api/v1/flows", new { name = "B" })).Ok(201);
        (await _api.PostAsync("/api/v1/flows", new { name = "B", key = "taken" })).Problem(409);
        (await _api.SendAsync(HttpMethod.Patch, $"/api/v1/flows/{second["id"]}", new { key = "taken" })).Problem(409);
        (await _api.DeleteAsync($"/api/v1/flows/{first["id"]}")).Ok(204);
        (await _api.PostAsync("/api/v1/flows", new { name = "B", key = "taken" })).Ok(201);
    }

    [Theory]
    [InlineData("""{"name":""}""", "$.name: It must not be empty.")]
    [InlineData("""{"name":"a\u0000b"}""", "$.name: It must not contain control characters.")]
    [InlineData("""{"name":"a","key":"Not A Key"}""", "$.key: It must be 1 to 100")]
    [InlineData("""{"name":"a","key":"019a0000-0000-7000-8000-000000000000"}""", "$.key: It must be 1 to 100")]
    [InlineData("""{"key":"a"}""", "$.name: A value is needed.")]
    [InlineData("""{"name":null}""", "$.name: The value must not be null.")]
    [InlineData("""{"name":"a","colour":"red"}""", "$.colour: There is no field 'colour' here.")]
    [InlineData("""{"name":5}""", "$.name: The value is not of the type expected here.")]
    [InlineData("""{"name":"a","name":"b"}""", "$.name: ")]
    [InlineData("""{"name":"a","definition":{"schema":1,"trigger":{"name":"trigger","piece":"nope","event":"catch","input":{}},"steps":[]}}""", "$.definition.trigger.piece: ")]
    [InlineData("""{"name":"a","definition":null}""", "$.definition: ")]
    public async Task What_is_wrong_with_a_new_flow_is_said_by_path(string body, string problem)
    {
        var errors = (await _api.PostAsync("/api/v1/flows", body)).Problem(400);
        Assert.Contains(errors, error => error.StartsWith(problem, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pages_follow_one_another_from_the_newest_to_the_oldest()
    {
        var key = await ApiHost.AddProjectAsync(fixture.Database);
        var made = new List<Guid>();
        for (var i = 0; i < 5; i++)
            made.Add((await _api.PostAsync("/api/v1/flows", new { name = $"Flow {i}" }, key)).Ok(201)["id"].GetGuid());
        var listed = new List<Guid>();
        string? cursor = "";
        for (var pages = 0; cursor is not null && pages < 10; pages++)
        {
            var page = (await _api.GetAsync($"/api/v1/flows?limit=2&cursor={cursor}", key)).Ok();
            listed.AddRange(page["items"].EnumerateArray().Select(flow => flow.GetProperty("id").GetGuid()));
            cursor = page["nextCursor"].GetString();
        }
        // By id, which is by time to the millisecond; flows made within the same one are in no order.
        Assert.Equal(made.OrderByDescending(id => id.ToString(), StringComparer.Ordinal), listed);
    }

    [Fact]
    public async Task Another_projects_flow_is_not_there()
    {
        var other = await ApiHost.AddProjectAsync(fixture.Database);
        var made = (await _api.PostAsync("/api/v1/flows", new { name = "Mine" })).Ok(201);
        var path = $"/api/v1/flows/{made["id"]}";
        foreach (var (method, end) in new[]
        {
            (HttpMethod.Get, ""), (HttpMethod.Delete, ""), (HttpMethod.Get, "/draft"), (HttpMethod.Get, "/versions"), (HttpMethod.Get, "/versions/1"),
            (HttpMethod.Post, "/versions/1/restore"), (HttpMethod.Post, "/publish"), (HttpMethod.Post, "/enable"), (HttpMethod.Post, "/disable"),
        })
        {
            (await _api.SendAsync(method, path + end, body: null, other)).Problem(404);
        }
        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow(), other)).Problem(404);
        (await _api.SendAsync(HttpMethod.Patch, path, new { name = "Theirs" }, other)).Problem(404);
        Assert.Empty((await _api.GetAsync("/api/v1/flows", other)).Ok()["items"].EnumerateArray());
        Assert.Equal("Mine", (await _api.GetAsync(path)).Ok()["name"].GetString());
    }
}
