using System.Net.Http.Json;
using Flows.Tests.Api;
using Flows.Tests.EndToEnd;

namespace Flows.Tests.Deployment;

[Collection(Platform.Apis)]
public sealed class BehindAPooler(Platform platform)
{
    private const int ServerConnections = 4;

    [PgBouncerFact]
    public async Task Two_processes_migrate_and_run_flows_through_pgbouncer_in_transaction_mode()
    {
        await using var database = new TestDatabase(platform);
        await using (var source = Npgsql.NpgsqlDataSource.Create(platform.PostgresConnectionString))
        await using (var create = source.CreateCommand($"CREATE DATABASE \"{database.Name}\""))
            await create.ExecuteNonQueryAsync();
        await using var pooler = await PgBouncer.StartAsync(platform.PostgresConnectionString, ServerConnections);
        var secrets = new[]
        {
            ("ConnectionStrings__flowsdb", pooler.ConnectionString(database.Name)),
            ("Flows__Security__EncryptionKey", "c1b9a47f20e86d53c1b9a4aa20e86d57"), ("Flows__Security__WorkerToken", "77e0d5b1f9a24c3877e0d5b1f9a24aa8"),
        };

        // Both at once over an empty database.
        var starting = new[] { FlowsProcess.StartAsync(database, platform.RedisConnectionString, secrets), FlowsProcess.StartAsync(database, platform.RedisConnectionString, secrets) };
        await using var one = await starting[0];
        await using var other = await starting[1];
        var flow = await one.Api.PublishAsync("Sum", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "n", "kind": "action", "piece": "data", "action": "set", "input": { "value": "{{trigger.body.n}}" } },
                         { "name": "pause", "kind": "wait", "for": "delay", "value": "00:00:01" },
                         { "name": "answer", "kind": "respond", "body": { "n": "{{n + 1}}" } } ] }
            """);

        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(async n =>
        {
            using var answer = await (n % 2 == 0 ? one : other).Api.Http.PostAsJsonAsync($"/webhooks/{flow}/sync", new { n });
            return await answer.Content.ReadAsStringAsync();
        }));

        Assert.Equal(Enumerable.Range(0, 60).Select(n => $"{{\"n\":{n + 1}}}"), answers);
        // Forty client connections may be open; Postgres sees four, and whoever asks this is one more.
        var seen = (long)(await database.ScalarAsync("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"))!;
        Assert.InRange(seen, 1, ServerConnections);
        var log = await one.EndAsync() + await other.EndAsync();
        Assert.DoesNotContain("prepared statement", log, StringComparison.Ordinal);
    }
}
