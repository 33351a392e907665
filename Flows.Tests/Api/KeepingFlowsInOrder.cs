using System.Text.Json;

namespace Flows.Tests.Api;

/// <summary>Folders, tags, the search for flows, and what is done to many at once.</summary>
[Collection(Platform.Apis)]
public sealed class KeepingFlowsInOrder(ApiFixture fixture) : IClassFixture<ApiFixture>, IAsyncLifetime
{
    private readonly TestDatabase _database = fixture.Database;
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await fixture.OfNewProjectAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_folder_holds_flows_until_it_is_deleted_and_they_stay()
    {
        var folder = (await _api.PostAsync("/api/v1/folders", new { name = "Shop" })).Ok(201)["id"].GetString()!;
        Assert.Equal("Another folder of this project is called 'shop'.", (await _api.PostAsync("/api/v1/folders", new { name = "shop" })).Detail(409));
        var inside = (await _api.PostAsync("/api/v1/flows", new { name = "Orders", folderId = folder })).Ok(201);
        Assert.Equal(folder, inside["folderId"].GetString());
        var outside = (await _api.PostAsync("/api/v1/flows", new { name = "Returns" })).Ok(201)["id"].GetString();

        Assert.Equal(["Orders"], await NamesAsync($"folder={folder}"));
        Assert.DoesNotContain("Orders", await NamesAsync("folder=none"));
        Assert.Equal(folder, (await PatchAsync($"/api/v1/flows/{outside}", $$"""{ "folderId": "{{folder}}" }""")).Ok()["folderId"].GetString());
        var shown = (await _api.GetAsync("/api/v1/folders")).Ok()["items"].EnumerateArray().Single();
        Assert.Equal(("Shop", 2), (shown.GetProperty("name").GetString(), shown.GetProperty("flows").GetInt32()));
        Assert.Equal(JsonValueKind.Null, (await PatchAsync($"/api/v1/flows/{outside}", """{ "folderId": null }""")).Ok()["folderId"].ValueKind);

        Assert.Equal("Store", (await PatchAsync($"/api/v1/folders/{folder}", """{ "name": "Store" }""")).Ok()["name"].GetString());
        (await _api.DeleteAsync($"/api/v1/folders/{folder}")).Ok(204);
        Assert.Equal(JsonValueKind.Null, (await _api.GetAsync($"/api/v1/flows/{inside["id"]}")).Ok()["folderId"].ValueKind);
        (await _api.DeleteAsync($"/api/v1/folders/{folder}")).Problem(404);
        var told = (await _api.GetAsync($"/api/v1/audit?target=folder:{folder}")).Ok()["items"].EnumerateArray()
            .Select(row => (row.GetProperty("action").GetString(), row.GetProperty("after") is { ValueKind: JsonValueKind.Object } after ? after.GetProperty("name").GetString() : null));
        Assert.Equal([("folder.deleted", null), ("folder.renamed", "Store"), ("folder.created", "Shop")], told);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_or_anothers_takes_no_flow()
    {
        var other = await ApiHost.AddProjectAsync(_database);
        var theirs = (await _api.PostAsync("/api/v1/folders", new { name = "Theirs" }, other)).Ok(201)["id"].GetString();
        Assert.Equal([$"$.folderId: There is no folder {theirs}."], (await _api.PostAsync("/api/v1/flows", new { name = "Orders", folderId = theirs })).Problem(400));
        Assert.Equal(["$.folderId: It must be the id of a folder, or null to take the flow out of its folder."],
            (await PatchAsync($"/api/v1/flows/{await MakeAsync("Orders")}", """{ "folderId": 7 }""")).Problem(400));
        (await PatchAsync($"/api/v1/folders/{theirs}", """{ "name": "Ours" }""")).Problem(404);
        (await _api.DeleteAsync($"/api/v1/folders/{theirs}")).Problem(404);
        Assert.Equal(["folder: It must be the id of a folder, or 'none'."], (await _api.GetAsync("/api/v1/flows?folder=x")).Problem(400));
    }

    [Fact]
    public async Task Flows_are_found_by_name_key_tags_and_state()
    {
        var orders = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Orders 100%", "key": "orders", "tags": ["shop", "daily", "shop"], "definition": {{TestCatalogue.Flow("found")}} }""")).Ok(201);
        Assert.Equal(["daily", "shop"], orders["tags"].EnumerateArray().Select(tag => tag.GetString()!));
        (await _api.PostAsync($"/api/v1/flows/{orders["id"]}/publish")).Ok();
        var returns = await MakeAsync("Returns", "shop");
        (await _api.PostAsync($"/api/v1/flows/{returns}/disable")).Ok();

