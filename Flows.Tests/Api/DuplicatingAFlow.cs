namespace Flows.Tests.Api;

[Collection(nameof(Platform))]
public sealed class DuplicatingAFlow(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task The_copy_has_the_draft_and_neither_key_nor_published_version()
    {
        var original = (await _api.PostAsync("/api/v1/flows", $$"""{"name":"Orders","key":"orders","definition":{{TestCatalogue.Flow("copied")}}}""")).Ok(201)["id"].GetString();
        (await _api.PostAsync($"/api/v1/flows/{original}/publish")).Ok();
        var copy = (await _api.PostAsync($"/api/v1/flows/{original}/duplicate")).Ok(201);
        Assert.Equal(("Orders (copy)", "null", "null"), (copy["name"].GetString(), copy["key"].GetRawText(), copy["publishedVersion"].GetRawText()));
        Assert.NotEqual(original, copy["id"].GetString());
        var (first, second) = (await _api.GetAsync($"/api/v1/flows/{original}/draft"), await _api.GetAsync($"/api/v1/flows/{copy["id"].GetString()}/draft"));
        Assert.Equal(first.Text, second.Text);
    }

    [Fact]
    public async Task A_name_of_the_callers_choice_is_taken_and_a_bad_one_refused()
    {
        var original = (await _api.PostAsync("/api/v1/flows", new { name = "Orders" })).Ok(201)["id"].GetString();
        Assert.Equal("Returns", (await _api.PostAsync($"/api/v1/flows/{original}/duplicate", new { name = "Returns" })).Ok(201)["name"].GetString());
        Assert.Equal(["$.name: It must not be empty."], (await _api.PostAsync($"/api/v1/flows/{original}/duplicate", new { name = " " })).Problem(400));
        (await _api.PostAsync($"/api/v1/flows/{Guid.CreateVersion7()}/duplicate")).Problem(404);
    }
}
