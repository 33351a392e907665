using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Flows.LocalHosting.Orchestration;
using Flows.Tests.Api;
using Flows.Tests.EndToEnd;
using Npgsql;

namespace Flows.Tests.Deployment;

/// <summary>Three APIs and five workers with the settings of the compose file. Each request of a caller goes to the next API; workers come through the same port.</summary>
[Collection(Platform.Apis)]
[Trait("Category", "Proof")]
public sealed class ServingFromManyProcesses(Platform platform) : IAsyncLifetime
{
    private readonly TestDatabase _database = new(platform);
    private readonly List<DeployedProcess> _apis = [];
    private readonly List<DeployedProcess> _workers = [];
    private readonly string _key = $"flk_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24))}";
    private RoundRobinProxy _balancer = null!;
    private HttpClient _http = null!;
    private FlowsClient _api = null!;

    [Fact]
    public async Task Nothing_depends_on_which_of_them_a_request_meets_nor_on_all_of_them_being_there()
    {
        // A caller that waits, answered by whatever worker; the API that hears of the end need not be the one that waits.
        var sum = await _api.PublishAsync("Sum", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "answer", "kind": "respond", "body": { "n": "{{trigger.body.n + 1}}" } } ] }
            """);
        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(n => SumAsync(sum, n)));
        Assert.Equal(Enumerable.Range(0, 30).Select(n => $"{{\"n\":{n + 1}}}"), answers);

        // Events from one API, links to others, and the run on any worker.
        var waits = await _api.PublishAsync("Waits", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [
                { "name": "mail", "kind": "action", "piece": "data", "action": "set", "input": { "value": { "go": "{{resumeUrl('call')}}", "sign": "{{approvalUrl('sign', 'anna')}}" } } },
                { "name": "call", "kind": "wait", "for": "webhook", "expires": "01:00:00" },
                { "name": "answer", "kind": "respond", "status": 201, "body": { "got": "{{call.body.n}}" } },
                { "name": "sign", "kind": "wait", "for": "approval", "message": "Sign" },
                { "name": "end", "kind": "stop", "output": { "approved": "{{sign.approved}}" } } ] }
            """);
        var run = await _api.StartAsync(waits);
        var watched = Task.WhenAll(Enumerable.Range(0, 3).Select(_ => WatchToTheEndAsync(run)));
        await _api.UntilAsync(run, now => now.GetProperty("status").GetString() == "Paused");
        var mail = (await _api.StepsAsync(run))[0].GetProperty("output");
        Assert.StartsWith("http://flows.test/", mail.GetProperty("go").GetString(), StringComparison.Ordinal);
        using (var resumed = await _http.PostAsJsonAsync($"{PathOf(mail, "go")}/sync", new { n = 7 }))
            Assert.Equal((HttpStatusCode.Created, """{"got":7}"""), (resumed.StatusCode, await resumed.Content.ReadAsStringAsync()));
        await _api.UntilAsync(run, now => now.GetProperty("status").GetString() == "Paused" && now.GetProperty("waitingFor").GetProperty("path").GetString() == "sign");
        using (var vote = await _http.PostAsJsonAsync(PathOf(mail, "sign"), new { decision = "approve" }))
            Assert.Equal(HttpStatusCode.OK, vote.StatusCode);
        Assert.Equal("""{"approved":true}""", (await _api.UntilFinalAsync(run)).GetProperty("output").GetRawText());
        Assert.All(await watched.WaitAsync(TimeSpan.FromSeconds(60)), last => Assert.Equal("Succeeded", last));

        // All five are known to every API, and what an autoscaler reads is there.
        foreach (var process in _apis)
        {
            using var direct = Client(process.Port);
            var workers = (await direct.GetFromJsonAsync<JsonElement>("/api/v1/system/workers")).GetProperty("items").EnumerateArray();
            Assert.Equal(_workers.Select(worker => worker.Id).Order(), workers.Where(worker => worker.GetProperty("alive").GetBoolean()).Select(worker => worker.GetProperty("processId").GetInt32()).Order());
            Assert.Equal(JsonValueKind.Number, (await direct.GetFromJsonAsync<JsonElement>("/api/v1/system/queue")).GetProperty("depth").ValueKind);
        }

        // One API and two workers fewer, without a word.
        await Task.WhenAll(_apis[1].KillAsync(), _workers[0].KillAsync(), _workers[3].KillAsync());
        Assert.Equal(Enumerable.Range(0, 12).Select(n => $"{{\"n\":{n + 1}}}"), await Task.WhenAll(Enumerable.Range(0, 12).Select(n => SumAsync(sum, n))));
    }

    public async Task InitializeAsync()
    {
        var filled = DeployFiles.SampleEnvironment();
        filled["FLOWS_ENCRYPTION_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        filled["FLOWS_WORKER_TOKEN"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        filled["FLOWS_BOOTSTRAP_API_KEY"] = _key;
        filled["FLOWS_SETUP_TOKEN"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        filled["FLOWS_PUBLIC_URL"] = "http://flows.test";
        filled["FLOWS_WORKER_CONCURRENCY"] = "2";
        var compose = DeployFiles.Compose(filled);
        var port = DeployedProcess.FreePort();
        for (var n = 0; n < 3; n++)
            _apis.Add(DeployedProcess.Start("Flows.Api", Adapted("api")));
        _balancer = new RoundRobinProxy(port, () => [.. _apis.Select(api => api.Port)]);
        _balancer.Start();
        (_http, _api) = (Client(port), new FlowsClient(Client(port), _key));
        // As `depends_on` has it.
        await Task.WhenAll(_apis.Select(api => api.UntilHealthyAsync()));
        for (var n = 0; n < 5; n++)
            _workers.Add(DeployedProcess.Start("Flows.Worker", Adapted("worker")));
        await Task.WhenAll(_workers.Select(worker => worker.UntilHealthyAsync()));

        // Only where things are differs from the file: names of containers are addresses of this machine here.
        Dictionary<string, string> Adapted(string service)
        {
            var environment = DeployFiles.EnvironmentOf(compose, service);
            environment["ConnectionStrings__redis"] = platform.RedisConnectionString;
            environment["Flows__Queue__KeyPrefix"] = _database.Name;
            if (service == "api")
                environment["ConnectionStrings__flowsdb"] = new NpgsqlConnectionStringBuilder(_database.ConnectionString) { MaxPoolSize = 10 }.ConnectionString;
            else
                environment["Flows__Api__Url"] = $"http://127.0.0.1:{port}";
            // The file asks for the strongest, and a worker that cannot have it does not start; a machine may have less.
            environment.Remove("Flows__Execution__Mode");
            return environment;
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var process in _workers.Concat(_apis))
            await process.DisposeAsync();
        if (_balancer is not null)
            await _balancer.DisposeAsync();
        _http?.Dispose();
        _api?.Http.Dispose();
        await _database.DisposeAsync();
    }

    private async Task<string> SumAsync(Guid flow, int n)
    {
        using var answer = await _http.PostAsJsonAsync($"/webhooks/{flow}/sync", new { n });
        return await answer.Content.ReadAsStringAsync();
    }

    /// <returns>The status that the last event of the stream told.</returns>
    private async Task<string?> WatchToTheEndAsync(Guid run)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var answer = await _http.GetAsync($"/api/v1/runs/{run}/events", HttpCompletionOption.ResponseHeadersRead, limit.Token);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(limit.Token));
        string? kind = null, status = null;
        while (await reader.ReadLineAsync(limit.Token) is { } line)
        {
            if (line.StartsWith("event: ", StringComparison.Ordinal))
                kind = line["event: ".Length..];
            else if (kind == "run" && line.StartsWith("data: ", StringComparison.Ordinal))
                status = JsonElement.Parse(line["data: ".Length..]).GetProperty("status").GetString();
        }
        return status;
    }

    /// <summary>A connection for each request, so that the balancer gives each to another API.</summary>
    private HttpClient Client(int port)
    {
        var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}"), Timeout = TimeSpan.FromSeconds(90) };
        http.DefaultRequestHeaders.ConnectionClose = true;
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", _key);
        return http;
    }

    private static string PathOf(JsonElement mail, string link) => new Uri(mail.GetProperty(link).GetString()!).AbsolutePath;
}
