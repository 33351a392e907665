using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Flows.Tests.Api;
using Flows.Tests.EndToEnd;
using Npgsql;

namespace Flows.Tests;

/// <summary>
/// Postgres, Redis, the API, two workers and their engines, started once by the AppHost for all tests that need them. It alone knows
/// who started them: containers and Aspire, or Flows.LocalHosting and the machine's own servers. Every collection has a view of the one that runs:
/// <see cref="Platform"/> itself is for tests that use its API and its workers, the others need its servers only.
/// </summary>
public sealed class Platform : IAsyncLifetime
{
    /// <summary>The collection of tests with databases of their own.</summary>
    public const string Databases = "Databases";
    /// <summary>Of those that start the API in their own process.</summary>
    public const string Apis = "Apis";
    /// <summary>Of those with queues of their own.</summary>
    public const string Queues = "Queues";
    /// <summary>Of those that start a whole Flows of their own and ill-treat it.</summary>
    public const string Campaigns = "Campaigns";

    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(3);
    private static readonly Lazy<Task<Started>> s_started = new(StartAsync);
    private DistributedApplication? _app;

    private sealed record Started(IDistributedApplicationTestingBuilder Builder, DistributedApplication App, string Key, string SetupToken);

    /// <summary>StackExchange.Redis connection string of a real Redis.</summary>
    public string RedisConnectionString { get; private set; } = "";
    /// <summary>Npgsql connection string of a real Postgres whose user may create databases.</summary>
    public string PostgresConnectionString { get; private set; } = "";
    /// <summary>The same for the database that the platform itself works with.</summary>
    internal string FlowsConnectionString { get; private set; } = "";
    /// <summary>The running API with the key of the default project.</summary>
    internal FlowsClient Api { get; private set; } = null!;

    /// <summary>Makes the first owner, once; nobody is owner before.</summary>
    internal string SetupToken { get; private set; } = "";

    public async Task InitializeAsync()
    {
        var started = await s_started.Value;
        _app = started.App;
        RedisConnectionString = await _app.GetConnectionStringAsync("redis") ?? throw new InvalidOperationException("Redis has no connection string.");
        var postgres = await _app.GetConnectionStringAsync("flowsdb") ?? throw new InvalidOperationException("Postgres has no connection string.");
        FlowsConnectionString = postgres;
        PostgresConnectionString = new NpgsqlConnectionStringBuilder(postgres) { Database = "postgres" }.ConnectionString;
        Api = new FlowsClient(_app.CreateHttpClient("api", "http"), started.Key);
        SetupToken = started.SetupToken;
    }

    public Task DisposeAsync() => Task.CompletedTask;

    /// <summary>Ends what was started, when the last test is over.</summary>
    public static async Task StopAsync()
    {
        if (!s_started.IsValueCreated || !s_started.Value.IsCompletedSuccessfully)
            return;
        var started = await s_started.Value;
        await DatabaseTemplate.DropAsync((await started.App.GetConnectionStringAsync("flowsdb"))!);
        await started.App.DisposeAsync();
        await started.Builder.DisposeAsync();
    }