        Assert.Equal(["Orders 100%"], await NamesAsync("q=0%25"));
        Assert.Equal(["Orders 100%"], await NamesAsync("q=ORDERS"));
        Assert.Empty(await NamesAsync("q=Orders_"));
        Assert.Equal(["Orders 100%", "Returns"], await NamesAsync("tag=shop"));
        Assert.Equal(["Orders 100%"], await NamesAsync("tag=shop,daily"));
        Assert.Equal(["Orders 100%"], await NamesAsync("state=enabled&tag=shop"));
        Assert.Equal(["Returns"], await NamesAsync("state=disabled"));
        Assert.Equal(["Returns"], await NamesAsync("state=unpublished&tag=shop"));
        Assert.Equal(["state: It must be one of enabled, disabled, unpublished."], (await _api.GetAsync("/api/v1/flows?state=on")).Problem(400));
        Assert.Equal(["recent: It must be from 0 to 50."], (await _api.GetAsync("/api/v1/flows?recent=51")).Problem(400));
        Assert.Equal(["$.tags[0]: A tag has 1 to 50 characters, no comma, no control characters, and no blanks at its ends."],
            (await _api.PostAsync("/api/v1/flows", new { name = "x", tags = (string[])["a,b"] })).Problem(400));
    }

    [Fact]
    public async Task A_list_shows_how_the_newest_runs_went_when_it_is_asked_to()
    {
        var flow = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Counted", "definition": {{TestCatalogue.Flow("recent")}} }""")).Ok(201)["id"].GetString();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        var runs = new List<Guid>();
        for (var i = 0; i < 3; i++)
            runs.Add((await _api.PostAsync($"/webhooks/{flow}", new { i }, key: null)).Ok(202)["runId"].GetGuid());
        // The order of ids is the order of the list; within a millisecond it is not that of the calls.
        (await _api.PostAsync($"/api/v1/runs/{runs.MaxBy(run => run.ToString("n"), StringComparer.Ordinal)}/cancel")).Ok();

        var shown = (await _api.GetAsync("/api/v1/flows?q=Counted&recent=2")).Ok()["items"].EnumerateArray().Single().GetProperty("recent");
        Assert.Equal(["Cancelled", "Queued"], shown.GetProperty("statuses").EnumerateArray().Select(status => status.GetString()!));
        Assert.Equal(1, shown.GetProperty("counts").GetProperty("Queued").GetInt32());
        Assert.False((await _api.GetAsync("/api/v1/flows?q=Counted")).Ok()["items"].EnumerateArray().Single().TryGetProperty("recent", out _));
    }

    [Fact]
    public async Task Many_flows_are_tagged_moved_switched_and_deleted_in_one_commit()
    {
        var (a, b) = (await MakeAsync("A"), await MakeAsync("B"));
        var missing = Guid.CreateVersion7();
        var tagged = (await _api.PostAsync("/api/v1/flows/bulk", new { action = "tag", ids = (string[])[a, b, $"{missing}"], tags = (string[])["batch"] })).Ok();
        Assert.Equal([.. new[] { a, b }.Order()], tagged["done"].EnumerateArray().Select(id => id.GetString()!).Order());
        Assert.Equal($"{missing}", tagged["refused"].EnumerateArray().Single().GetProperty("id").GetString());
        Assert.Equal(["A", "B"], await NamesAsync("tag=batch"));

        (await _api.PostAsync("/api/v1/flows/bulk", new { action = "disable", ids = (string[])[a, b] })).Ok();
        Assert.Equal(["A", "B"], await NamesAsync("state=disabled&tag=batch"));
        (await _api.PostAsync("/api/v1/flows/bulk", new { action = "untag", ids = (string[])[a], tags = (string[])["batch"] })).Ok();
        Assert.Equal(["B"], await NamesAsync("tag=batch"));
        (await _api.PostAsync("/api/v1/flows/bulk", new { action = "delete", ids = (string[])[a, b] })).Ok();
        Assert.Empty(await NamesAsync("state=disabled"));
        Assert.Equal(2, (await _api.GetAsync("/api/v1/audit?action=flow.deleted")).Ok()["items"].GetArrayLength());

        Assert.Equal(["$.ids: There must be from 1 to 100 ids."], (await _api.PostAsync("/api/v1/flows/bulk", new { action = "enable", ids = Array.Empty<string>() })).Problem(400));
        Assert.Equal(["$.tags: Which tags?"], (await _api.PostAsync("/api/v1/flows/bulk", new { action = "tag", ids = (string[])[a] })).Problem(400));
        (await _api.PostAsync("/api/v1/flows/bulk", new { action = "burn", ids = (string[])[a] })).Problem(400);
    }

    [Fact]
    public async Task The_note_of_a_version_is_changed_and_nothing_else_of_it()
    {
        var flow = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Noted", "definition": {{TestCatalogue.Flow("noted")}} }""")).Ok(201)["id"].GetString();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish", new { note = "first" })).Ok();
        var before = (await _api.GetAsync($"/api/v1/flows/{flow}/versions/1")).Ok();
        Assert.Equal("better words", (await PatchAsync($"/api/v1/flows/{flow}/versions/1", """{ "note": "better words" }""")).Ok()["note"].GetString());
        var after = (await _api.GetAsync($"/api/v1/flows/{flow}/versions/1")).Ok();
        Assert.Equal((before["definition"].GetRawText(), before["createdAt"].GetRawText()), (after["definition"].GetRawText(), after["createdAt"].GetRawText()));
        (await PatchAsync($"/api/v1/flows/{flow}/versions/2", """{ "note": "x" }""")).Problem(404);
        Assert.Equal(["$.note: At most 2000 characters are allowed."], (await PatchAsync($"/api/v1/flows/{flow}/versions/1", $$"""{ "note": "{{new string('x', 2001)}}" }""")).Problem(400));
    }

    private async Task<string> MakeAsync(string name, params string[] tags) => (await _api.PostAsync("/api/v1/flows", new { name, tags })).Ok(201)["id"].GetString()!;

    // By name: ids made within a millisecond have no order.
    private async Task<string[]> NamesAsync(string query) =>
        [.. (await _api.GetAsync($"/api/v1/flows?{query}")).Ok()["items"].EnumerateArray().Select(flow => flow.GetProperty("name").GetString()!).Order(StringComparer.Ordinal)];

    private Task<Answer> PatchAsync(string path, string body) => _api.SendAsync(HttpMethod.Patch, path, body);
}
