using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Flows.Tests.Api;
using Microsoft.AspNetCore.Http;

namespace Flows.Tests.Connections;

[Collection(nameof(Platform))]
public sealed partial class SigningIn(SigningIn.NearServices fixture, Platform platform) : IClassFixture<SigningIn.NearServices>, IAsyncLifetime
{
    private readonly TestDatabase _database = fixture.Database;
    private readonly ApiHost _api = fixture.Api;
    private TokenService _service = null!;

    public async Task InitializeAsync() => _service = await TokenService.StartAsync();

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task A_person_signs_in_agrees_and_the_connection_is_ready()
    {
        var id = await CreateAsync("sheets");
        Assert.Equal(("needsSignIn", "Nobody has signed in yet."), await StatusAsync(id));
        var (url, _) = await StartAsync(id, """{ "returnTo": "/connections?made=1" }""");

        using var browser = new Browser();
        var page = await browser.OpenAsync(_service.SignIn(url));
        Assert.Equal(HttpStatusCode.OK, page.Status);
        Assert.Contains("<strong>sheets</strong>", page.Text, StringComparison.Ordinal);
        Assert.Contains("Asked for by", page.Text, StringComparison.Ordinal);
        Assert.Empty(_service.Asked); // looking ends nothing

        var done = await browser.PressAsync(page);
        Assert.Equal((HttpStatusCode.Redirect, "/connections?made=1"), (done.Status, done.Location));
        Assert.Equal(("ready", null), await StatusAsync(id));
        var shown = (await _api.GetAsync($"/api/v1/connections/{id}")).Ok();
        Assert.DoesNotContain("token-", shown.Text, StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Null, shown["fields"].GetProperty("clientSecret").ValueKind);
        Assert.Equal(shown["updatedAt"].GetDateTimeOffset().AddSeconds(_service.Lifetime), shown["expiresAt"].GetDateTimeOffset());

        // A second press finds nothing to use, and the one before stays.
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.PressAsync(page)).Status);
        Assert.Equal(("ready", null), await StatusAsync(id));
        Assert.Single(_service.Asked);
    }

    [Fact]
    public async Task Another_browser_or_another_site_cannot_finish_a_sign_in()
    {
        var id = await CreateAsync("victim");
        var (url, _) = await StartAsync(id);
        using var browser = new Browser();
        var page = await browser.OpenAsync(_service.SignIn(url));
        using var stranger = new Browser();
        var refused = await stranger.PressAsync(page);
        Assert.Equal(HttpStatusCode.BadRequest, refused.Status);
        Assert.Contains("another browser", refused.Text, StringComparison.Ordinal);
        Assert.Equal("needsSignIn", (await StatusAsync(id)).Status);
        // It was not used up.
        Assert.Equal(HttpStatusCode.OK, (await browser.PressAsync(page)).Status);
        Assert.Equal("ready", (await StatusAsync(id)).Status);
    }

    [Fact]
    public async Task A_sign_in_that_is_refused_or_too_old_or_unknown_connects_nothing()
    {
        var id = await CreateAsync("late");
        using var browser = new Browser();

        var (url, _) = await StartAsync(id);
        var back = _service.SignIn(url);
        var refused = await browser.OpenAsync(new Uri($"{back.GetLeftPart(UriPartial.Path)}?error=access_denied&state={StateOf(back)}"));
        Assert.Contains("The sign-in was refused.", refused.Text, StringComparison.Ordinal);
        var odd = await browser.OpenAsync(new Uri($"{back.GetLeftPart(UriPartial.Path)}?error=%3Cscript%3E&state={StateOf(back)}"));
        Assert.DoesNotContain("<script>", odd.Text, StringComparison.Ordinal);

        await _database.ScalarAsync("UPDATE oauth_sign_ins SET expires_at = now() - interval '1 second'");
        Assert.Equal(HttpStatusCode.NotFound, (await browser.OpenAsync(back)).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await browser.OpenAsync(new Uri($"{back.GetLeftPart(UriPartial.Path)}?code=x&state=unknown"))).Status);
        Assert.Equal("needsSignIn", (await StatusAsync(id)).Status);
        Assert.Empty(_service.Asked);
    }

    [Fact]
    public async Task A_service_that_gives_no_token_says_why_without_telling_the_secret()
    {
        var id = await CreateAsync("wrong");
        _service.Answer = () => TokenService.Refused("invalid_client", $"'{TokenService.ClientSecret}' is not it");
        var (url, _) = await StartAsync(id);
        using var browser = new Browser();
        var end = await browser.PressAsync(await browser.OpenAsync(_service.SignIn(url)));
        Assert.Equal(HttpStatusCode.BadRequest, end.Status);
        Assert.Contains("invalid_client", end.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", end.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_credentials_are_tried_when_they_are_kept_and_when_they_are_changed()
    {
        var fields = _service.Fields("client_credentials");
        fields["clientSecret"] = "quite wrong";
        var made = (await _api.PostAsync("/api/v1/connections", new { key = "machine", kind = "oauth2", value = fields })).Ok(201);
        Assert.Equal("needsSignIn", made["status"].GetString());
        Assert.Contains("invalid_client", made["problem"].GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("quite wrong", made["problem"].GetString(), StringComparison.Ordinal);

        var changed = (await _api.SendAsync(HttpMethod.Patch, $"/api/v1/connections/{made["id"]}", new { value = new { clientSecret = TokenService.ClientSecret } })).Ok();
        Assert.Equal("ready", changed["status"].GetString());
        (await _api.PostAsync($"/api/v1/connections/{made["id"]}/oauth/start", "{}")).Problem(409);
    }

    [Fact]
    public async Task A_deleted_connection_gives_its_token_back()
    {
        var made = (await _api.PostAsync("/api/v1/connections", new { key = "gone", kind = "oauth2", value = _service.Fields("client_credentials") })).Ok(201);
        (await _api.DeleteAsync($"/api/v1/connections/{made["id"]}")).Ok(204);
        Assert.Equal(_service.Present, Assert.Single(_service.Revoked)["token"]);
    }

    [Fact]
    public async Task An_app_of_the_project_lends_its_id_and_secret()
    {
        (await _api.SendAsync(HttpMethod.Put, "/api/v1/oauth-apps/ours", new { clientId = TokenService.ClientId, clientSecret = TokenService.ClientSecret })).Ok();
        var fields = _service.Fields("client_credentials");
        fields["app"] = "ours";
        Assert.Contains("$.value.app: The app has", Assert.Single((await _api.PostAsync("/api/v1/connections", new { key = "both", kind = "oauth2", value = fields })).Problem(400)), StringComparison.Ordinal);
        fields.Remove("clientId");
        fields.Remove("clientSecret");
        Assert.Equal("ready", (await _api.PostAsync("/api/v1/connections", new { key = "by_app", kind = "oauth2", value = fields })).Ok(201)["status"].GetString());

        Assert.DoesNotContain("s3cret", (await _api.GetAsync("/api/v1/oauth-apps")).Ok().Text, StringComparison.Ordinal);
        (await _api.DeleteAsync("/api/v1/oauth-apps/ours")).Problem(409);
        (await _api.DeleteAsync("/api/v1/oauth-apps/ours", await ApiHost.AddProjectAsync(_database))).Problem(404);
    }

    [Theory]
    [InlineData("clientId", "", "$.value.clientId: ")]
    [InlineData("tokenUrl", "ftp://x", "$.value.tokenUrl: It must be a full address")]
    [InlineData("tokenUrl", "http://u:p@x", "$.value.tokenUrl: It must be a full address")]
    [InlineData("authorizeUrl", "javascript:alert(1)", "$.value.authorizeUrl: It must be a full address")]
    [InlineData("app", "nothing", "$.value.app: The project has no OAuth app 'nothing'.")]
    [InlineData("clientAuth", "header", "$.value.clientAuth: It must be one of body, basic.")]
    [InlineData("parameters", "state=1", "$.value.parameters: 'state' is set by Flows itself.")]
    public async Task What_is_wrong_with_the_fields_is_named(string field, string value, string problem)
    {
        var fields = _service.Fields();
        if (value.Length == 0)
            fields.Remove(field);
        else
            fields[field] = value;
        Assert.Contains((await _api.PostAsync("/api/v1/connections", new { key = "bad", kind = "oauth2", value = fields })).Problem(400),
            found => found.StartsWith(problem, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("//evil.example")]
    [InlineData("https://evil.example")]
    [InlineData("/\\evil.example")]
    public async Task A_sign_in_does_not_lead_away_from_the_site(string path)
    {
        var id = await CreateAsync($"k{Guid.CreateVersion7():N}");
        (await _api.PostAsync($"/api/v1/connections/{id}/oauth/start", new { returnTo = path })).Problem(400);
    }

    [Fact]
    public async Task A_private_address_is_refused_by_the_network_policy_and_the_connection_says_so()
    {
        await using var strict = await ApiHost.StartAsync(_database.ConnectionString, platform);
        var made = (await strict.PostAsync("/api/v1/connections", new { key = "inside", kind = "oauth2", value = _service.Fields("client_credentials") })).Ok(201);
        Assert.Contains("127.0.0.1", made["problem"].GetString(), StringComparison.Ordinal);
        Assert.Empty(_service.Asked);
    }

    private async Task<Guid> CreateAsync(string key) =>
        (await _api.PostAsync("/api/v1/connections", new { key, kind = "oauth2", value = _service.Fields() })).Ok(201)["id"].GetGuid();

    private async Task<(string Url, DateTimeOffset ExpiresAt)> StartAsync(Guid id, string body = "{}")
    {
        var start = (await _api.PostAsync($"/api/v1/connections/{id}/oauth/start", body)).Ok();
        return (start["url"].GetString()!, start["expiresAt"].GetDateTimeOffset());
    }

    private async Task<(string? Status, string? Problem)> StatusAsync(Guid id)
    {
        var view = (await _api.GetAsync($"/api/v1/connections/{id}")).Ok();
        return (view["status"].GetString(), view["problem"].GetString());
    }

    /// <summary>An API that may call the services of this machine.</summary>
    public sealed class NearServices(Platform platform) : ApiFixture(platform)
    {
        protected override Dictionary<string, string> Settings => new() { ["Flows:Execution:Allow"] = "127.0.0.0/8" };
    }

    private static string StateOf(Uri back) => Microsoft.AspNetCore.WebUtilities.QueryHelpers.ParseQuery(back.Query)["state"].ToString();

    /// <summary>Keeps cookies, follows nothing, and can press the one button of a page.</summary>
    private sealed partial class Browser : IDisposable
    {
        private readonly HttpClient _http = new(new HttpClientHandler { AllowAutoRedirect = false });

        public Task<Seen> OpenAsync(Uri url) => SeeAsync(new HttpRequestMessage(HttpMethod.Get, url));

        public Task<Seen> PressAsync(Seen page) => SeeAsync(new HttpRequestMessage(HttpMethod.Post, new Uri(page.Url, "/oauth/callback"))
        {
            Content = new FormUrlEncodedContent(Hidden().Matches(page.Text).ToDictionary(match => match.Groups[1].Value, match => WebUtility.HtmlDecode(match.Groups[2].Value))),
        });

        public void Dispose() => _http.Dispose();

        private async Task<Seen> SeeAsync(HttpRequestMessage request)
        {
            using var sent = request;
            using var answer = await _http.SendAsync(request);
            return new Seen(request.RequestUri!, answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Headers.Location?.ToString());
        }

        [GeneratedRegex("name=\"(\\w+)\" value=\"([^\"]*)\"")]
        private static partial Regex Hidden();
    }

    private sealed record Seen(Uri Url, HttpStatusCode Status, string Text, string? Location);
}
