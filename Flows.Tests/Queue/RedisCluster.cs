namespace Flows.Tests.Queue;

/// <summary>Three masters of a Redis Cluster without replicas; one that is away takes only its own slots with it.</summary>
public sealed class RedisCluster : IAsyncLifetime
{
    private static readonly string[] s_settings =
        ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500", "--cluster-require-full-coverage", "no", "--cluster-allow-reads-when-down", "yes"];

    private readonly PrivateRedis[] _masters = [new(), new(), new()];

    public string ConnectionString => string.Join(',', _masters.Select(master => master.ConnectionString));

    public async Task InitializeAsync()
    {
        foreach (var master in _masters)
            Start(master);
        foreach (var master in _masters)
            await QueueSituation.EventuallyAsync(async () => (await master.CommandAsync("PING")).StartsWith("+PONG", StringComparison.Ordinal));
        await PrivateRedis.CliAsync(["--cluster", "create", .. _masters.Select(master => master.ConnectionString), "--cluster-yes"]);
        await UntilWholeAsync();
    }

    public Task DisposeAsync()
    {
        foreach (var master in _masters)
            master.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>As kill -9 of the master that has the slot of a key.</summary>
    public async Task<PrivateRedis> KillMasterOfAsync(string key)
    {
        var slot = (await _masters[0].CommandAsync($"CLUSTER KEYSLOT {key}")).Trim()[1..];
        foreach (var master in _masters)
        {
            // The one that has the slot answers; the others say where it is.
            if ((await master.CommandAsync($"CLUSTER COUNTKEYSINSLOT {slot}")).StartsWith(':')
                && !(await master.CommandAsync($"EXISTS {key}")).StartsWith("-MOVED", StringComparison.Ordinal))
            {
                master.Kill();
                return master;
            }
        }
        throw new InvalidOperationException($"Nobody has slot {slot}.");
    }

    /// <summary>Starts a killed master again, with its file.</summary>
    public async Task RestartAsync(PrivateRedis master)
    {
        Start(master);
        await UntilWholeAsync();
    }

    private static void Start(PrivateRedis master) => master.Start([.. s_settings, "--cluster-port", $"{PrivateRedis.FreePort()}"]);

    private async Task UntilWholeAsync()
    {
        foreach (var master in _masters)
        {
            await QueueSituation.EventuallyAsync(async () =>
            {
                var info = await master.CommandAsync("CLUSTER INFO");
                return info.Contains("cluster_state:ok", StringComparison.Ordinal) && info.Contains("cluster_slots_ok:16384", StringComparison.Ordinal);
            });
        }
    }
}
