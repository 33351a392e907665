using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Flows.Tests.Api;
using Flows.Tests.EndToEnd;
using Npgsql;

namespace Flows.Tests.Proofs;

/// <summary>
/// Postgres is away for longer than leases last, or its disk is full, while runs are under way: nothing that was accepted is lost, nothing is counted twice, and callers are told to come
/// back. FLOWS_OUTAGE_SECONDS makes the outage longer than the 15 s that a test can afford.
/// </summary>
[Collection(Platform.Databases)]
[Trait("Category", "Proof")]
public sealed class DisastersOfPostgres(Platform platform)
{
    private const int Runs = 12;

    // It counts before and behind a step that is under way when the disaster comes.
    private const string Counting = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
          "steps": [
            { "name": "before", "kind": "action", "piece": "storage", "action": "increment", "input": { "key": "runs", "scope": "flow" } },
            { "name": "slow", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done('slept'), 3000));" },
            { "name": "behind", "kind": "action", "piece": "storage", "action": "increment", "input": { "key": "runs", "scope": "flow" } } ] }
        """;

    [Fact]
    public async Task An_outage_of_many_leases_loses_nothing_and_repeats_nothing()
    {
        var outage = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("FLOWS_OUTAGE_SECONDS") ?? "15", CultureInfo.InvariantCulture));
        await using var database = new TestDatabase(platform);
        var real = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        await using var gate = new TcpGate(real.Host!, real.Port);
        var through = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Host = "127.0.0.1", Port = gate.Port, Timeout = 5 };
        await using var flows = await FlowsProcess.StartAsync(database, platform.RedisConnectionString,
            ("Flows__Queue__Provider", "Redis"), ("ConnectionStrings__flowsdb", through.ConnectionString));
        var (flow, runs) = await BeginAsync(flows);

        await gate.ShutAsync();
        await UntilRefusedAsync(flows);
        using (var alive = await flows.Api.Http.GetAsync("/alive"))
            Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
        using (var ready = await flows.Api.Http.GetAsync("/ready"))
            Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        await Task.Delay(outage);
        gate.Open();

        await EndAsync(flows, flow, runs);
    }

    [SmallDiskFact]
    public async Task A_full_disk_is_an_outage_that_ends_when_there_is_room()
    {
        await using var database = new TestDatabase(platform);
        await using var disk = await SmallDisk.StartAsync(mebibytes: 128);
        await using var flows = await FlowsProcess.StartAsync(database, platform.RedisConnectionString,
            ("Flows__Queue__Provider", "Redis"), ("ConnectionStrings__flowsdb", disk.ConnectionString));
        var (flow, runs) = await BeginAsync(flows);

        await disk.FillAsync();
        await UntilRefusedAsync(flows);
        using (var alive = await flows.Api.Http.GetAsync("/alive"))
            Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
        await disk.FreeAsync();

        await EndAsync(flows, flow, runs);
    }

    private static async Task<(Guid Flow, List<Guid> Runs)> BeginAsync(FlowsProcess flows)
    {
        var flow = await flows.Api.PublishAsync("Counting", Counting);
        var runs = new List<Guid>();
        for (var i = 0; i < Runs; i++)
            runs.Add(await flows.Api.StartAsync(flow));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!(await flows.Api.StepsAsync(runs[0])).Any(step => step.GetProperty("path").GetString() == "slow" && step.GetProperty("status").GetString() == "Running"))
            await Task.Delay(50, limit.Token);
        return (flow, runs);
    }

    /// <summary>Changes something until that is refused as it should be.</summary>
    private static async Task UntilRefusedAsync(FlowsProcess flows)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var value = JsonSerializer.Serialize(new { value = Convert.ToBase64String(RandomNumberGenerator.GetBytes(40_000)) });
        for (var i = 0; ; i++)
        {
            using var answer = await flows.Api.AskAsync(HttpMethod.Put, $"/api/v1/variables/filler{i}", value);
            if (answer.StatusCode == HttpStatusCode.ServiceUnavailable)
            {
                Assert.NotNull(answer.Headers.RetryAfter);
                Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
                return;
            }
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            await Task.Delay(20, limit.Token);
        }
    }

    private static async Task EndAsync(FlowsProcess flows, Guid flow, List<Guid> runs)
    {
        // Whoever comes back as it was told gets through by itself.
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        Guid? later = null;
        while (later is null)
        {
            using var answer = await flows.Api.AskAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/runs", "{}");
            if (answer.IsSuccessStatusCode)
                later = JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("id").GetGuid();
            else
                Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            await Task.Delay(200, limit.Token);
        }
        foreach (var run in runs.Append(later.Value))
        {
            var ended = await UntilFinalAsync(flows, run);
            Assert.True(ended.GetProperty("status").GetString() == "Succeeded", $"{ended}");
        }

        // Each run has counted twice, whatever became of its worker in between.
        var counts = new List<int>();
        foreach (var run in runs.Append(later.Value))
            counts.AddRange((await flows.Api.StepsAsync(run)).Where(step => step.GetProperty("path").GetString() is "before" or "behind").Select(step => step.GetProperty("output").GetInt32()));
        Assert.Equal(Enumerable.Range(1, 2 * (Runs + 1)), counts.Order());
    }

    private static async Task<JsonElement> UntilFinalAsync(FlowsProcess flows, Guid run)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        while (true)
        {
            using var answer = await flows.Api.AskAsync(HttpMethod.Get, $"/api/v1/runs/{run}", null);
            if (answer.IsSuccessStatusCode && JsonElement.Parse(await answer.Content.ReadAsStringAsync()) is var now && now.GetProperty("finishedAt").ValueKind == JsonValueKind.String)
                return now;
            await Task.Delay(100, limit.Token);
        }
    }
}
