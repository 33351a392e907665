using System.Collections.Concurrent;
using System.Threading.Channels;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Worker;

/// <summary>The API as a worker sees it, over real HTTP, with its rows in memory. It can be told to misbehave.</summary>
internal sealed class FakeApi : IAsyncDisposable
{
    public const string Token = "a-worker-token-for-tests-0123456789";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<Guid, FakeRun> _runs = new();
    private readonly ConcurrentDictionary<Guid, RawJson> _versions = new();

    private FakeApi(WebApplication app) => _app = app;

    public string Url => _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public int LeaseMs { get; set; } = 8_000;
    /// <summary>Answers a call instead of the API, by route; null lets it through. May also just wait.</summary>
    public Func<string, Task<IResult?>> Interfere { get; set; } = _ => Task.FromResult<IResult?>(null);
    /// <summary>Whom a worker is told to end itself in the middle of, from what it holds; null for nobody.</summary>
    public Func<HeartbeatRequest, HeldRun?> End { get; set; } = _ => null;
    /// <summary>Answers 500 to every report that has this run in it, as if the run's lines broke the API.</summary>
    public Guid PoisonedRun { get; set; }
    /// <summary>Calls of pieces, handed out in their order.</summary>
    public ConcurrentQueue<PieceClaim> PieceCalls { get; } = new();
    /// <summary>What a worker gets whose call was refused with its token.</summary>
    public Func<RefusedToken, OtherToken> OtherToken { get; set; } = _ => new OtherToken(null);
    public Channel<PieceReport> PieceReports { get; } = Channel.CreateUnbounded<PieceReport>();
    public ConcurrentQueue<ClaimRequest> Claims { get; } = new();
    public ConcurrentQueue<ReportRequest> Reports { get; } = new();
    public ConcurrentQueue<HeartbeatRequest> Heartbeats { get; } = new();
    public ConcurrentQueue<string> Authorisations { get; } = new();

    public static async Task<FakeApi> StartAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0").ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = 256 << 20);
        builder.Services.AddRoutingCore();
        builder.Services.AddLogging();
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, WorkerJson.Default);
            json.SerializerOptions.MaxDepth = WorkerJson.Default.Options.MaxDepth;
        });
        var app = builder.Build();
        var api = new FakeApi(app);
        app.UseRouting();
        app.Use(async (context, next) =>
        {
            api.Authorisations.Enqueue(context.Request.Headers.Authorization.ToString());
            if (await api.Interfere(context.Request.Path) is { } answer)
                await answer.ExecuteAsync(context);
            else
                await next(context);
        });
        app.MapPost(WorkerRoutes.Claim, api.Claim);
        app.MapPost(WorkerRoutes.Report, api.Report);
        app.MapPost(WorkerRoutes.Heartbeat, api.Heartbeat);
        app.MapPost(WorkerRoutes.NextPieceCall, (PieceQuestion _) => new PieceOffer(api.PieceCalls.TryDequeue(out var call) ? call : null));
        app.MapPost(WorkerRoutes.PieceToken, (RefusedToken refused) => api.OtherToken(refused));
        app.MapPost(WorkerRoutes.PieceAnswer, (PieceReport report) =>
        {
            api.PieceReports.Writer.TryWrite(report);
            return new PieceTaken(0);
        });
        app.MapGet(WorkerRoutes.Version, (Guid versionId) =>
            api._versions.TryGetValue(versionId, out var definition) ? Results.Ok(new FlowVersionDocument(versionId, definition)) : Results.NotFound());
        await app.StartAsync();
        return api;
    }

    /// <summary>A queued run of a flow.</summary>
    public FakeRun AddRun(Guid project, Guid version, string definition, long activeMs = 600_000, string trigger = """{"body":{}}""")
    {
        _versions[version] = RawJson.Parse(definition);
        var run = new FakeRun(Guid.CreateVersion7(), project, version, activeMs, RawJson.FromUtf8(System.Text.Encoding.UTF8.GetBytes(trigger)));
        _runs[run.Id] = run;
        return run;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private ClaimResponse Claim(ClaimRequest request)
    {
        Claims.Enqueue(request);
        List<RunClaim> claims = [];
        foreach (var run in request.Runs.Select(id => _runs.GetValueOrDefault(id)))
        {
            if (run is null || !run.TryClaim())
                continue;
            claims.Add(new RunClaim(
                run.Id, run.Attempt, run.Project, run.Version, "A flow", run.Version, RunEnvironment.Production, LeaseMs, run.ActiveMs,
                run.Trigger, [.. run.Steps.Values], new Dictionary<string, RawJson>(), new Dictionary<string, RawJson>()));
        }
        return new ClaimResponse(claims, []);
    }

    private IResult Report(ReportRequest request)
    {
        if (request.Runs.Any(run => run.RunId == PoisonedRun))
            return Results.StatusCode(500);
        List<HeldRun> stale = [];
        foreach (var report in request.Runs)
        {
            if (!_runs.TryGetValue(report.RunId, out var run) || !run.Take(report))
                stale.Add(new HeldRun(report.RunId, report.Attempt));
        }
        Reports.Enqueue(request); // last: a test that sees it sees what it did
        return Results.Ok(new ReportResponse(stale));
    }

    private HeartbeatResponse Heartbeat(HeartbeatRequest request)
    {
        Heartbeats.Enqueue(request);
        return new HeartbeatResponse(LeaseMs, [.. request.Held.Where(held => !_runs.TryGetValue(held.RunId, out var run) || !run.IsHeld(held.Attempt))], End(request));
    }
}

/// <summary>A run's row and its journal.</summary>
internal sealed class FakeRun(Guid id, Guid project, Guid version, long activeMs, RawJson trigger)
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<StepRecord>> _seen = new();
    private RunStatus _status = RunStatus.Queued;

    public Guid Id => id;
    public Guid Project => project;
    public Guid Version => version;
    public long ActiveMs => activeMs;
    public RawJson Trigger => trigger;
    public int Attempt { get; private set; }
    public ConcurrentDictionary<string, StepRecord> Steps { get; } = new();
    public RunResponse? Response { get; private set; }
    public RunOutcome? Outcome { get; private set; }

    /// <summary>The line of a path, as soon as there is one.</summary>
    public Task<StepRecord> StepAsync(string path) => Seen(path).Task.WaitAsync(TimeSpan.FromSeconds(20));

    /// <summary>As if a person had cancelled it, or another worker had taken it.</summary>
    public void TakeAway()
    {
        lock (_lock)
            Attempt++;
    }

    public bool TryClaim()
    {
        lock (_lock)
        {
            if (_status != RunStatus.Queued)
                return false;
            _status = RunStatus.Running;
            Attempt++;
            return true;
        }
    }

    public bool IsHeld(int attempt)
    {
        lock (_lock)
            return _status == RunStatus.Running && attempt == Attempt;
    }

    public bool Take(RunReport report)
    {
        lock (_lock)
        {
            if (_status != RunStatus.Running || report.Attempt != Attempt)
                return false;
            foreach (var step in report.Steps)
            {
                Steps[step.Path] = step;
                Seen(step.Path).TrySetResult(step);
            }
            Response ??= report.Response;
            if (report.Outcome is { } outcome)
                (Outcome, _status) = (outcome, outcome.Status);
            return true;
        }
    }

    private TaskCompletionSource<StepRecord> Seen(string path) =>
        _seen.GetOrAdd(path, _ => new TaskCompletionSource<StepRecord>(TaskCreationOptions.RunContinuationsAsynchronously));
}
