using Flows.Api.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Api;

/// <summary>One API for these tests, with a clock that they push on.</summary>
public sealed class ComingInFixture(Platform platform) : IAsyncLifetime
{
    public TestDatabase Database { get; } = new(platform);
    public SteppedClock Clock { get; } = new();
    public ApiHost Api { get; private set; } = null!;

    public async Task InitializeAsync() =>
        Api = await ApiHost.StartAsync(Database.ConnectionString, platform, adapt: builder => builder.Services.AddSingleton<TimeProvider>(Clock));

    public async Task DisposeAsync()
    {
        await Api.DisposeAsync();
        await Database.DisposeAsync();
    }

    /// <summary>Real time, plus what a test has added.</summary>
    public sealed class SteppedClock : TimeProvider
    {
        private TimeSpan _added;
        public void Advance(TimeSpan time) => _added += time;
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + _added;
    }
}

[Collection(Platform.Apis)]
public sealed class ComingIn(Platform platform, ComingInFixture fixture) : IClassFixture<ComingInFixture>
{
    private readonly TestDatabase _database = fixture.Database;
    private readonly ComingInFixture.SteppedClock _clock = fixture.Clock;
    private readonly ApiHost _api = fixture.Api;

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("flk_too-short")]
    [InlineData("flk_0123456789012345678901234567890123456789012")]
    [InlineData(ApiHost.WorkerToken)]
    public async Task Nobody_comes_in_without_a_key_of_a_project(string? key)
    {
        var answer = await _api.GetAsync("/api/v1/flows", key);
        answer.Problem(401);
        Assert.Equal("Bearer", Assert.Single(answer.Headers.WwwAuthenticate).Scheme);
    }

    [Fact]
    public async Task A_missing_key_and_a_wrong_key_are_told_apart()
    {
        var missing = await _api.GetAsync("/api/v1/me", key: null);
        Assert.Contains("An API key is needed", missing["detail"].GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("invalid_token", missing.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
        var wrong = await _api.GetAsync("/api/v1/me", ApiKey.Generate());
        Assert.Contains("unknown, revoked or expired", wrong["detail"].GetString(), StringComparison.Ordinal);
        Assert.Contains("invalid_token", wrong.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_endpoint_is_closed_unless_it_says_otherwise()
    {
        await using var app = ApiHost.Create(_database.ConnectionString, platform, new() { ["Flows:Bootstrap:ApiKey"] = "" });
        app.MapGet("/internal/probe", () => "in").RequireAuthorization(Policies.Worker);
        app.MapGet("/said-nothing", () => "in");
        await app.StartAsync();
        using var http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
        foreach (var (path, key, status) in new[]
        {
            ("/said-nothing", null, 401), ("/said-nothing", ApiHost.WorkerToken, 401), ("/said-nothing", ApiHost.Key, 403),
            ("/internal/probe", null, 401), ("/internal/probe", ApiHost.Key, 401), ("/internal/probe", ApiHost.WorkerToken + "x", 401),
            ("/internal/probe", ApiHost.WorkerToken, 200),
        })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (key is not null)
                request.Headers.Authorization = new("Bearer", key);
            using var response = await http.SendAsync(request);
            Assert.True(status == (int)response.StatusCode, $"{path} with {key ?? "nothing"}: {response.StatusCode}");
        }
        await app.StopAsync();
    }

    [Fact]
    public async Task A_new_key_is_shown_once_and_opens_its_project()
    {
        var made = (await _api.PostAsync("/api/v1/api-keys", new { name = "CI" })).Ok(201);
        var key = made["key"].GetString()!;
        Assert.StartsWith("flk_", key, StringComparison.Ordinal);
        var me = (await _api.GetAsync("/api/v1/me", key)).Ok();
        Assert.Equal("CI", me["key"].GetProperty("name").GetString());
        Assert.Equal("Default", me["project"].GetProperty("name").GetString());
        Assert.DoesNotContain(key, (await _api.GetAsync("/api/v1/api-keys")).Ok().Text, StringComparison.Ordinal);
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM api_keys WHERE key_prefix = $1 OR name = $1", key));
    }

    [Fact]
    public async Task A_revoked_key_is_shut_out_at_once()
    {
        var made = (await _api.PostAsync("/api/v1/api-keys", new { name = "Leaver" })).Ok(201);
        var key = made["key"].GetString()!;
        (await _api.GetAsync("/api/v1/me", key)).Ok();
        (await _api.DeleteAsync($"/api/v1/api-keys/{made["id"]}")).Ok(204);
        (await _api.GetAsync("/api/v1/me", key)).Problem(401);
    }

    [Fact]
    public async Task A_key_that_another_replica_has_revoked_is_believed_for_30_s_at_most()
    {
        var made = (await _api.PostAsync("/api/v1/api-keys", new { name = "Leaver" })).Ok(201);
        var key = made["key"].GetString()!;
        (await _api.GetAsync("/api/v1/me", key)).Ok();
        await _database.ScalarAsync("UPDATE api_keys SET revoked_at = now() WHERE id = $1", made["id"].GetGuid());
        _clock.Advance(TimeSpan.FromSeconds(10));
        (await _api.GetAsync("/api/v1/flows", key)).Ok();
        _clock.Advance(TimeSpan.FromSeconds(20));
        (await _api.GetAsync("/api/v1/flows", key)).Problem(401);
    }

    [Fact]
    public async Task A_key_ends_at_its_time_without_being_read_again()
    {
        var made = (await _api.PostAsync("/api/v1/api-keys", new { name = "Short", expiresAt = _clock.GetUtcNow().AddSeconds(5) })).Ok(201);
        var key = made["key"].GetString()!;
        (await _api.GetAsync("/api/v1/me", key)).Ok();
        _clock.Advance(TimeSpan.FromSeconds(5));
        (await _api.GetAsync("/api/v1/me", key)).Problem(401);
    }

    [Fact]
    public async Task The_time_of_last_use_is_written_beside_the_requests()
    {
        (await _api.GetAsync("/api/v1/me")).Ok();
        await _api.App.Services.GetRequiredService<ApiKeyCache>().FlushAsync(default);
        Assert.IsType<DateTime>(await _database.ScalarAsync("SELECT last_used_at FROM api_keys WHERE key_prefix = $1", ApiHost.Key[..12]));
    }

    [Fact]
    public async Task A_known_key_costs_no_round_trip()
    {
        await using var database = new TestDatabase(platform);
        await using var api = await ApiHost.StartAsync(database.ConnectionString, platform);
        (await api.GetAsync("/api/v1/pieces/http")).Ok();
        await database.ScalarAsync("ALTER TABLE api_keys RENAME TO api_keys_away");
        for (var i = 0; i < 100; i++)
            (await api.GetAsync("/api/v1/pieces/http")).Ok();
        (await api.GetAsync("/api/v1/pieces/http", ApiKey.Generate())).Problem(500);
    }

    [Fact]
    public async Task The_bootstrap_key_of_a_second_start_is_the_same_key()
    {
        await using (await ApiHost.StartAsync(_database.ConnectionString, platform))
        {
            Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM projects WHERE name = 'Default'"));
            Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM api_keys WHERE name = 'Bootstrap'"));
        }
    }

    [Fact]
    public async Task Three_replicas_that_start_at_once_make_one_project_and_one_sample()
    {
        await using var fresh = new TestDatabase(platform);
        var replicas = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => ApiHost.StartUnfilledAsync(fresh.ConnectionString, platform)));
        Assert.Equal(1L, await fresh.ScalarAsync("SELECT count(*) FROM projects"));
        Assert.Equal(1L, await fresh.ScalarAsync("SELECT count(*) FROM flows WHERE name = 'Hello' AND published_version_id IS NOT NULL"));
        foreach (var replica in replicas)
        {
            (await replica.GetAsync("/api/v1/me")).Ok();
            await replica.DisposeAsync();
        }
    }

    [Fact]
    public async Task Another_projects_keys_are_not_there()
    {
        var other = await ApiHost.AddProjectAsync(_database);
        var made = (await _api.PostAsync("/api/v1/api-keys", new { name = "Mine" })).Ok(201);
        (await _api.DeleteAsync($"/api/v1/api-keys/{made["id"]}", other)).Problem(404);
        Assert.Single((await _api.GetAsync("/api/v1/api-keys", other)).Ok()["items"].EnumerateArray());
    }
}
