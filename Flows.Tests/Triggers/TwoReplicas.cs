using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;

namespace Flows.Tests.Triggers;

/// <summary>Two replicas of the API over one database, and workers that are nothing but requests.</summary>
public sealed class TwoReplicas(Platform platform) : IAsyncLifetime
{
    /// <summary>The replicas open each other's connections.</summary>
    public const string EncryptionKey = "tests-7Kd2VbN9mXqL4wErT1yUiOp8AsCfGhJz";

    private readonly HttpClient _worker = new() { Timeout = TimeSpan.FromSeconds(60) };

    public Platform Platform => platform;
    public TestDatabase Database { get; } = new(platform);
    public ApiHost First { get; private set; } = null!;
    public ApiHost Second { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Dictionary<string, string> settings = new() { ["Flows:Triggers:PauseAfter"] = "3", ["Flows:Security:EncryptionKey"] = EncryptionKey };
        First = await ApiHost.StartAsync(Database.ConnectionString, platform, settings);
        Second = await ApiHost.StartAsync(Database.ConnectionString, platform, settings);
        _worker.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiHost.WorkerToken);
        _worker.DefaultRequestHeaders.Add(WorkerRoutes.ProtocolHeader, $"{WorkerRoutes.CurrentProtocol}");
    }

    public async Task DisposeAsync()
    {
        _worker.Dispose();
        await First.DisposeAsync();
        await Second.DisposeAsync();
        await Database.DisposeAsync();
    }

    internal async Task<PieceClaim?> TakeAsync(ApiHost api, string worker)
    {
        using var answer = await SendAsync(api, WorkerRoutes.NextPieceCall, JsonSerializer.Serialize(new PieceQuestion(worker), WorkerJson.Default.PieceQuestion));
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync(WorkerJson.Default.PieceOffer))!.Call;
    }

    /// <returns>Runs that were started by it; null when it was refused as stale.</returns>
    internal async Task<int?> AnswerAsync(ApiHost api, PieceClaim call, PieceAnswer answer, string worker = "w1")
    {
        var report = new PieceReport(worker, call.Id, call.Attempt, call.Request.Kind, answer);
        using var taken = await SendAsync(api, WorkerRoutes.PieceAnswer, JsonSerializer.Serialize(report, WorkerJson.Default.PieceReport));
        if (taken.StatusCode == HttpStatusCode.Conflict)
            return null;
        taken.EnsureSuccessStatusCode();
        return (await taken.Content.ReadFromJsonAsync(WorkerJson.Default.PieceTaken))!.Runs;
    }

    internal async Task<HttpResponseMessage> SendAsync(ApiHost api, string route, string json)
    {
        using var body = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        return await _worker.PostAsync(new Uri(api.Http.BaseAddress!, route), body);
    }
}
