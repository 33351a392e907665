namespace Flows.Tests.Api;

/// <summary>Each on a fresh installation: there is a first owner once only.</summary>
[Collection(nameof(Platform))]
public sealed class BecomingTheOwner(PeopleFixture people, Platform platform) : IClassFixture<PeopleFixture>, IAsyncLifetime
{
    private const string SetupToken = PeopleFixture.SetupToken;
    private readonly TestDatabase _database = new(platform);
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await people.StartAsync(_database);

    public async Task DisposeAsync()
    {
        await _api.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task The_setup_token_makes_one_owner_once_and_a_restart_does_not_open_it_again()
    {
        Assert.True((await _api.GetAsync("/api/v1/setup", key: null)).Ok()["open"].GetBoolean());
        using var stranger = new Person(_api);
        (await stranger.SendAsync(HttpMethod.Post, "/api/v1/setup", new { token = "not-the-token-not-the-token-not-t", email = "a@example.com", name = "A", password = Person.Password })).Problem(403);
        Assert.Equal(["$.password: At least 12 characters are needed."],
            (await stranger.SendAsync(HttpMethod.Post, "/api/v1/setup", new { token = SetupToken, email = "a@example.com", name = "A", password = "short" })).Problem(400));

        using var owner = await Person.OwnerAsync(_api, SetupToken);
        var me = (await owner.GetAsync("/api/v1/me")).Ok();
        Assert.Equal(("Olga", "Owner", "Default"), (me["user"].GetProperty("name").GetString(), me["role"].GetString(), me["project"].GetProperty("name").GetString()));
        Assert.Contains("members:manage", me["permissions"].EnumerateArray().Select(name => name.GetString()));

        (await stranger.SendAsync(HttpMethod.Post, "/api/v1/setup", new { token = SetupToken, email = "b@example.com", name = "B", password = Person.Password })).Problem(403);
        await using var again = await people.StartAsync(_database);
        Assert.False((await again.GetAsync("/api/v1/setup", key: null)).Ok()["open"].GetBoolean());
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM users"));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM users WHERE password_hash LIKE '%' || $1 || '%'", Person.Password));
    }

    [Fact]
    public async Task Two_who_use_the_setup_token_at_once_make_one_owner()
    {
        using var one = new Person(_api);
        using var two = new Person(_api);
        var answers = await Task.WhenAll(new[] { (one, "one@example.com"), (two, "two@example.com") }.Select(pair =>
            pair.Item1.SendAsync(HttpMethod.Post, "/api/v1/setup", new { token = SetupToken, email = pair.Item2, name = "O", password = Person.Password })));
        Assert.Equal([201, 403], answers.Select(answer => answer.Status).Order());
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM members WHERE role = 1"));
    }

    [Fact]
    public async Task A_setup_token_that_is_a_day_old_is_renewed_by_a_start_and_by_nothing_else()
    {
        people.Clock.Advance(TimeSpan.FromHours(25));
        using var late = new Person(_api);
        (await late.SendAsync(HttpMethod.Post, "/api/v1/setup", new { token = SetupToken, email = "a@example.com", name = "A", password = Person.Password })).Problem(403);
        await using var again = await people.StartAsync(_database);
        using var owner = await Person.OwnerAsync(again, SetupToken);
        (await owner.GetAsync("/api/v1/me")).Ok();
    }

    [Fact]
    public async Task The_page_takes_its_form_only_from_itself()
    {
        using var owner = new Person(_api);
        var setup = await owner.OpenAsync($"/setup?token={SetupToken}");
        Assert.Contains(SetupToken, setup.Text, StringComparison.Ordinal);
        Dictionary<string, string> fields = new() { ["token"] = SetupToken, ["email"] = "owner@example.com", ["name"] = "Olga", ["password"] = Person.Password };
        foreach (var site in new[] { null, "cross-site", "same-site" })
            Assert.Equal(403, (await owner.SubmitAsync("/setup", fields, site)).Status);
        Assert.Equal(302, (await owner.SubmitAsync("/setup", fields)).Status);
        (await owner.GetAsync("/api/v1/me")).Ok();
        Assert.Equal(404, (await owner.OpenAsync($"/setup?token={SetupToken}")).Status);
    }
}
