using System.Text.Json;
using Flows.Api.Connections;
using Flows.Api.Connections.Keys;
using Flows.Tests.Api;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Connections;

[Collection(nameof(Platform))]
public sealed class RotatingKeys(Platform platform) : IAsyncLifetime
{
    private const string Old = "the-old-key-9Xc4VbN2mKqL8wErT6yUiOp1";
    private const string New = "the-new-key-7Jk4VbN2mKqL8wErT6yUiOp1";
    private readonly TestDatabase _database = new(platform);
    private TokenService _service = null!;

    public async Task InitializeAsync() => _service = await TokenService.StartAsync();

    public async Task DisposeAsync()
    {
        await _service.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Everything_is_sealed_anew_and_then_the_old_key_is_not_needed()
    {
        string oldId;
        var last = Guid.Empty;
        await using (var before = await StartAsync(Old))
        {
            oldId = before.App.Services.GetRequiredService<SecretEnvelope>().CurrentKeyId;
            for (var i = 0; i < 120; i++) // more than a batch
                last = (await before.PostAsync("/api/v1/connections", $$"""{ "key": "c{{i}}", "kind": "secret", "value": { "token": "token-{{i}}" } }""")).Ok(201)["id"].GetGuid();
            (await before.PostAsync("/api/v1/connections", new { key = "machine", kind = "oauth2", value = _service.Fields("client_credentials") })).Ok(201);
            (await before.SendAsync(HttpMethod.Put, "/api/v1/oauth-apps/ours", new { clientId = "c", clientSecret = "s" })).Ok();
            var person = (await before.PostAsync("/api/v1/connections", new { key = "person", kind = "oauth2", value = _service.Fields() })).Ok(201);
            (await before.PostAsync($"/api/v1/connections/{person["id"]}/oauth/start", "{}")).Ok();
            Assert.Equal("Healthy", await HealthAsync(before));
        }

        await using (var between = await StartAsync(New, Old))
        {
            var keys = (await between.GetAsync("/api/v1/system/keys")).Ok();
            var rows = keys["items"].EnumerateArray().Single(item => item.GetProperty("id").GetString() == oldId).GetProperty("rows");
            Assert.Equal((123, 1, 1), (rows.GetProperty("connections").GetInt32(), rows.GetProperty("oauth_apps").GetInt32(), rows.GetProperty("oauth_sign_ins").GetInt32()));
            Assert.DoesNotContain(Old, keys.Text, StringComparison.Ordinal);

            (await between.PostAsync("/api/v1/system/keys/rotate")).Ok(202);
            var rotation = between.App.Services.GetRequiredService<KeyRotation>();
            JsonElement now;
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            do // beside the host's own looks; the row is whoever's comes first
            {
                await rotation.SweepAsync(limit.Token);
                now = (await between.GetAsync("/api/v1/system/keys")).Ok()["rotation"];
            }
            while (now.GetProperty("endedAt").ValueKind == JsonValueKind.Null);
            Assert.Equal((125, 125, 0), (now.GetProperty("total").GetInt32(), now.GetProperty("moved").GetInt32(), now.GetProperty("broken").GetInt32()));
        }

        await using var after = await StartAsync(New);
        Assert.Equal("Healthy", await HealthAsync(after));
        Assert.Single((await after.GetAsync("/api/v1/system/keys")).Ok()["items"].EnumerateArray());
        (await after.SendAsync(HttpMethod.Patch, $"/api/v1/connections/{last}", """{ "value": { "token": "changed" } }""")).Ok(); // it opens
    }

    [Fact]
    public async Task A_key_that_is_in_use_and_not_set_is_named_and_what_it_sealed_is_left_alone()
    {
        string oldId;
        await using (var before = await StartAsync(Old))
        {
            oldId = before.App.Services.GetRequiredService<SecretEnvelope>().CurrentKeyId;
            (await before.PostAsync("/api/v1/connections", """{ "key": "lost", "kind": "secret", "value": { "token": "x" } }""")).Ok(201);
        }
        await using var after = await StartAsync(New);
        Assert.Equal("Degraded", await HealthAsync(after));
        Assert.Contains(oldId, (await after.GetAsync("/health")).Text, StringComparison.Ordinal);
        Assert.Contains("Flows__Security__PreviousEncryptionKeys", (await after.GetAsync("/health")).Text, StringComparison.Ordinal);

        (await after.PostAsync("/api/v1/system/keys/rotate")).Ok(202);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        JsonElement now;
        do
        {
            await after.App.Services.GetRequiredService<KeyRotation>().SweepAsync(limit.Token);
            now = (await after.GetAsync("/api/v1/system/keys")).Ok()["rotation"];
        }
        while (now.GetProperty("endedAt").ValueKind == JsonValueKind.Null);
        Assert.Equal((0, 1), (now.GetProperty("moved").GetInt32(), now.GetProperty("broken").GetInt32()));

        await using var again = await StartAsync(Old);
        Assert.Equal("Healthy", await HealthAsync(again));
    }

    private Task<ApiHost> StartAsync(string key, params string[] previous)
    {
        var settings = new Dictionary<string, string> { ["Flows:Security:EncryptionKey"] = key, ["Flows:Execution:Allow"] = "127.0.0.0/8" };
        foreach (var (i, one) in previous.Index())
            settings[$"Flows:Security:PreviousEncryptionKeys:{i}"] = one;
        return ApiHost.StartAsync(_database.ConnectionString, platform, settings);
    }

    private static async Task<string?> HealthAsync(ApiHost host) =>
        (await host.GetAsync("/health"))["checks"].GetProperty("encryption keys").GetProperty("status").GetString();
}
