using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;

namespace Flows.Tests.LocalHosting;

[Collection(Platform.Queues)]
public sealed class ServersFromOutside(Platform platform)
{
    [Fact]
    public async Task Given_connection_strings_are_used_and_no_server_is_started()
    {
        using var limit = new CancellationTokenSource(RunningAppHost.Patience);
        await using var builder = Create($"--ConnectionStrings:flowsdb={platform.PostgresConnectionString}", $"--ConnectionStrings:redis={platform.RedisConnectionString}");
        builder.AddPostgres("postgres").AddDatabase("flowsdb");
        builder.AddRedis("redis");
        await using var app = await builder.BuildAsync(limit.Token);
        await app.StartAsync(limit.Token);

        var database = await app.ResourceNotifications.WaitForResourceHealthyAsync("flowsdb", limit.Token);
        var redis = await app.ResourceNotifications.WaitForResourceHealthyAsync("redis", limit.Token);

        Assert.Null(RunningAppHost.PidOf(database));
        Assert.Null(RunningAppHost.PidOf(redis));
        Assert.Equal(platform.PostgresConnectionString, await app.GetConnectionStringAsync("flowsdb", limit.Token));
        Assert.Equal(platform.RedisConnectionString, await app.GetConnectionStringAsync("redis", limit.Token));
    }

    [Fact]
    public async Task A_database_that_is_not_there_fails_what_waits_for_it()
    {
        using var limit = new CancellationTokenSource(RunningAppHost.Patience);
        await using var builder = Create($"--ConnectionStrings:flowsdb={platform.PostgresConnectionString.Replace("Database=postgres", "Database=nobody_made_this", StringComparison.Ordinal)}");
        var database = builder.AddPostgres("postgres").AddDatabase("flowsdb");
        builder.AddProject<Projects.Flows_Api>("api").WaitFor(database);
        await using var app = await builder.BuildAsync(limit.Token);
        await app.StartAsync(limit.Token);

        var error = await Assert.ThrowsAsync<DistributedApplicationException>(() => app.ResourceNotifications.WaitForResourceHealthyAsync("api", limit.Token));

        Assert.Equal("api could not be started: it waits for 'flowsdb', which could not be started", error.Message);
    }

    [Theory]
    [InlineData("localhost:6390", "localhost", 6390, null, false)]
    [InlineData("redis.example:7000,password=a=b,ssl=true", "redis.example", 7000, "a=b", true)]
    [InlineData("one:1,two:2,password=x", "one", 1, "x", false)]
    [InlineData("bare", "bare", 6379, null, false)]
    public void A_redis_connection_string_names_a_place(string text, string host, int port, string? password, bool tls)
    {
        var address = Flows.LocalHosting.Servers.RedisAddress.Parse(text);
        Assert.Equal((host, port, password, tls), (address.Host, address.Port, address.Password, address.Tls));
    }

    private static IDistributedApplicationTestingBuilder Create(params string[] args) =>
        DistributedApplicationTestingBuilder.Create([.. RunningAppHost.Ephemeral, .. args]);
}
