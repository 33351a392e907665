using System.Net.Sockets;
using System.Text;
using Flows.Bench.Hosted;

namespace Flows.Bench.Chaos;

/// <summary>Kills one process of the platform after the other, chosen by the seed, without a word of warning. Redis may also be emptied.</summary>
internal sealed class ProcessKiller(LocalPlatform platform, CampaignDatabase database, Random random, TimeProvider clock)
{
    private static readonly TimeSpan s_mostIdle = TimeSpan.FromSeconds(20);

    // How often each is the one, of 100.
    private static readonly (string Target, int Weight)[] s_targets =
        [("worker", 40), ("engine", 34), ("api", 10), ("redis", 6), ("flushall", 4), ("postgres", 6)];

    /// <summary>What was killed, how often.</summary>
    public SortedDictionary<string, int> Kills { get; } = new(StringComparer.Ordinal);

    /// <summary>One kill, in the middle of things: when a worker holds a run, or has held none for long. Of workers, one that holds a run is taken.</summary>
    /// <returns>How long it waited until there was something to kill.</returns>
    public async Task<TimeSpan> KillAsync(CancellationToken cancel)
    {
        var target = Choose();
        var pick = random.Next();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(120));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var since = clock.GetTimestamp();
        var holders = await database.HoldersAsync(cancel);
        while (holders.Count == 0 && clock.GetElapsedTime(since) < s_mostIdle)
        {
            await tick.WaitForNextTickAsync(cancel);
            holders = await database.HoldersAsync(cancel);
        }
        if (target == "worker" && holders.Count > 0 && platform.PidsOf("worker").Contains(holders[pick % holders.Count])
            && Signal.Send(holders[pick % holders.Count], Signal.Kill))
        {
            Kills[target] = Kills.GetValueOrDefault(target) + 1;
            return clock.GetElapsedTime(since);
        }
        while (!(target == "flushall" ? await TryFlushAsync(limit.Token) : TryKill(target, pick)))
            await tick.WaitForNextTickAsync(limit.Token);
        Kills[target] = Kills.GetValueOrDefault(target) + 1;
        return clock.GetElapsedTime(since);
    }

    private string Choose()
    {
        var at = random.Next(s_targets.Sum(target => target.Weight));
        foreach (var (target, weight) in s_targets)
        {
            if ((at -= weight) < 0)
                return target;
        }
        return s_targets[0].Target;
    }

    private bool TryKill(string target, int pick)
    {
        var pids = target == "engine" ? platform.Engines() : platform.PidsOf(target);
        return pids.Count > 0 && Signal.Send(pids[pick % pids.Count], Signal.Kill);
    }

    private async Task<bool> TryFlushAsync(CancellationToken cancel)
    {
        var parts = (await platform.RedisAsync()).Split(',');
        var address = parts[0].Split(':');
        var password = parts.First(part => part.StartsWith("password=", StringComparison.Ordinal))["password=".Length..];
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address[0], int.Parse(address[1], null), cancel);
            await using var stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"AUTH {password}\r\nFLUSHALL\r\nQUIT\r\n"), cancel);
            using var reader = new StreamReader(stream, Encoding.ASCII);
            return (await reader.ReadToEndAsync(cancel)).Split("+OK").Length >= 3;
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            return false; // it is down: it was killed a moment ago
        }
    }
}
