using System.Diagnostics.Metrics;
using Flows.Api;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Tests.Runs;

/// <summary>A database of its own for each test class, with one project and one published webhook flow.</summary>
public sealed class RunsDatabase(Platform platform) : IAsyncLifetime
{
    public const string Definition = """{ "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [] }""";

    /// <summary>For what is made by hand; nobody reads them.</summary>
    internal static RunMetrics Metrics { get; } = new(new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>());

    public string Name { get; } = $"runs_{Guid.CreateVersion7():N}";
    public string RedisConnectionString => platform.RedisConnectionString;
    public string ConnectionString => new NpgsqlConnectionStringBuilder(platform.PostgresConnectionString) { Database = Name, MaxPoolSize = 20 }.ConnectionString;
    public NpgsqlDataSource Source { get; private set; } = null!;
    public Guid Project { get; } = Guid.CreateVersion7();
    public Guid Flow { get; private set; }
    public Guid Version { get; private set; }

    public async Task InitializeAsync()
    {
        Source = NpgsqlDataSource.Create(ConnectionString);
        await DatabaseTemplate.CopyAsync(ConnectionString);
        await ExecuteAsync("INSERT INTO projects (id, name) VALUES ($1, 'Test')", Project);
        (Flow, Version) = await PublishAsync(Definition);
    }

    private RunsHost? _host;

    /// <summary>One replica of the API, for all tests of the class.</summary>
    /// <param name="settings">Configuration on top of the defaults; the same for all of them.</param>
    public async Task<RunsHost> HostAsync(Dictionary<string, string?>? settings = null) => _host ??= await RunsHost.StartAsync(this, settings);

    public async Task DisposeAsync()
    {
        if (_host is not null)
            await _host.DisposeAsync();
        await Source.DisposeAsync();
        await AdministerAsync($"DROP DATABASE {Name} WITH (FORCE)");
    }

    /// <summary>A flow with one published version.</summary>
    public async Task<(Guid Flow, Guid Version)> PublishAsync(string definition, Guid? project = null)
    {
        var (flow, version) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        await ExecuteAsync("INSERT INTO flows (id, project_id, name, draft, published_version_id) VALUES ($1, $2, 'Orders', $3::json, $4)",
            flow, project ?? Project, definition, version);
        await ExecuteAsync("INSERT INTO flow_versions (id, flow_id, number, definition) VALUES ($1, $2, 1, $3::json)", version, flow, definition);
        return (flow, version);
    }

    internal RunStore Store(TimeProvider? clock = null, RunOptions? options = null) =>
        new(Source, Options.Create(options ?? new RunOptions()), Options.Create(new LimitsOptions()), clock ?? TimeProvider.System);

    internal NewRun NewRun(TimeProvider? clock = null, string trigger = "null", string? waiter = null)
    {
        var now = (clock ?? TimeProvider.System).GetUtcNow();
        return new NewRun(Guid.CreateVersion7(now), Project, Flow, Version, 1, RunEnvironment.Production, RunOrigin.Api, RunPriority.Normal, now,
            RawJson.Parse(trigger), waiter);
    }

    /// <summary>Accepts runs.</summary>
    internal async Task<Guid[]> QueueAsync(RunStore store, int count = 1, TimeProvider? clock = null)
    {
        var runs = Enumerable.Range(0, count).Select(_ => NewRun(clock)).ToList();
        await store.AcceptAsync(runs, default);
        return [.. runs.Select(run => run.RunId)];
    }

    /// <summary>Accepts a run and claims it for a worker.</summary>
    internal async Task<Guid> RunningAsync(RunStore store, string worker = "w1", TimeProvider? clock = null)
    {
        var run = (await QueueAsync(store, clock: clock))[0];
        Assert.Single(await store.ClaimAsync([(run, worker)], default));
        return run;
    }

    /// <summary>Reports one run. True: it was taken.</summary>
    internal static async Task<bool> ReportAsync(
        RunStore store, Guid run, int attempt, IReadOnlyList<StepRecord>? steps = null, RunOutcome? outcome = null, RunResponse? response = null, string worker = "w1")
    {
        var reported = await store.ReportAsync([(worker, new RunReport(run, attempt, steps ?? [], response, outcome))], default);
        return reported.Taken.Contains((run, attempt, worker));
    }

    internal static StepRecord Step(string path, StepStatus status, string? output = null, StepEffect effect = StepEffect.Pure) =>
        new(path, path, "action", status, effect, 1, TimeProvider.System.GetUtcNow(), status == StepStatus.Running ? null : 1.5,
            Output: output is null ? null : RawJson.Parse(output));

    internal async Task<RunStatus> StatusAsync(Guid run) => (RunStatus)await ValueAsync<short>("SELECT status FROM runs WHERE id = $1", run);

    public async Task<T> ValueAsync<T>(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async Task ExecuteAsync(string sql, params object[] values)
    {
        await using var command = Command(sql, values);
        await command.ExecuteNonQueryAsync();
    }

    private NpgsqlCommand Command(string sql, object[] values)
    {
        var command = Source.CreateCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }

    private async Task AdministerAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(platform.PostgresConnectionString);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
