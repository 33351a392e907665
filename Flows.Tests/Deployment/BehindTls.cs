using Flows.Api.Migrations;
using Flows.Tests.Api;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Deployment;

/// <summary>The API and a Postgres with a certificate; Redis behind TLS has its tests beside the queue (<see cref="Queue.SecuredRedis"/>).</summary>
[Collection(Platform.Databases)]
public sealed class BehindTls(Platform platform)
{
    private const string Sum = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [ { "name": "answer", "kind": "respond", "body": "{{trigger.body.n + 1}}" } ] }
        """;

    [SecuredPostgresFact]
    public async Task Every_connection_of_the_API_is_encrypted_and_the_server_is_the_one_that_was_named()
    {
        await using var postgres = await SecuredPostgres.StartAsync();
        await using var api = await ApiHost.StartUnfilledAsync(postgres.ConnectionString(postgres.Authority), platform);
        await api.App.Services.GetRequiredService<SchemaState>().WaitUntilReadyAsync(default).WaitAsync(TimeSpan.FromSeconds(60));

        var flow = (await api.PostAsync("/api/v1/flows", new { name = "Sum", definition = System.Text.Json.JsonElement.Parse(Sum) })).Ok(201)["id"].GetGuid();
        (await api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        (await api.PostAsync($"/api/v1/flows/{flow}/runs", new { n = 1 })).Ok(202);

        Assert.Equal(1L, await postgres.ScalarAsync("SELECT count(*) FROM runs"));
        var seen = (string)(await postgres.ScalarAsync("""
            SELECT string_agg(DISTINCT format('%s %s', s.ssl, s.version), ', ') FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'client backend'
            """))!;
        Assert.StartsWith("t TLSv1.", seen, StringComparison.Ordinal);
        Assert.DoesNotContain(',', seen);
    }

    [SecuredPostgresFact]
    public async Task A_certificate_that_nobody_vouches_for_is_not_told_the_password()
    {
        await using var postgres = await SecuredPostgres.StartAsync();
        await using var api = await ApiHost.StartUnfilledAsync(postgres.ConnectionString(authority: null), platform, new() { ["Logging:LogLevel:Default"] = "None" });

        (await api.GetAsync("/api/v1/flows")).Problem(503);
        Assert.Contains("The database cannot be used", (await api.GetAsync("/health", key: null)).Ok(503).Text, StringComparison.Ordinal);
        Assert.Equal(0L, await postgres.ScalarAsync("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"));
    }
}
