using Flows.Contracts.Runs;
using Hangfire.Redis.StackExchange;
using StackExchange.Redis;

namespace Flows.Queue.Hangfire;

/// <summary>
/// Hangfire's own connection to Redis, and the names it uses there. Not shared with anything else: it must speak RESP2, because
/// Hangfire.Redis.StackExchange 1.12 misreads the replies of RESP3 and jobs then never end.
/// </summary>
internal sealed class HangfireRedis : IDisposable
{
    private readonly string _prefix;

    /// <param name="authority">File with the certificate (PEM) of the authority that has signed that of Redis; null: one that the machine trusts.</param>
    internal HangfireRedis(string connectionString, string keyPrefix, string? authority)
    {
        var options = ConfigurationOptions.Parse(connectionString);
        if (!string.IsNullOrEmpty(authority))
            options.TrustIssuer(authority);
        options.Protocol = RedisProtocol.Resp2;
        options.AbortOnConnectFail = false;
        options.ConnectRetry = 1; // the first attempt holds up whoever asks for the queue first; later ones are made in the background
        Multiplexer = ConnectionMultiplexer.Connect(options);
        _prefix = $"{{{keyPrefix}:hf}}:";
    }

    internal IConnectionMultiplexer Multiplexer { get; }

    internal IDatabase Database => Multiplexer.GetDatabase();

    /// <summary>A key among Hangfire's own; the hash tag keeps all of them in one slot of a cluster.</summary>
    internal RedisKey Key(string name) => _prefix + name;

    /// <summary>Set while a run's bell waits, so that ringing again does not fill the queue; see <see cref="HangfireRunQueue"/>.</summary>
    internal RedisKey Bell(Guid runId) => Key($"bell:{runId:N}");

    /// <param name="longestRun">Longer than any handler runs: Hangfire delivers a job again when so much time has passed since its fetch.</param>
    internal RedisStorageOptions StorageOptions(TimeSpan longestRun) => new()
    {
        Prefix = _prefix,
        InvisibilityTimeout = longestRun,
        FetchTimeout = TimeSpan.FromSeconds(5), // what a job waits whose wake-up was missed; three minutes by default
        SucceededListSize = 99,
        DeletedListSize = 99,
        ExpiryCheckInterval = TimeSpan.FromMinutes(10),
        UseTransactions = true,
    };

    public void Dispose() => Multiplexer.Dispose();
}

/// <summary>Hangfire's queues. Every idle worker polls every queue, so there are three and not one for each priority or project.</summary>
internal static class Lanes
{
    internal const string Sync = "run-sync";
    internal const string Normal = "run-normal";
    internal const string Bulk = "run-bulk";
    internal const string None = "run-none";

    internal static readonly string[] All = [Sync, Normal, Bulk];

    internal static string Of(RunPriority priority) => priority switch
    {
        RunPriority.Sync => Sync,
        RunPriority.Bulk => Bulk,
        _ => Normal,
    };
}
