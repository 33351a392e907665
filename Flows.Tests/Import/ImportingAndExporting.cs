using System.Text.Json;
using Flows.Tests.Api;

namespace Flows.Tests.Import;

[Collection(Platform.Apis)]
public sealed class ImportingAndExporting(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task An_exported_flow_comes_back_as_another_with_the_same_definition()
    {
        var path = $"/api/v1/flows/{(await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Größe & co", "key": "sizes", "definition": {{TestCatalogue.Flow("one")}} }""")).Ok(201)["id"]}";
        (await _api.PostAsync(path + "/publish")).Ok();
        (await _api.SendAsync(HttpMethod.Put, path + "/draft", TestCatalogue.Flow("two"))).Ok();
        var draft = (await _api.GetAsync(path + "/export")).Ok();
        var published = (await _api.GetAsync(path + "/export?version=1")).Ok();
        Assert.Contains("two", draft.Text, StringComparison.Ordinal);
        Assert.Contains("one", published.Text, StringComparison.Ordinal);
        (await _api.GetAsync(path + "/export?version=9")).Problem(404);

        var imported = (await _api.PostAsync("/api/v1/flows/import", published.Text)).Ok();
        Assert.Equal("flows", imported["format"].GetString());
        var flow = imported["flows"][0];
        Assert.Equal("Größe & co", flow.GetProperty("name").GetString());
        Assert.NotEqual(path, $"/api/v1/flows/{flow.GetProperty("id")}");
        Assert.Equal(published["definition"].GetRawText().Replace(" ", "").Replace("\n", ""),
            (await _api.GetAsync($"/api/v1/flows/{flow.GetProperty("id")}/draft")).Ok().Text.Replace(" ", ""));
    }

    [Fact]
    public async Task A_workflow_of_n8n_becomes_a_draft_and_the_answer_lists_what_was_left_out()
    {
        var imported = (await _api.PostAsync("/api/v1/flows/import", Document("n8n", "code-and-slack"))).Ok();
        Assert.Equal("n8n", imported["format"].GetString());
        var flow = imported["flows"][0];
        Assert.Contains(flow.GetProperty("notes").EnumerateArray(), note => note.GetProperty("step").GetString() == "slack" && note.GetProperty("skipped").GetBoolean());
        var path = $"/api/v1/flows/{flow.GetProperty("id")}";
        Assert.Equal("Code", (await _api.GetAsync(path)).Ok()["name"].GetString());
    }

    [Theory]
    [InlineData("every morning")]
    [InlineData("={{ $vars.cron }}")]
    [InlineData("0 0 30 2 *")]
    public async Task A_trigger_that_cannot_be_leaves_the_rest_of_the_workflow_usable(string cron)
    {
        var document = JsonSerializer.Serialize(new
        {
            name = "Odd",
            nodes = new object[]
            {
                new { name = "Clock", type = "n8n-nodes-base.scheduleTrigger", parameters = new { rule = new { interval = new[] { new { field = "cronExpression", expression = cron } } } } },
                new { name = "Stay", type = "n8n-nodes-base.wait", parameters = new { amount = 1, unit = "minutes" } },
            },
            connections = new { Clock = new { main = new[] { new[] { new { node = "Stay" } } } } },
        });
        var flow = (await _api.PostAsync("/api/v1/flows/import", document)).Ok()["flows"][0];
        Assert.Contains(flow.GetProperty("notes").EnumerateArray(), note => note.GetProperty("message").GetString()!.StartsWith("The trigger could not be brought over", StringComparison.Ordinal));
        var draft = (await _api.GetAsync($"/api/v1/flows/{flow.GetProperty("id")}/draft")).Ok();
        Assert.Equal(("manual", "stay"), (draft["trigger"].GetProperty("piece").GetString(), draft["steps"][0].GetProperty("name").GetString()));
    }

    [Fact]
    public async Task A_file_with_several_flows_makes_all_of_them()
    {
        var imported = (await _api.PostAsync("/api/v1/flows/import", Document("activepieces", "several-flows"))).Ok();
        Assert.Equal(["One", "Two"], imported["flows"].EnumerateArray().Select(flow => flow.GetProperty("name").GetString()));
    }

    [Theory]
    [InlineData("[]", "$")]
    [InlineData("{}", "$")]
    [InlineData("""{ "nodes": 1, "connections": {} }""", "$")]
    [InlineData("""{ "trigger": { "type": "EMPTY" } }""", "$")]
    [InlineData("""{ "nodes": [], "nodes": [], "connections": {} }""", "$.nodes")]
    [InlineData("""{ "nodes": [{ "name": "a", "type": "x", "type": "y" }], "connections": {} }""", "$.type")]
    [InlineData("""{ "format": "project/1", "name": "P", "flows": [], "flows": [] }""", "$.flows")]
    [InlineData("""{ "format": "flows/1", "name": "x", "definition": { "schema": 2 } }""", "$.definition.schema")]
    public async Task What_is_no_flow_is_refused_and_nothing_is_made(string document, string path)
    {
        var before = (await _api.GetAsync("/api/v1/flows?limit=100")).Ok()["items"].GetArrayLength();
        Assert.Contains((await _api.PostAsync("/api/v1/flows/import", document)).Problem(400), error => error.StartsWith(path + ": ", StringComparison.Ordinal));
        Assert.Equal(before, (await _api.GetAsync("/api/v1/flows?limit=100")).Ok()["items"].GetArrayLength());
    }

    [Fact]
    public async Task A_workflow_that_nests_without_end_is_refused()
    {
        var nodes = string.Join(",", Enumerable.Range(0, 60).Select(i => $$"""{ "name": "if{{i}}", "type": "n8n-nodes-base.if", "parameters": {} }"""));
        var connections = string.Join(",", Enumerable.Range(0, 59).Select(i => $$""" "if{{i}}": { "main": [[{ "node": "if{{i + 1}}" }], []] }"""));
        var document = $$"""
            { "nodes": [{ "name": "T", "type": "n8n-nodes-base.manualTrigger" }, {{nodes}}], "connections": { "T": { "main": [[{ "node": "if0" }]] }, {{connections}} } }
            """;
        Assert.Contains("nested", Assert.Single((await _api.PostAsync("/api/v1/flows/import", document)).Problem(400)), StringComparison.Ordinal);
    }

    private static string Document(string platform, string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Import", platform, name + ".json"));
}
