using Flows.Contracts.Runs;
using Flows.Queue;
using Flows.Worker;
using Flows.Worker.Runs;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Flows.Tests.Worker;

/// <summary>A worker without its queue, in this process, with real engine processes, against a fake API over real HTTP.</summary>
internal sealed class WorkerUnderTest : IAsyncDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private readonly IHost _host;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Dictionary<string, Guid> _versions = [];

    private readonly string _engine;

    private WorkerUnderTest(FakeApi api, IHost host, string engine)
    {
        Api = api;
        _host = host;
        _engine = engine;
    }

    public FakeApi Api { get; }
    public Guid Project { get; } = Guid.CreateVersion7();
    public IServiceProvider Services => _host.Services;
    public int Engines => Services.GetRequiredService<EngineProcesses>().Count;

    public static async Task<WorkerUnderTest> StartAsync(string? engine = null, int leaseMs = 8_000, params (string Name, string Value)[] settings)
    {
        engine ??= ScriptedEngine.Create();
        var api = await FakeApi.StartAsync();
        api.LeaseMs = leaseMs;
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Flows:Api:Url"] = api.Url,
            ["Flows:Security:WorkerToken"] = FakeApi.Token,
            ["Flows:Engine:Path"] = engine,
            ["Flows:Execution:Allow"] = "127.0.0.0/8", // the tests' own servers
            ["Flows:Execution:Mode"] = "UNSANDBOXED", // scripted engines are programs of the tests; boxes have tests of their own
        });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, (string?)setting.Value)));
        builder.AddRuns();
        var host = builder.Build();
        await host.StartAsync();
        return new WorkerUnderTest(api, host, engine);
    }

    /// <summary>A queued run of a scripted flow.</summary>
    public FakeRun Add(string script, Guid? project = null, long activeMs = 600_000) =>
        AddFlow($$"""{"script":[{{script}}]}""", project, activeMs);

    /// <summary>A queued run; the same definition is the same version.</summary>
    public FakeRun AddFlow(string definition, Guid? project = null, long activeMs = 600_000)
    {
        if (!_versions.TryGetValue(definition, out var version))
            _versions[definition] = version = Guid.CreateVersion7();
        return Api.AddRun(project ?? Project, version, definition, activeMs);
    }

    /// <summary>Delivers the run's job.</summary>
    public Task<JobSettlement> HandleAsync(FakeRun run) =>
        Services.GetRequiredService<RunWorker>().HandleAsync(new RunJob(run.Id, run.Project, RunPriority.Normal), _stopping.Token).WaitAsync(s_limit);

    /// <summary>Adds a run, delivers its job, and gives its row when the job is settled.</summary>
    public async Task<FakeRun> RunAsync(string script, Guid? project = null, long activeMs = 600_000)
    {
        var run = Add(script, project, activeMs);
        await HandleAsync(run);
        return run;
    }

    /// <summary>What a consumer does when its process is told to go.</summary>
    public void Stop() => _stopping.Cancel();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync();
        await Api.DisposeAsync();
        _stopping.Dispose();
        ScriptedEngine.Delete(_engine);
    }
}
