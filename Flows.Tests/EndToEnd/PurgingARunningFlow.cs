using System.Net;
using Flows.Api.Flows.Deleted;
using Npgsql;

namespace Flows.Tests.EndToEnd;

/// <summary>Flows that are deleted and purged at once while workers are in the middle of their runs.</summary>
[Collection(nameof(Platform))]
public sealed class PurgingARunningFlow(Platform platform)
{
    [Fact]
    public async Task The_runs_end_their_workers_are_told_and_nothing_of_them_comes_back()
    {
        await using var gate = await Gate.StartAsync();
        // One waits for an answer; the other keeps writing whatever a step can: lines of the journal, values of the flow, files.
        var held = await PublishAsync($$"""{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{gate.Address}}" } }""");
        var busy = await PublishAsync("""
            { "name": "each", "kind": "loop", "items": "{{range(0, 50000)}}", "steps": [
              { "name": "keep", "kind": "action", "piece": "storage", "action": "put", "input": { "key": "k", "value": "{{each.index}}" } },
              { "name": "file", "kind": "action", "piece": "file", "action": "write", "input": { "name": "n.txt", "content": "{{each.index}}" } } ] }
            """);
        var runs = new[] { await platform.Api.StartAsync(held), await platform.Api.StartAsync(busy) };
        await gate.ArrivalAsync();
        await platform.UntilStepAsync(runs[1], "each[3].file", "Succeeded");

        foreach (var flow in (Guid[])[held, busy])
        {
            await platform.Api.SendAsync(HttpMethod.Delete, $"/api/v1/flows/{flow}", null);
            await platform.Api.SendAsync(HttpMethod.Post, $"/api/v1/flows/deleted/{flow}/purge", null);
        }

        await gate.DepartureAsync(); // the connection went with the engine
        await platform.UntilIdleAsync();
        await UntilGoneAsync([held, busy]);
        foreach (var run in runs)
        {
            using var answer = await platform.Api.AskAsync(HttpMethod.Get, $"/api/v1/runs/{run}", null);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
        Assert.Equal([], await LeftAsync(runs, [held, busy]));

        // The workers go on with others.
        var next = await platform.Api.UntilFinalAsync(await platform.Api.StartAsync(await PublishAsync("""{ "name": "set", "kind": "action", "piece": "data", "action": "set", "input": { "value": 1 } }""")));
        Assert.Equal("Succeeded", next.GetProperty("status").GetString());
        Assert.Equal([], await LeftAsync(runs, [held, busy]));
    }

    private async Task<Guid> PublishAsync(string step) => await platform.Api.PublishAsync("Purged",
        $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} }, "steps": [ {{step}} ] }""");

    private async Task UntilGoneAsync(Guid[] flows)
    {
        await using var source = NpgsqlDataSource.Create(platform.FlowsConnectionString);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (true)
        {
            await using var command = source.CreateCommand("SELECT count(*) FROM flows WHERE id = ANY($1)");
            command.Parameters.Add(new() { Value = flows });
            if ((long)(await command.ExecuteScalarAsync(limit.Token))! == 0)
                return;
            await tick.WaitForNextTickAsync(limit.Token);
        }
    }

    /// <summary>The tables that still hold something of a run or a flow, with how much.</summary>
    private async Task<List<string>> LeftAsync(Guid[] runs, Guid[] flows)
    {
        await using var source = NpgsqlDataSource.Create(platform.FlowsConnectionString);
        await using var connection = await source.OpenConnectionAsync();
        var left = new List<string>();
        foreach (var (table, column, ids) in (await FlowPurger.TablesOfRunsAsync(connection, default)).Select(table => (table, "run_id", runs))
            .Concat([("runs", "id", runs), ("runs", "flow_id", flows), ("stored_values", "flow_id", flows), ("flow_versions", "flow_id", flows), ("flows", "id", flows)]))
        {
            await using var command = new NpgsqlCommand($"SELECT count(*) FROM {table} WHERE {column} = ANY($1)", connection) { Parameters = { new() { Value = ids } } };
            if ((long)(await command.ExecuteScalarAsync())! is var count and > 0)
                left.Add($"{table}: {count}");
        }
        return left;
    }
}
