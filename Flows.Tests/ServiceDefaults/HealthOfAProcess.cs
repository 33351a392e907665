using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.ServiceDefaults;

/// <summary>What a probe learns from /health and /alive, with what the process needs there, gone, or silent.</summary>
[Collection(Platform.Apis)]
public sealed class HealthOfAProcess(Platform platform)
{
    // A port that answers nobody: connections are accepted by the kernel and never read.
    private static readonly System.Net.Sockets.TcpListener s_silent = Silent();

    [Fact]
    public async Task Says_which_checks_passed()
    {
        await using var app = await StartAsync(platform.RedisConnectionString, platform.PostgresConnectionString);

        var (status, body) = await AskAsync(app, "/health");

        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal("Healthy", body.GetProperty("status").GetString());
        Assert.Equal("Healthy", Check(body, "PostgreSql").GetProperty("status").GetString());
        Assert.Equal("Healthy", Check(body, "StackExchange.Redis").GetProperty("status").GetString());
    }

    [Fact]
    public async Task Starts_without_what_it_needs_and_says_what_is_missing_without_a_secret()
    {
        await using var app = await StartAsync("127.0.0.1:1,password=hidden-word", "Host=127.0.0.1;Port=1;Username=u;Password=hidden-word;Database=d");

        var (status, body) = await AskAsync(app, "/health");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.NotNull(Check(body, "PostgreSql").GetProperty("reason").GetString());
        Assert.NotNull(Check(body, "StackExchange.Redis").GetProperty("reason").GetString());
        Assert.DoesNotContain("hidden-word", body.GetRawText(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(app, "/alive")).Status);
    }

    [Fact]
    public async Task Is_ready_without_what_it_does_not_need_and_not_without_the_rest()
    {
        await using (var app = await StartAsync("127.0.0.1:1", platform.PostgresConnectionString, builder => builder.Services.AddReadinessWithout("StackExchange.Redis")))
        {
            var (status, body) = await AskAsync(app, "/ready");
            Assert.Equal(HttpStatusCode.OK, status);
            Assert.Equal("Healthy", Check(body, "PostgreSql").GetProperty("status").GetString());
            Assert.False(body.GetProperty("checks").TryGetProperty("StackExchange.Redis", out _));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await AskAsync(app, "/health")).Status);
        }
        await using var needsBoth = await StartAsync("127.0.0.1:1", platform.PostgresConnectionString);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await AskAsync(needsBoth, "/ready")).Status);
    }

    [Fact]
    public async Task A_silent_Redis_and_a_check_that_hangs_are_given_up_on()
    {
        var port = ((IPEndPoint)s_silent.LocalEndpoint).Port;
        await using var app = await StartAsync($"127.0.0.1:{port}", platform.PostgresConnectionString, builder =>
            builder.Services.AddHealthChecks().AddCheck("hangs", new Hanging()));

        var (status, body) = await AskAsync(app, "/health");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, status);
        Assert.Equal("Unhealthy", Check(body, "hangs").GetProperty("status").GetString());
        Assert.Equal("Unhealthy", Check(body, "StackExchange.Redis").GetProperty("status").GetString());
        Assert.Equal("Healthy", Check(body, "PostgreSql").GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_connection_string_that_is_missing_is_named()
    {
        // At the start in one stack, at the first use in the other: in both before the process takes work.
        var error = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using var app = await StartAsync(platform.RedisConnectionString, "");
            app.Services.GetRequiredService<Npgsql.NpgsqlDataSource>();
        });
        Assert.Contains("flowsdb", error.Message, StringComparison.Ordinal);
    }

    private static async Task<WebApplication> StartAsync(string redis, string postgres, Action<WebApplicationBuilder>? add = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:redis"] = redis,
            ["ConnectionStrings:flowsdb"] = postgres,
        });
        builder.AddServiceDefaults();
        builder.AddNpgsqlDataSource("flowsdb");
        builder.AddRedisClient("redis");
        add?.Invoke(builder);
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.MapDefaultEndpoints();
        await app.StartAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return app;
    }

    private static async Task<(HttpStatusCode Status, JsonElement Body)> AskAsync(WebApplication app, string path)
    {
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(60) };
        using var response = await http.GetAsync(address + path);
        return (response.StatusCode, JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsStringAsync()));
    }

    private static JsonElement Check(JsonElement body, string name) => body.GetProperty("checks").GetProperty(name);

    private static System.Net.Sockets.TcpListener Silent()
    {
        var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private sealed class Hanging : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            new TaskCompletionSource<HealthCheckResult>().Task;
    }
}
