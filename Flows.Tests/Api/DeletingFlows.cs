using Flows.Api.Flows.Deleted;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Flows.Tests.Api;

/// <summary>A deleted flow can be restored for a while; then it and all that its runs have left are gone.</summary>
[Collection(Platform.Apis)]
public sealed class DeletingFlows(DeletingFlows.TwoRunsAtATime fixture) : IClassFixture<DeletingFlows.TwoRunsAtATime>, IAsyncLifetime
{
    private readonly TestDatabase _database = fixture.Database;
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await fixture.OfNewProjectAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_restored_flow_is_as_it_was_and_starts_runs_again()
    {
        var flow = await PublishedAsync("Orders", key: "orders");
        await CallAsync(flow);
        (await _api.DeleteAsync($"/api/v1/flows/{flow}")).Ok(204);
        (await _api.PostAsync($"/webhooks/{flow}", new { }, key: null)).Problem(404);
        var shown = (await _api.GetAsync("/api/v1/flows/deleted")).Ok()["items"].EnumerateArray().Single();
        Assert.Equal(30, Math.Round((shown.GetProperty("purgeAt").GetDateTimeOffset() - shown.GetProperty("deletedAt").GetDateTimeOffset()).TotalDays));

        var other = await PublishedAsync("Other orders", key: "orders");
        Assert.Equal("Another flow has its key by now. Change that one's key, or send withoutKey: true.", (await RestoreAsync(flow)).Detail(409));
        Assert.Equal("null", (await RestoreAsync(flow, new { withoutKey = true })).Ok()["key"].GetRawText());
        await CallAsync(flow);
        Assert.Equal(2, (await _api.GetAsync($"/api/v1/runs?flow={flow}")).Ok()["items"].GetArrayLength());
        (await RestoreAsync(flow)).Problem(404);
        Assert.Equal("orders", (await _api.GetAsync($"/api/v1/flows/{other}")).Ok()["key"].GetString());
    }

    [Fact]
    public async Task Another_project_neither_sees_nor_restores_nor_purges_it()
    {
        var flow = await PublishedAsync("Orders");
        (await _api.DeleteAsync($"/api/v1/flows/{flow}")).Ok(204);
        var other = await ApiHost.AddProjectAsync(_database);
        Assert.Equal(0, (await _api.GetAsync("/api/v1/flows/deleted", other)).Ok()["items"].GetArrayLength());
        (await _api.PostAsync($"/api/v1/flows/deleted/{flow}/restore", null, other)).Problem(404);
        (await _api.PostAsync($"/api/v1/flows/deleted/{flow}/purge", null, other)).Problem(404);
    }

    [Fact]
    public async Task A_purge_leaves_nothing_of_the_flow_and_everything_of_the_others()
    {
        var (flow, kept) = (await PublishedAsync("Gone"), await PublishedAsync("Kept"));
        for (var i = 0; i < 5; i++)
            await CallAsync(flow, idempotencyKey: $"call-{i}");
        var other = await CallAsync(kept, idempotencyKey: "call-0");
        (await _api.DeleteAsync($"/api/v1/flows/{flow}")).Ok(204);
        (await _api.PostAsync($"/api/v1/flows/deleted/{flow}/purge")).Ok(202);

        await PurgedAsync(flow);

        Assert.Equal(0, (await _api.GetAsync("/api/v1/flows/deleted")).Ok()["items"].GetArrayLength());
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM runs WHERE project_id = (SELECT project_id FROM flows WHERE id = $1)", kept));
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM webhook_keys WHERE flow_id IN ($1, $2)", flow, kept));
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM flow_versions WHERE flow_id = $1", flow));
        (await _api.GetAsync($"/api/v1/runs/{other}")).Ok();
        (await RestoreAsync(flow)).Problem(404);
    }

    [Fact]
    public async Task Every_table_with_rows_of_runs_is_among_those_that_are_purged()
    {
        await using var connection = new NpgsqlConnection(_database.ConnectionString);
        await connection.OpenAsync();
        var purged = await FlowPurger.TablesOfRunsAsync(connection, default);
        await using var command = new NpgsqlCommand("""
            SELECT c.relname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.attname = 'run_id' AND NOT a.attisdropped AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
            ORDER BY c.relname
            """, connection);
        var all = new List<string>();
        await using (var row = await command.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
                all.Add(row.GetString(0));
        }
        // Kept by the flow's id, and gone with it.
        all.Remove("webhook_keys");
        // Reports of killed workers outlive the sample run; they go with the project.
        all.Remove("chaos_drills");
        Assert.Equal(all, purged);
    }

    // The host's own housekeeper does it, and this one beside it, as a second replica would.
    private async Task PurgedAsync(Guid flow)
    {
        var purger = _api.App.Services.GetRequiredService<FlowPurger>();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while ((long)(await _database.ScalarAsync("SELECT count(*) FROM flows WHERE id = $1", flow))! > 0)
        {
            await purger.SweepAsync(limit.Token);
            await tick.WaitForNextTickAsync(limit.Token);
        }
    }

    private async Task<Guid> PublishedAsync(string name, string? key = null)
    {
        var flow = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "{{name}}", "key": {{(key is null ? "null" : $"\"{key}\"")}}, "definition": {{TestCatalogue.Flow(name)}} }""")).Ok(201)["id"].GetGuid();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        return flow;
    }

    private async Task<Guid> CallAsync(Guid flow, string? idempotencyKey = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{flow}");
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        using var answer = await _api.Http.SendAsync(request);
        Assert.Equal(202, (int)answer.StatusCode);
        return System.Text.Json.JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("runId").GetGuid();
    }

    public sealed class TwoRunsAtATime(Platform platform) : ApiFixture(platform)
    {
        protected override Dictionary<string, string> Settings => new() { ["Flows:DeletedFlows:RunsPerBatch"] = "2" };
    }

    private Task<Answer> RestoreAsync(Guid flow, object? body = null) => _api.PostAsync($"/api/v1/flows/deleted/{flow}/restore", body);
}
