using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Api;
using Flows.Api.Access;
using Flows.Api.Flows;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Flows.Api.Webhooks;
using Flows.Api.Workers;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Queue;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Runs;

/// <summary>One replica of the API on a port of its own, with real Postgres, Redis, credentials and error shapes.</summary>
public sealed class RunsHost : IAsyncDisposable
{
    private const string WorkerToken = "tests-3fK9w2LmQ8xZr7Vb1NcT5yHd0PgUoSaE";
    private readonly WebApplication _app;

    private RunsHost(WebApplication app, string apiKey)
    {
        _app = app;
        Api = Client(apiKey);
        Worker = Client(WorkerToken);
        Worker.DefaultRequestHeaders.Add(WorkerRoutes.ProtocolHeader, "1");
        Anonymous = Client(null);
    }

    public HttpClient Api { get; }
    public HttpClient Worker { get; }
    public HttpClient Anonymous { get; }
    public Uri Address => new(_app.Urls.Single());
    public T Get<T>() where T : notnull => _app.Services.GetRequiredService<T>();

    /// <param name="settings">Configuration on top of the defaults.</param>
    /// <param name="adapt">Replaces services.</param>
    public static async Task<RunsHost> StartAsync(
        RunsDatabase database, Dictionary<string, string?>? settings = null, Action<IServiceCollection>? adapt = null)
    {
        var apiKey = ApiKey.Generate();
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:flowsdb"] = database.ConnectionString,
            ["ConnectionStrings:redis"] = database.RedisConnectionString,
            ["Flows:Security:WorkerToken"] = WorkerToken,
            ["Flows:Security:EncryptionKey"] = "tests-9Xc4VbN2mKqL8wErT6yUiOp1AsDfGhJz",
            ["Flows:Queue:KeyPrefix"] = database.Name,
            ["Flows:Queue:Provider"] = "Redis",
            ["Flows:Runs:Lease"] = "00:01:00", // nobody renews what a test has claimed, and a slow machine must not lose it
        });
        builder.Configuration.AddInMemoryCollection(settings ?? []);
        builder.Logging.SetMinimumLevel(LogLevel.Error);
        builder.AddNpgsqlDataSource(Database.ConnectionName);
        builder.AddRedisClient("redis");
        builder.Services.AddSingleton(new FlowCatalogue(new EngineCatalogue("tests", [], [], [], [])));
        builder.AddSettings();
        builder.AddErrorAnswers();
        builder.AddJson();
        builder.AddDatabase();
        builder.AddAccess();
        builder.AddFlows();
        builder.AddRunQueue();
        builder.AddRuns();
        adapt?.Invoke(builder.Services);

        var app = builder.Build();
        app.UseErrorAnswers();
        app.UseRouting();
        app.UseDatabaseGate();
        app.UseAccess();
        app.MapRuns();
        app.MapWebhooks();
        app.MapWaits();
        app.MapWorkerEndpoints();
        await database.ExecuteAsync("INSERT INTO api_keys (id, project_id, name, key_prefix, key_hash) VALUES ($1, $2, 'Tests', $3, $4)",
            Guid.CreateVersion7(), database.Project, ApiKey.PrefixOf(apiKey), KeyHash.Of(apiKey).ToBytes());
        await app.StartAsync();
        return new RunsHost(app, apiKey);
    }

    /// <summary>Starts a run of the flow through the API.</summary>
    public async Task<Guid> StartRunAsync(Guid flow, string? payload = null)
    {
        using var body = payload is null ? null : new StringContent(payload, new MediaTypeHeaderValue("application/json"));
        using var answer = await Api.PostAsync($"/api/v1/flows/{flow}/runs", body);
        answer.EnsureSuccessStatusCode();
        return (await JsonAsync(answer)).GetProperty("id").GetGuid();
    }

    public async Task<RunClaim?> ClaimAsync(Guid run, string worker = "w1") =>
        (await SendAsync(WorkerRoutes.Claim, new ClaimRequest(worker, [run]), WorkerJson.Default.ClaimRequest, WorkerJson.Default.ClaimResponse)).Claims.SingleOrDefault();

    public Task<ReportResponse> ReportAsync(Guid run, int attempt, RunOutcome? outcome = null, RunResponse? response = null, string worker = "w1", params StepRecord[] steps) =>
        SendAsync(WorkerRoutes.Report, new ReportRequest(worker, [new RunReport(run, attempt, steps, response, outcome)]), WorkerJson.Default.ReportRequest, WorkerJson.Default.ReportResponse);

    public async Task<TAnswer> SendAsync<TRequest, TAnswer>(string route, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TAnswer> answerType)
    {
        using var answer = await Worker.PostAsJsonAsync(route, request, requestType);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync(answerType))!;
    }

    public static async Task<JsonElement> JsonAsync(HttpResponseMessage answer) =>
        JsonElement.Parse(await answer.Content.ReadAsStringAsync());

    public async Task<JsonElement> GetJsonAsync(string path)
    {
        using var answer = await Api.GetAsync(path);
        answer.EnsureSuccessStatusCode();
        return await JsonAsync(answer);
    }

    /// <summary>The newest run of a flow, once there is one: for callers that wait for its answer and do not know its id.</summary>
    public static async Task<Guid> NewestRunAsync(RunsDatabase database, Guid flow)
    {
        for (var i = 0; i < 3_000; i++)
        {
            if (await database.ValueAsync<Guid>("SELECT coalesce((SELECT id FROM runs WHERE flow_id = $1 ORDER BY id DESC LIMIT 1), $2)", flow, Guid.Empty) is var run && run != Guid.Empty)
                return run;
            await Task.Delay(10);
        }
        throw new TimeoutException("No run came.");
    }

    /// <summary>What SIGTERM does: the process takes nothing new and ends what it has begun.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Api.Dispose();
        Worker.Dispose();
        Anonymous.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    private HttpClient Client(string? credential)
    {
        var client = new HttpClient { BaseAddress = Address };
        if (credential is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", credential);
        return client;
    }
}
