using System.Net;
using System.Runtime.Versioning;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Flows.LocalHosting.Processes;
using Flows.LocalHosting.Servers;
using Npgsql;

namespace Flows.Tests.LocalHosting;

[Collection(nameof(RunningAppHost))]
[UnsupportedOSPlatform("windows")]
public sealed class TheWholeAppHost(RunningAppHost host)
{
    [Fact]
    public async Task The_api_and_the_workers_answer_at_their_endpoints()
    {
        using var api = host.App.CreateHttpClient("api");
        using var worker = host.App.CreateHttpClient("worker", "http");

        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/health")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await worker.GetAsync("/health")).StatusCode);
        Assert.Equal(host.App.GetEndpoint("api", "http"), api.BaseAddress);
    }

    [Fact]
    public async Task Postgres_and_redis_take_the_connection_strings_of_the_application()
    {
        await using var connection = new NpgsqlConnection(await host.App.GetConnectionStringAsync("flowsdb"));
        await connection.OpenAsync();
        await using var settings = new NpgsqlCommand("SELECT current_setting('fsync') || ' ' || current_setting('listen_addresses') || ' ' || current_database()", connection);
        Assert.Equal("on 127.0.0.1 flowsdb", await settings.ExecuteScalarAsync());

        var redis = RedisAddress.Parse((await host.App.GetConnectionStringAsync("redis"))!);
        Assert.Null(await RedisPing.AskAsync(redis, CancellationToken.None));
        Assert.StartsWith("WRONGPASS", await RedisPing.AskAsync(redis with { Password = "guessed" }, CancellationToken.None), StringComparison.Ordinal);
    }

    [Fact]
    public void The_api_gets_the_variables_that_aspire_would_give_it()
    {
        var environment = host.EnvironmentOf("api");
        var database = new NpgsqlConnectionStringBuilder(environment["ConnectionStrings__flowsdb"]);

        Assert.Equal($"Host={database.Host};Port={database.Port};Username=postgres;Password={database.Password};Database=flowsdb", environment["ConnectionStrings__flowsdb"]);
        Assert.Equal(database.Host, environment["FLOWSDB_HOST"]);
        Assert.Equal($"{database.Port}", environment["FLOWSDB_PORT"]);
        Assert.Equal("postgres", environment["FLOWSDB_USERNAME"]);
        Assert.Equal(database.Password, environment["FLOWSDB_PASSWORD"]);
        Assert.Equal("flowsdb", environment["FLOWSDB_DATABASENAME"]);
        Assert.Equal($"postgresql://postgres:{database.Password}@{database.Host}:{database.Port}/flowsdb", environment["FLOWSDB_URI"]);
        Assert.Equal($"jdbc:postgresql://{database.Host}:{database.Port}/flowsdb", environment["FLOWSDB_JDBCCONNECTIONSTRING"]);
        Assert.Matches(@"^localhost:\d+,password=.+$", environment["ConnectionStrings__redis"]);
        Assert.Equal($"localhost:{environment["REDIS_PORT"]},password={environment["REDIS_PASSWORD"]}", environment["ConnectionStrings__redis"]);
        Assert.Equal($"redis://:{environment["REDIS_PASSWORD"]}@{environment["REDIS_HOST"]}:{environment["REDIS_PORT"]}", environment["REDIS_URI"]);
        Assert.Equal(host.App.GetEndpoint("api").ToString().TrimEnd('/'), environment["ASPNETCORE_URLS"]);
        Assert.Equal("http", environment["DOTNET_LAUNCH_PROFILE"]);
        Assert.Equal("Development", environment["ASPNETCORE_ENVIRONMENT"]);
        Assert.Equal("api", environment["OTEL_SERVICE_NAME"]);
        Assert.Matches("^service.instance.id=[a-z0-9]{6}$", environment["OTEL_RESOURCE_ATTRIBUTES"]);
        Assert.Equal("APP", environment["Flows__ContainerType"]);
        Assert.True(environment["Flows__Security__EncryptionKey"]!.Length >= 43);
        Assert.Equal(File.ReadAllText(Path.Combine(host.DataFolder, "api-key")), environment["Flows__Bootstrap__ApiKey"]);
    }

