using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Flows.Bench.Hosted;

/// <summary>
/// A whole Flows of this measurement's own: Postgres, Redis, the API and workers as the AppHost starts them, on free ports, with data that
/// goes with it. It knows the processes, so that they can be killed; what is killed is started again by the AppHost within a second or so.
/// </summary>
internal sealed class LocalPlatform : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(3);
    private readonly ConcurrentDictionary<string, ResourceEvent> _states = new();
    private readonly CancellationTokenSource _over = new();
    private readonly IDistributedApplicationTestingBuilder _builder;
    private readonly DistributedApplication _app;
    private readonly Task _watch;

    private LocalPlatform(IDistributedApplicationTestingBuilder builder, DistributedApplication app, string apiKey, string database)
    {
        (_builder, _app) = (builder, app);
        Database = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database) { MaxPoolSize = 10, Timeout = 5 }.ConnectionString);
        Address = app.GetEndpoint("api", "http");
        ApiKey = apiKey;
        Target = new Target(Client(TimeSpan.FromSeconds(30)));
        _watch = WatchAsync();
    }

    public NpgsqlDataSource Database { get; }
    public Target Target { get; }
    public Uri Address { get; }
    public string ApiKey { get; }

    /// <param name="settings">Of the AppHost: <c>--Flows:Runs:Lease=00:00:03</c>.</param>
    /// <exception cref="DistributedApplicationException">A server program is missing, or a process does not start.</exception>
    public static async Task<LocalPlatform> StartAsync(int workers, params string[] settings)
    {
        var key = $"flk_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(24))}";
        var builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Flows_AppHost>(
        [
            "--Flows:Ephemeral=true", $"--Flows:Worker:Replicas={workers}", $"--Parameters:bootstrap-api-key={key}",
            "--Flows:LocalHosting:LongestRestartPause=00:00:00.100", "--Flows:Execution:Network=UNRESTRICTED", .. settings,
        ]);
        builder.Services.RemoveAll<ILoggerProvider>(); // it would tell of every process that is killed on purpose
        var app = await builder.BuildAsync().WaitAsync(s_startLimit);
        try
        {
            await app.StartAsync().WaitAsync(s_startLimit);
            await app.ResourceNotifications.WaitForResourceHealthyAsync("worker").WaitAsync(s_startLimit);
            var database = await app.GetConnectionStringAsync("flowsdb") ?? throw new InvalidOperationException("Postgres has no connection string.");
            return new LocalPlatform(builder, app, key, database);
        }
        catch
        {
            await builder.DisposeAsync();
            throw;
        }
    }

    /// <summary>The living processes of a resource of the AppHost: postgres, redis, api, worker.</summary>
    public IReadOnlyList<int> PidsOf(string resource) =>
    [
        .. _states.Values.Where(state => state.Resource.Name == resource && state.Snapshot.State?.Text == KnownResourceStates.Running)
            .SelectMany(state => state.Snapshot.Properties)
            .Where(property => property.Name == "executable.pid" && property.Value is not null)
            .Select(property => Convert.ToInt32(property.Value, CultureInfo.InvariantCulture))
            .Order(),
    ];

    /// <summary>The addresses of a resource's living processes themselves, behind the one that they share; by process.</summary>
    public IReadOnlyDictionary<int, Uri> AddressesOf(string resource) => _states.Values
        .Where(state => state.Resource.Name == resource && state.Snapshot.State?.Text == KnownResourceStates.Running)
        .Select(state => (Pid: state.Snapshot.Properties.FirstOrDefault(property => property.Name == "executable.pid")?.Value,
            Urls: state.Snapshot.EnvironmentVariables.FirstOrDefault(variable => variable.Name == "ASPNETCORE_URLS")?.Value))
        .Where(found => found.Pid is not null && found.Urls is not null)
        .ToDictionary(found => Convert.ToInt32(found.Pid, CultureInfo.InvariantCulture), found => new Uri(found.Urls!.Split(';')[0]));

    /// <summary>Waits until as many processes as there should be are healthy, and none of them is the one that has gone.</summary>
    /// <exception cref="BenchException">Not within 90 s.</exception>
    public Task UntilReplacedAsync(string resource, int gone) => FailoverBench.UntilAsync($"the process {gone} of '{resource}' is replaced", () => Task.FromResult(
        _states.Values.Where(state => state.Resource.Name == resource).ToList()), states => !PidsOf(resource).Contains(gone) && states.TrueForAll(state =>
            state.Snapshot is { HealthStatus: HealthStatus.Healthy } snapshot && snapshot.State?.Text == KnownResourceStates.Running));

    /// <summary>The engine processes of all workers.</summary>
    public IReadOnlyList<int> Engines() =>
    [
        .. PidsOf("worker").SelectMany(Signal.ChildrenOf).Where(child => child.Command.Contains("Flows.Engine", StringComparison.Ordinal))
            .Select(child => child.Pid).Order(),
    ];

    public async Task<string> RedisAsync() => await _app.GetConnectionStringAsync("redis") ?? throw new InvalidOperationException("Redis has no connection string.");

    /// <param name="at">One process of the API; null: the address that all share.</param>
    public HttpClient Client(TimeSpan timeout, Uri? at = null)
    {
        var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(2) }) { BaseAddress = at ?? Address, Timeout = timeout };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiKey);
        return http;
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _watch;
        Target.Http.Dispose();
        await Database.DisposeAsync();
        await _builder.DisposeAsync();
        _over.Dispose();
    }

    private async Task WatchAsync()
    {
        try
        {
            await foreach (var state in _app.ResourceNotifications.WatchAsync(_over.Token))
                _states[state.ResourceId] = state;
        }
        catch (OperationCanceledException) when (_over.IsCancellationRequested)
        {
            // The platform goes down.
        }
    }
}
