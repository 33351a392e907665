using System.Net;
using System.Net.Sockets;
using Flows.Api.Migrations;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Flows.Tests.Api;

[Collection(Platform.Apis)]
public sealed class StartingWithoutPostgres(Platform platform)
{
    [Fact]
    public async Task The_process_answers_503_and_goes_on_by_itself_when_Postgres_comes()
    {
        await using var database = new TestDatabase(platform);
        var real = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var away = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1", Port = port };
        await using var api = await ApiHost.StartUnfilledAsync(away.ConnectionString, platform, new() { ["Logging:LogLevel:Default"] = "None" });

        var refused = await api.GetAsync("/api/v1/flows");
        refused.Problem(503);
        Assert.NotNull(refused.Headers.RetryAfter);
        var health = (await api.GetAsync("/health", key: null)).Ok(503);
        Assert.Contains("The database cannot be used", health.Text, StringComparison.Ordinal);
        (await api.GetAsync("/ready", key: null)).Ok(503);
        (await api.GetAsync("/alive", key: null)).Ok();

        using var stop = new CancellationTokenSource();
        var forwarding = ForwardAsync(port, real.Host!, real.Port, stop.Token);
        await api.App.Services.GetRequiredService<SchemaState>().WaitUntilReadyAsync(default).WaitAsync(TimeSpan.FromSeconds(20));
        (await api.GetAsync("/api/v1/me")).Ok();
        (await api.GetAsync("/health", key: null)).Ok();
        (await api.GetAsync("/ready", key: null)).Ok();

        await stop.CancelAsync();
        await forwarding;
        NpgsqlConnection.ClearAllPools();
        api.App.Services.GetRequiredService<NpgsqlDataSource>().Clear();
        var lost = await api.GetAsync("/api/v1/flows");
        lost.Problem(503);
        Assert.NotNull(lost.Headers.RetryAfter);
    }

    [Fact]
    public async Task A_database_of_another_version_ends_the_process()
    {
        await using var database = new TestDatabase(platform);
        await using (await ApiHost.StartAsync(database.ConnectionString, platform))
        {
        }
        await database.ScalarAsync("INSERT INTO schema_migrations (number, name, checksum) VALUES (9999, '9999_later', '')");
        await using var app = ApiHost.Create(database.ConnectionString, platform, new() { ["Logging:LogLevel:Default"] = "None" });
        var state = app.Services.GetRequiredService<SchemaState>();
        await app.RunAsync().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Contains("9999_later", state.Refusal, StringComparison.Ordinal);
    }

    /// <summary>Connects every caller of a port with the real server, until it is cancelled; then every connection breaks.</summary>
    private static async Task ForwardAsync(int port, string host, int realPort, CancellationToken cancel)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        var copies = new List<Task>();
        try
        {
            while (true)
                copies.Add(CopyAsync(await listener.AcceptTcpClientAsync(cancel)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(copies);
        }

        async Task CopyAsync(TcpClient caller)
        {
            using var _ = caller;
            using var server = new TcpClient();
            try
            {
                await server.ConnectAsync(host, realPort, cancel);
                await Task.WhenAny(
                    caller.GetStream().CopyToAsync(server.GetStream(), cancel), server.GetStream().CopyToAsync(caller.GetStream(), cancel));
            }
            catch (Exception error) when (error is OperationCanceledException or IOException or SocketException)
            {
                // One side has gone.
            }
        }
    }
}