    [Fact]
    public void A_worker_knows_redis_and_the_api_but_no_database()
    {
        var environment = host.EnvironmentOf("worker");
        var api = host.App.GetEndpoint("api").ToString().TrimEnd('/');

        Assert.Equal(api, environment["services__api__http__0"]);
        Assert.Equal(api, environment["API_HTTP"]);
        Assert.Equal(host.EnvironmentOf("api")["Flows__Security__WorkerToken"], environment["Flows__Security__WorkerToken"]);
        Assert.Contains("ConnectionStrings__redis", environment.Keys);
        Assert.DoesNotContain(environment, variable => variable.Key.Contains("flowsdb", StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("Flows__Security__EncryptionKey", environment.Keys);
        Assert.DoesNotContain("Flows__Bootstrap__ApiKey", environment.Keys);
    }

    [Fact]
    public void Settings_given_to_the_apphost_reach_the_processes()
    {
        Assert.Equal("7", host.EnvironmentOf("worker")["Flows__Worker__Concurrency"]);
        Assert.Equal("3", host.EnvironmentOf("api")["Flows__Limits__PayloadMiB"]);
        Assert.DoesNotContain("Flows__DataDirectory", host.EnvironmentOf("api").Keys);
    }

    [Fact]
    public void Each_waits_for_what_it_needs()
    {
        Assert.True(Started("api") > Started("postgres"));
        Assert.True(Started("api") > Started("redis"));
        Assert.True(Started("worker") > Started("api"));

        DateTime Started(string resource) => host.ReplicasOf(resource)[0].Snapshot.StartTimeStamp!.Value;
    }

    [Fact]
    public async Task A_killed_replica_is_started_again_under_the_same_id()
    {
        using var limit = new CancellationTokenSource(RunningAppHost.Patience);
        var replicas = host.ReplicasOf("worker");
        Assert.Equal(2, replicas.Select(RunningAppHost.PidOf).OfType<int>().Distinct().Count());

        var victim = replicas[0];
        var pid = RunningAppHost.PidOf(victim)!.Value;
        Assert.True(Native.Send(pid, Native.SigKill));
        var back = await host.App.ResourceNotifications.WaitForResourceAsync(
            "worker", news => news.ResourceId == victim.ResourceId && RunningAppHost.PidOf(news) is { } now && now != pid, limit.Token);

        Assert.Equal(KnownResourceStates.Running, back.Snapshot.State?.Text);
        await host.App.ResourceNotifications.WaitForResourceHealthyAsync("worker", limit.Token);
        Assert.True(host.App.ResourceNotifications.TryGetCurrentState(victim.ResourceId, out var current));
        Assert.NotEqual(pid, RunningAppHost.PidOf(current));
    }

    [Fact]
    public void Files_with_secrets_can_be_read_by_their_owner_alone()
    {
        foreach (var name in (string[])["api-key", "secrets.json", Path.Combine("redis", "redis.conf")])
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(host.DataFolder, name)));
        Assert.Matches("^flk_[A-Za-z0-9_-]{43}$", File.ReadAllText(Path.Combine(host.DataFolder, "api-key")));
    }

    [Fact]
    public void The_state_file_tells_where_it_is()
    {
        using var state = System.Text.Json.JsonDocument.Parse(File.ReadAllText(Path.Combine(host.DataFolder, "state.json")));
        Assert.Equal(Environment.ProcessId, state.RootElement.GetProperty("pid").GetInt32());
        Assert.Equal(host.App.GetEndpoint("api").ToString().TrimEnd('/'), state.RootElement.GetProperty("api").GetString());
    }
}
