using System.Text;

namespace Flows.Worker.Sandbox;

/// <summary>
/// Whether this machine gives a child a network namespace of its own: an empty one, with no interface but a loopback that is down. Root gets it
/// at once, others through a user namespace, where the kernel's settings allow that. Tried out once, at the first question.
/// </summary>
internal sealed class NetworkNamespace
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly string[][] s_ways = [["unshare", "--net", "--"], ["unshare", "--user", "--map-current-user", "--net", "--"]];
    private readonly Lazy<Task<IReadOnlyList<string>?>> _launcher;

    public NetworkNamespace(ProcessStarter starter, ILogger<NetworkNamespace> logger) =>
        _launcher = new Lazy<Task<IReadOnlyList<string>?>>(() => Task.Run(() => TryWaysAsync(starter, logger)));

    /// <summary>What stands before a program that is to have no network; null when this machine cannot do it.</summary>
    public Task<IReadOnlyList<string>?> FindLauncherAsync() => _launcher.Value;

    private static async Task<IReadOnlyList<string>?> TryWaysAsync(ProcessStarter starter, ILogger logger)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        foreach (var way in s_ways)
        {
            if (await IsEmptyAsync(way, starter, logger))
                return way;
        }
        return null;
    }

    private static async Task<bool> IsEmptyAsync(string[] way, ProcessStarter starter, ILogger logger)
    {
        try
        {
            await using var child = await ChildProcess.StartAsync(starter, LaunchCommand.For([.. way, "cat", "/proc/self/net/dev"], memoryMiB: 64), logger, LogLevel.Debug);
            using var late = new CancellationTokenSource(s_patience);
            var buffer = new byte[4096];
            var length = await child.Output.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, late.Token);
            // Two lines of headings, then one for each interface: "    lo: 0 0 …".
            var lines = Encoding.ASCII.GetString(buffer, 0, length).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return lines.Length == 3 && lines[2].StartsWith("lo:", StringComparison.Ordinal);
        }
        catch (Exception error) when (error is ChildStartException or IOException or OperationCanceledException)
        {
            return false;
        }
    }
}
