using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Triggers;

/// <summary>The whole way: API, workers and engines, against a GitHub of ours.</summary>
[Collection(nameof(Platform))]
public sealed class FollowingARepository(Platform platform) : IAsyncLifetime
{
    private readonly string _key = $"hub{Guid.CreateVersion7():n}";
    private readonly TaskCompletionSource<JsonElement> _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WebApplication _github = null!;
    private Guid _connection;

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        _github = builder.Build();
        _github.MapGet("/user", (HttpContext http) => http.Request.Headers.Authorization == "Bearer ghp_canary" ? Results.Json(new { login = "ada" }) : Results.StatusCode(401));
        _github.MapGet("/user/repos", () => Results.Json(new[] { new { name = "engine", owner = new { login = "ada" } } }));
        _github.MapGet("/repos/ada/engine/hooks", () => _registered.Task.IsCompleted && !_taken.Task.IsCompleted
            ? Results.Json(new[] { new { id = 7, config = new { url = _registered.Task.Result.GetProperty("config").GetProperty("url").GetString() } } })
            : Results.Json(Array.Empty<object>()));
        _github.MapPost("/repos/ada/engine/hooks", async (HttpContext http) =>
        {
            _registered.TrySetResult(await http.Request.ReadFromJsonAsync<JsonElement>());
            return Results.Json(new { id = 7 }, statusCode: 201);
        });
        _github.MapDelete("/repos/ada/engine/hooks/7", () =>
        {
            _taken.TrySetResult();
            return Results.NoContent();
        });
        await _github.StartAsync();
        _connection = (await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/connections",
            $$"""{ "key": "{{_key}}", "piece": "github", "value": { "token": "ghp_canary", "address": "{{_github.Urls.Single()}}" } }""")).GetProperty("id").GetGuid();
    }

    public async Task DisposeAsync() => await _github.DisposeAsync();

    [Fact]
    public async Task A_hook_is_registered_starts_runs_with_signed_events_and_is_taken_away()
    {
        var flow = await platform.Api.PublishAsync("Pushes", $$"""
            { "schema": 1, "trigger": { "piece": "github", "event": "repository_event", "connection": "{{_key}}", "input": { "owner": "ada", "repository": "engine", "events": ["push"] } },
              "steps": [ { "name": "ref", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{"{{trigger.event}} {{trigger.data.ref}}"}}" } } ] }
            """);
        var config = (await _registered.Task.WaitAsync(TimeSpan.FromSeconds(60))).GetProperty("config");

        const string body = """{ "ref": "refs/heads/main" }""";
        using var push = new HttpRequestMessage(HttpMethod.Post, config.GetProperty("url").GetString()) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        push.Headers.Add("X-GitHub-Event", "push");
        push.Headers.Add("X-GitHub-Delivery", "d-1");
        push.Headers.Add("X-Hub-Signature-256",
            $"sha256={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(config.GetProperty("secret").GetString()!), Encoding.UTF8.GetBytes(body)))}");
        using var accepted = await platform.Api.Http.SendAsync(push);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        var run = await platform.Api.UntilFinalAsync(JsonElement.Parse(await accepted.Content.ReadAsStringAsync()).GetProperty("runId").GetGuid());
        Assert.Equal("push refs/heads/main", run.GetProperty("output").GetString());

        await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/disable", null);
        await _taken.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task Options_and_the_test_of_the_connection_are_asked_by_a_worker()
    {
        var test = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/connections/{_connection}/test", null);
        Assert.True(test.GetProperty("ok").GetBoolean(), test.ToString());
        Assert.Equal("ada", test.GetProperty("account").GetString());
        var options = await platform.Api.SendAsync(HttpMethod.Post, "/api/v1/pieces/github/options", $$"""{ "source": "repositories", "connection": "{{_key}}", "input": { "owner": "ada" } }""");
        Assert.Equal("engine", options.GetProperty("items")[0].GetProperty("value").GetString());

        await platform.Api.SendAsync(HttpMethod.Patch, $"/api/v1/connections/{_connection}", """{ "value": { "token": "ghp_wrong" } }""");
        test = await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/connections/{_connection}/test", null);
        Assert.Equal((false, "unauthorized"), (test.GetProperty("ok").GetBoolean(), test.GetProperty("code").GetString()));
        Assert.DoesNotContain("ghp_", test.ToString(), StringComparison.Ordinal);
    }
}
