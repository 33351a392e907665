using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Flows.Bench.Hosted;
using Flows.Tests.Api;
using Flows.Tests.EndToEnd;
using Npgsql;

namespace Flows.Tests.Deployment;

/// <summary>One of two workers is told to go in the middle of the load, as an autoscaler does it, and nobody comes in its place.</summary>
[Collection(Platform.Apis)]
[Trait("Category", "Proof")]
public sealed class ScalingIn(Platform platform) : IAsyncLifetime
{
    private const int Runs = 60;
    private const int Callers = 6;
    private readonly TestDatabase _database = new(platform);
    private readonly string _key = $"flk_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24))}";
    private readonly List<DeployedProcess> _processes = [];
    private Ledger _ledger = null!;
    private HttpClient _http = null!;

    [Fact]
    public async Task Nothing_is_lost_and_no_effect_is_done_twice()
    {
        var api = new FlowsClient(_http, _key);
        // Three effects: with two of them still to come when the worker goes, its runs have to go on elsewhere.
        var flow = await api.PublishAsync("Paying", $$$"""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [
                { "name": "first", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{_ledger.Address}}}/slow", "body": { "value": "{{trigger.body.n}}" } } },
                { "name": "second", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{_ledger.Address}}}/slow", "body": { "value": "{{trigger.body.n}}" } } },
                { "name": "third", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{_ledger.Address}}}/write", "body": { "value": "{{trigger.body.n}}" } } } ] }
            """);
        var runs = new ConcurrentBag<Guid>();
        var next = 0;
        var load = Task.WhenAll(Enumerable.Range(0, Callers).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var n && n <= Runs)
            {
                using var answer = await _http.PostAsJsonAsync($"/webhooks/{flow}", new { n });
                answer.EnsureSuccessStatusCode();
                runs.Add((await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("runId").GetGuid());
            }
        }));

        var going = _processes[1];
        await UntilAsync($"SELECT count(*) FROM runs r JOIN workers w ON w.id = r.worker WHERE r.status = 1 AND w.process_id = {going.Id}", held => held >= 3);
        Assert.Equal(0, await going.StopAsync());
        await load;
        await UntilAsync("SELECT count(*) FROM runs WHERE status < 4", open => open == 0);

        Assert.Equal(Runs, runs.Count);
        Assert.Equal((long)Runs, await CountAsync("SELECT count(*) FROM runs WHERE status = 4"));
        Assert.Equal(0, await CountAsync("SELECT count(*) FROM runs WHERE lost_leases > 0"));
        Assert.True(await CountAsync("SELECT count(*) FROM runs WHERE attempt > 1") > 0, "No run went on elsewhere: the worker went when it had nothing in hand.");
        var done = _ledger.Entries.CountBy(entry => entry.Key).ToDictionary();
        Assert.All(done, entry => Assert.Equal(1, entry.Value));
        Assert.Equal(runs.SelectMany(run => new[] { "first", "second", "third" }.Select(path => $"{run}:{path}")).Order(StringComparer.Ordinal), done.Keys.Order(StringComparer.Ordinal));
    }

    public async Task InitializeAsync()
    {
        _ledger = await Ledger.StartAsync(TimeProvider.System);
        await TestDatabase.FillAsync(_database.ConnectionString);
        var token = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        Dictionary<string, string> Environment(params (string Name, string Value)[] settings) => settings.Concat(
        [
            ("ASPNETCORE_ENVIRONMENT", "Production"), ("ConnectionStrings__redis", platform.RedisConnectionString), ("Flows__Queue__KeyPrefix", _database.Name),
            ("Flows__Queue__Provider", "Redis"), ("Flows__Security__WorkerToken", token),
        ]).ToDictionary(setting => setting.Item1, setting => setting.Item2);

        var api = DeployedProcess.Start("Flows.Api", Environment(
            ("ConnectionStrings__flowsdb", new NpgsqlConnectionStringBuilder(_database.ConnectionString) { MaxPoolSize = 20 }.ConnectionString), ("Flows__ContainerType", "APP"),
            ("Flows__Security__EncryptionKey", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32))), ("Flows__Bootstrap__ApiKey", _key)));
        _processes.Add(api);
        _http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{api.Port}"), Timeout = TimeSpan.FromSeconds(60) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        await api.UntilHealthyAsync();
        for (var worker = 0; worker < 2; worker++)
            _processes.Add(DeployedProcess.Start("Flows.Worker", Environment(("Flows__Api__Url", _http.BaseAddress.ToString()), ("Flows__Execution__Allow", "127.0.0.0/8"), ("Flows__Worker__Concurrency", "4"))));
        await Task.WhenAll(_processes.Select(process => process.UntilHealthyAsync()));
    }

    public async Task DisposeAsync()
    {
        foreach (var process in _processes.AsEnumerable().Reverse())
            await process.DisposeAsync();
        _http?.Dispose();
        await _ledger.DisposeAsync();
        await _database.DisposeAsync();
    }

    private async Task<long> CountAsync(string sql) => Convert.ToInt64(await _database.ScalarAsync(sql), CultureInfo.InvariantCulture);

    private async Task UntilAsync(string sql, Predicate<long> isSo)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!isSo(await CountAsync(sql)))
            await tick.WaitForNextTickAsync(limit.Token);
    }
}
