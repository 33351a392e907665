using Flows.Api.Connections;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Tests.Runs;

namespace Flows.Tests.Connections;

[Collection(Platform.Databases)]
public sealed class ClaimingWithConnections(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    private const string Definition = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "a", "kind": "action", "piece": "p", "action": "x", "connection": "crm", "input": { "deep": [ { "t": "Bearer {{connections.mail.token}}" } ] } },
            { "name": "each", "kind": "loop", "items": "{{vars.list}}", "onError": { "steps": [
                { "name": "b", "kind": "action", "piece": "p", "action": "x", "input": { "t": "{{connections['lost'].token}}" } } ] },
              "steps": [ { "name": "r", "kind": "router", "branches": [ { "name": "Yes", "when": "{{true}}", "steps": [
                { "name": "c", "kind": "action", "piece": "p", "action": "x", "connection": "deepest", "input": {} } ] } ] } ] } ] }
        """;

    [Fact]
    public void The_needs_of_a_flow_are_found_wherever_they_stand()
    {
        var needs = FlowNeeds.Of(DefinitionReader.Read(RawJson.Parse(Definition).ToElement(), catalogue: null).Definition!);
        Assert.Equal(["crm", "deepest", "lost", "mail"], needs.Connections);
        Assert.True(needs.Variables);
    }

    [Fact]
    public async Task A_claim_carries_what_its_flow_names_and_nothing_else()
    {
        await using var host = await RunsHost.StartAsync(database);
        foreach (var key in new[] { "crm", "mail", "other" })
            await AddAsync(host, key);
        await database.ExecuteAsync("INSERT INTO variables (project_id, key, value, updated_at) VALUES ($1, 'list', '[1,2]', now())", database.Project);
        var (flow, _) = await database.PublishAsync(Definition);
        var run = await host.StartRunAsync(flow);

        var claim = await host.ClaimAsync(run);

        Assert.Equal(["crm", "mail"], claim!.Connections.Keys.Order());
        Assert.Equal("""{"token":"secret of mail"}""", claim.Connections["mail"].ToString());
        Assert.Equal("[1,2]", claim.Variables["list"].ToString());

        var plain = await host.ClaimAsync(await host.StartRunAsync(database.Flow));
        Assert.Empty(plain!.Connections);
        Assert.Empty(plain.Variables);
    }

    private async Task AddAsync(RunsHost host, string key)
    {
        var id = Guid.CreateVersion7();
        var bytes = host.Get<SecretEnvelope>().Seal(System.Text.Encoding.UTF8.GetBytes($$"""{"token":"secret of {{key}}"}"""), Connection.PlaceOf(database.Project, id));
        await database.ExecuteAsync(
            "INSERT INTO connections (id, project_id, key, name, kind, sealed, shown, created_at, updated_at) VALUES ($1, $2, $3, $3, 'secret', $4, '{}', now(), now())",
            id, database.Project, key, bytes);
    }
}
