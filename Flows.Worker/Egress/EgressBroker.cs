using Flows.Contracts.Network;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Egress;

/// <summary>
/// Gives every engine its way to other hosts. In STRICT it has no network: the kernel gives it an empty one, and it gets a Unix socket of its own,
/// behind which this worker checks and connects for it. Where the machine cannot do that, and in UNRESTRICTED, the engine shares the worker's
/// network, gets the policy on its command line and keeps to it itself.
/// </summary>
internal sealed class EgressBroker : IDisposable
{
    private const string FolderPrefix = "flows-egress-";

    private readonly NetworkOptions _network;
    private readonly NetworkNamespace _namespaces;
    private readonly ExecutionOptions _execution;
    private readonly EgressMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly ILogger<EgressBroker> _logger;
    private readonly ResolveName? _resolve;
    private readonly Lazy<string> _folder = new(MakeFolder);

    /// <param name="resolve">For tests: what names mean. The system's resolver when it is left out.</param>
    public EgressBroker(
        IOptions<NetworkOptions> network, IOptions<ExecutionOptions> execution, NetworkNamespace namespaces, EgressMetrics metrics, TimeProvider clock,
        ILogger<EgressBroker> logger, ResolveName? resolve = null)
    {
        (_network, _execution, _namespaces, _metrics, _clock, _logger, _resolve) = (network.Value, execution.Value, namespaces, metrics, clock, logger, resolve);
    }

    /// <summary><c>STRICT</c> or <c>UNRESTRICTED</c>.</summary>
    public string Mode => _network.Network;

    /// <summary>How the network is closed, in words for operators; and whether the kernel sees to it or the processes themselves.</summary>
    public async Task<(bool IsKept, string How)> DescribeAsync() => _network.Network switch
    {
        NetworkPolicy.Unrestricted => (true, "everything that is not denied can be reached"),
        _ when _execution is { IsEngineBoxed: true, IsCodeBoxed: true } || await _namespaces.FindLauncherAsync() is not null => (true, "engines and code have no network of their own, the egress broker connects for engines"),
        _ => (false, "this machine gives no network namespaces, so engines keep to the policy themselves, and code that breaks out of its step's context is not kept from the network"),
    };

    /// <summary>What stands before a program that must not reach the network; nothing when it may, or when this machine cannot keep it from it.</summary>
    public async Task<IReadOnlyList<string>> FindLauncherAsync() =>
        _network.Network == NetworkPolicy.Strict ? await _namespaces.FindLauncherAsync() ?? [] : [];

    /// <summary>The way for an engine that is about to start. It ends when it is disposed, and every connection on it.</summary>
    /// <exception cref="ChildStartException">The socket cannot be opened.</exception>
    public async Task<EngineEgress> OpenAsync()
    {
        // A box comes without a network: nothing more has to take it away.
        if (_execution.IsEngineBoxed && _network.Network == NetworkPolicy.Strict)
            return OpenSocket([]);
        var launcher = _execution.IsEngineBoxed ? [] : await FindLauncherAsync();
        return launcher.Count > 0 ? OpenSocket(launcher) : new EngineEgress([], _network.ToSettings().ToArguments());
    }

    /// <summary>A way through this worker for a program that is started with <paramref name="launcher"/>.</summary>
    /// <exception cref="ChildStartException">The socket cannot be opened.</exception>
    internal BrokeredEgress OpenSocket(IReadOnlyList<string> launcher)
    {
        // Nobody can list the folder, so a name that cannot be guessed is the key: each box is given its own socket and knows no other.
        var path = Path.Combine(_folder.Value, $"{Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(12))}.sock");
        try
        {
            return new BrokeredEgress(launcher, path, _network, new EgressParts(_metrics, _clock, _logger, _resolve));
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
