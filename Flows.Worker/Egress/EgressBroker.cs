using Flows.Contracts.Network;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Egress;

/// <summary>
/// Gives every engine its way to other hosts. An engine that shares the worker's network gets the policy on its command line and keeps to it
/// itself. One in a box without a network gets a Unix socket of its own, behind which this worker checks and connects for it.
/// </summary>
internal sealed class EgressBroker : IDisposable
{
    private const string FolderPrefix = "flows-egress-";

    private readonly NetworkOptions _network;
    private readonly ExecutionOptions _execution;
    private readonly EgressMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly ILogger<EgressBroker> _logger;
    private readonly ResolveName? _resolve;
    private readonly Lazy<string> _folder = new(MakeFolder);

    /// <param name="resolve">For tests: what names mean. The system's resolver when it is left out.</param>
    public EgressBroker(
        IOptions<NetworkOptions> network, IOptions<ExecutionOptions> execution, EgressMetrics metrics, TimeProvider clock, ILogger<EgressBroker> logger,
        ResolveName? resolve = null)
    {
        (_network, _execution, _metrics, _clock, _logger, _resolve) = (network.Value, execution.Value, metrics, clock, logger, resolve);
    }

    /// <summary>The way for an engine that is about to start. It ends when it is disposed, and every connection on it.</summary>
    public EngineEgress Open() =>
        _network.Network == NetworkPolicy.Strict && _execution.IsEngineBoxed ? OpenSocket() : new EngineEgress(_network.ToSettings().ToArguments());

    /// <summary>A way through this worker, whatever the mode.</summary>
    /// <exception cref="ChildStartException">The socket cannot be opened.</exception>
    internal BrokeredEgress OpenSocket()
    {
        // Nobody can list the folder, so a name that cannot be guessed is the key: each box is given its own socket and knows no other.
        var path = Path.Combine(_folder.Value, $"{Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(12))}.sock");
        try
        {
            return new BrokeredEgress(path, _network, new EgressParts(_metrics, _clock, _logger, _resolve));
        }
        catch (Exception error) when (error is System.Net.Sockets.SocketException or IOException or ArgumentException)
        {
            // A temporary folder with a long name is the usual reason: a socket's path has at most 108 bytes.
            throw new ChildStartException($"The egress socket '{path}' cannot be opened: {error.Message}", error);
        }
    }

    public void Dispose()
    {
        if (_folder.IsValueCreated)
            Remove(_folder.Value);
    }

    // A worker that was killed leaves its folder behind; the next one on this machine clears it away.
    private static string MakeFolder()
    {
        foreach (var old in Directory.GetDirectories(Path.GetTempPath(), FolderPrefix + "*"))
        {
            var owner = Path.GetFileName(old)[FolderPrefix.Length..].Split('-')[0];
            if (OperatingSystem.IsLinux() && owner.All(char.IsAsciiDigit) && !Directory.Exists($"/proc/{owner}"))
                Remove(old);
        }
        var folder = Directory.CreateTempSubdirectory($"{FolderPrefix}{Environment.ProcessId}-").FullName;
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        return folder;
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another user's, or another worker was faster.
        }
    }
}

/// <summary>What every connection needs of the worker.</summary>
internal sealed record EgressParts(EgressMetrics Metrics, TimeProvider Clock, ILogger Logger, ResolveName? Resolve);