    private static async Task<Started> StartAsync()
    {
        var key = $"flk_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24))}";
        var setup = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24));
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Flows_AppHost>(
            ["--Flows:Ephemeral=true", "--Flows:LocalHosting:Durable=false", "--Flows:Worker:Replicas=2", "--Flows:Execution:Allow=127.0.0.0/8", "--Flows:Worker:AllowChaos=true", $"--Parameters:bootstrap-api-key={key}", $"--Parameters:setup-token={setup}"]);
        try
        {
            var app = await builder.BuildAsync().WaitAsync(s_startLimit);
            await app.StartAsync().WaitAsync(s_startLimit);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("api").WaitAsync(s_startLimit);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("worker").WaitAsync(s_startLimit);
            return new Started(builder, app, key, setup);
        }
        catch
        {
            await builder.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the processes of the platform have logged; empty on the stack that keeps no files of it.</summary>
#pragma warning disable CA1822 // It could be static on one of the two stacks only.
    internal IReadOnlyList<string> LogFiles() =>
#if FLOWS_ASPIRE
        [];
#else
        Directory.GetFiles(((Flows.LocalHosting.Storage.DataDirectory)_app!.Services.GetService(typeof(Flows.LocalHosting.Storage.DataDirectory))!).Under("logs"));
#endif
#pragma warning restore CA1822

    /// <summary>Waits until the step has the status.</summary>
    internal Task UntilStepAsync(Guid run, string path, string status) =>
        UntilAsync($"step {path} of run {run} is {status}", async () =>
            (await Api.StepsAsync(run)).Any(step => step.GetProperty("path").GetString() == path && step.GetProperty("status").GetString() == status));

    /// <summary>Waits until no worker runs anything.</summary>
    internal Task UntilIdleAsync() =>
        UntilAsync("the workers are idle", async () => (await WorkersAsync())
            .Where(worker => worker.GetProperty("alive").GetBoolean())
            .All(worker => worker.GetProperty("running").GetInt32() == 0));

    /// <summary>kill -9 of the worker process that holds a run. Gives the pid, which is gone.</summary>
    /// <param name="worker">The worker's id, as a run shows it.</param>
    internal async Task<int> KillWorkerAsync(string worker)
    {
        var info = (await WorkersAsync()).Single(candidate => candidate.GetProperty("id").GetString() == worker);
        var pid = info.GetProperty("processId").GetInt32();
        Assert.True(IsOneOf(pid, await WorkerProcessesAsync()), $"The worker {worker} (process {pid}) is none that the AppHost has started.");
#pragma warning disable RS0030 // The one place where tests take a process of the platform's life.
        using var process = Process.GetProcessById(pid);
        process.Kill();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
#pragma warning restore RS0030
        return pid;
    }

    /// <summary>Waits until there are two workers again and none of them is the killed one.</summary>
    internal Task UntilReplacedAsync(int killed) =>
        UntilAsync($"the worker with the process {killed} is replaced", async () =>
        {
#if FLOWS_ASPIRE
            // The local stack starts again what has crashed; Aspire leaves that to a person.
            foreach (var replica in (await WorkerReplicasAsync()).Where(replica => KnownResourceStates.TerminalStates.Contains(replica.Snapshot.State?.Text)))
                await _app!.ResourceCommands.ExecuteCommandAsync(replica.ResourceId, KnownResourceCommands.StartCommand);
#endif
            var pids = await WorkerProcessesAsync();
            var alive = (await WorkersAsync()).Where(worker => worker.GetProperty("alive").GetBoolean())
                .Select(worker => worker.GetProperty("processId").GetInt32()).Where(pid => pid != killed).ToList();
            return pids.Count == 2 && pids.All(pid => alive.Any(worker => IsOneOf(worker, [pid])));
        });

    /// <summary>True for one of the processes, or what it has started: Aspire starts a project through `dotnet run`, whose child it is.</summary>
    private static bool IsOneOf(int pid, IReadOnlyCollection<int> processes)
    {
        while (pid > 1 && !processes.Contains(pid))
            pid = ParentOf(pid);
        return pid > 1;
    }

    private static int ParentOf(int pid)
    {
        try
        {
            // The name, in brackets, may hold blanks; behind it come the state and the parent.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private async Task<List<JsonElement>> WorkersAsync() =>
        [.. (await Api.SendAsync(HttpMethod.Get, "/api/v1/system/workers", null)).GetProperty("items").EnumerateArray()];

    // The running replicas' pids as the AppHost knows them.
    private async Task<HashSet<int>> WorkerProcessesAsync() => [.. (await WorkerReplicasAsync())
        .Where(replica => replica.Snapshot.State?.Text == KnownResourceStates.Running)
        .SelectMany(replica => replica.Snapshot.Properties)
        .Where(property => property.Name == "executable.pid" && property.Value is not null)
        .Select(property => Convert.ToInt32(property.Value, CultureInfo.InvariantCulture))];

    // From the state that a new watcher is told first.
    private async Task<IReadOnlyCollection<ResourceEvent>> WorkerReplicasAsync()
    {
        var states = new Dictionary<string, ResourceEvent>();
        using var enough = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        try
        {
            await foreach (var state in _app!.ResourceNotifications.WatchAsync(enough.Token))
            {
                if (state.Resource.Name == "worker")
                    states[state.ResourceId] = state;
            }
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
            // What is there now has been told.
        }
        return states.Values;
    }

    private static async Task UntilAsync(string what, Func<Task<bool>> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!await condition())
        {
            try
            {
                await tick.WaitForNextTickAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"Not within 60 s: {what}.");
            }
        }
    }
}

[CollectionDefinition(nameof(Platform))]
public sealed class PlatformCollection : ICollectionFixture<Platform>;

[CollectionDefinition(Platform.Databases)]
public sealed class DatabasesCollection : ICollectionFixture<Platform>;

[CollectionDefinition(Platform.Apis)]
public sealed class ApisCollection : ICollectionFixture<Platform>;

[CollectionDefinition(Platform.Queues)]
public sealed class QueuesCollection : ICollectionFixture<Platform>;

[CollectionDefinition(Platform.Campaigns)]
public sealed class CampaignsCollection;
