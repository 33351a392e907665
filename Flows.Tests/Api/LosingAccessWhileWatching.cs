using System.Net.Http.Headers;

namespace Flows.Tests.Api;

[Collection(nameof(Platform))]
public sealed class LosingAccessWhileWatching(PeopleFixture people) : IClassFixture<PeopleFixture>
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task The_stream_of_a_key_ends_when_the_key_is_revoked()
    {
        using var owner = await people.OwnerAsync();
        var key = (await owner.SendAsync(HttpMethod.Post, "/api/v1/api-keys", new { name = "Screen", role = "Viewer" })).Ok(201);
        using var stream = await OpenAsync(people.Api.Http, key["key"].GetString(), project: null);
        (await owner.SendAsync(HttpMethod.Delete, $"/api/v1/api-keys/{key["id"]}")).Ok(204);
        await EndsAsync(stream);
    }

    [Fact]
    public async Task The_stream_of_a_member_ends_when_he_is_removed()
    {
        using var owner = await people.OwnerAsync();
        var project = owner.Project!.Value;
        var link = (await owner.SendAsync(HttpMethod.Post, $"/api/v1/projects/{project}/invitations", new { role = "Viewer" })).Ok(201)["link"].GetString()!;
        using var member = await Person.JoinedAsync(people.Api, link, "watching@example.com", "Wanda");
        var id = (await member.GetAsync("/api/v1/me")).Ok()["user"].GetProperty("id").GetGuid();
        using var stream = await OpenAsync(member.Http, key: null, project);
        (await owner.SendAsync(HttpMethod.Delete, $"/api/v1/projects/{project}/members/{id}")).Ok(204);
        await EndsAsync(stream);
    }

    private static async Task<StreamReader> OpenAsync(HttpClient http, string? key, Guid? project)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/runs/events");
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (project is { } id)
            request.Headers.Add("Flows-Project", $"{id}");
        var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).WaitAsync(s_limit);
        Assert.Equal(200, (int)answer.StatusCode);
        var stream = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.Equal("retry: 2000", await stream.ReadLineAsync().WaitAsync(s_limit));
        return stream;
    }

    // The stream's own limit is an hour, so only the loss of access can end it in time.
    private static async Task EndsAsync(StreamReader stream) => Assert.DoesNotContain("data:", await stream.ReadToEndAsync().WaitAsync(s_limit), StringComparison.Ordinal);
}
