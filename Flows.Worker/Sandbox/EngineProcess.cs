using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Worker.Egress;

namespace Flows.Worker.Sandbox;

/// <summary>An engine: walks one run at a time, for one project.</summary>
internal sealed class EngineProcess : IPooledProcess
{
    private static readonly TimeSpan s_closeTime = TimeSpan.FromSeconds(2);

    // The engine keeps the last 16 definitions it has read. Counting on what went out with the last 8 sendings is safe whether it drops
    // the oldest or the least recently used one: since any of these was sent, at most 14 other versions can have been used.
    private const int KnownVersions = 8;

    private readonly ChildProcess _child;
    private readonly EngineEgress _egress;
    private readonly Dictionary<Guid, int> _sent = []; // version → number of its sending
    private int _sendings;

    private EngineProcess(ChildProcess child, EngineEgress egress) => (_child, _egress) = (child, egress);

    public int Id => _child.Id;
    public bool IsAlive => _child.IsAlive;
    public Task Exited => _child.Exited;
    public long Bytes => _child.LastBytes;
    public void Measure() => _child.LastBytes = ProcessTree.Measure(_child.Id).Bytes;
    public FrameReader Reader => _child.Reader;
    public FrameWriter Writer => _child.Writer;

    /// <summary>Starts an engine and waits for its greeting.</summary>
    /// <param name="egress">Its way to other hosts; it ends with the engine, also with one that does not start.</param>
    /// <exception cref="ChildStartException">It cannot be started, is too slow, or speaks another protocol.</exception>
    public static async Task<EngineProcess> StartAsync(
        ProcessStarter starter, EngineFiles files, EngineEgress egress, ExecutionOptions options, ILogger logger)
    {
        EngineReady ready;
        ChildProcess child;
        try
        {
            string[] command = [.. files.Engine, .. egress.Arguments];
            var launch = options.IsEngineBoxed
                ? LaunchCommand.Boxed(command, options.MemoryMiB, new BoxView([files.Folder, LaunchCommand.DotnetRoot], egress.SocketPath, HasNetwork: egress.SocketPath is null))
                : LaunchCommand.For([.. egress.Launcher, .. command], options.MemoryMiB);
            child = await ChildProcess.StartAsync(starter, launch with { Limits = options.GroupLimits(options.IsEngineBoxed) }, logger, LogLevel.Warning);
            ready = await Greeting.ReadAsync(child, FrameType.Ready, EngineJson.Default.EngineReady, "The engine", options.StartTimeout);
        }
        catch (ChildStartException)
        {
            await egress.DisposeAsync();
            throw;
        }
        if (ready.Protocol == EngineReady.CurrentProtocol)
            return new EngineProcess(child, egress);

        await child.DisposeAsync();
        await egress.DisposeAsync();
        throw new ChildStartException(
            $"The engine {ready.Version} speaks protocol {ready.Protocol}; this worker speaks {EngineReady.CurrentProtocol}. Install both from the same release.");
    }

    /// <summary>True when a run of this version may be started without its definition.</summary>
    public bool Knows(Guid versionId) => _sent.TryGetValue(versionId, out var sending) && _sendings - sending < KnownVersions;

    /// <summary>The definition goes out with the next frame.</summary>
    public void Remember(Guid versionId)
    {
        foreach (var (old, _) in _sent.Where(entry => _sendings - entry.Value >= KnownVersions).ToList())
            _sent.Remove(old);
        _sent[versionId] = ++_sendings;
    }

    /// <summary>The run failed: perhaps because the engine could not read the definition, and then it has not kept it.</summary>
    public void Forget(Guid versionId) => _sent.Remove(versionId);

    /// <summary>Ends it and everything it has started, at once. Safe from any thread.</summary>
    public void Kill() => _child.Kill();

    /// <summary>Watches what it uses until the result is disposed.</summary>
    public WatchedUse Watch(ResourceWatch watch) => watch.Watch(_child);

    public Task<ChildExit> GetExitAsync() => _child.GetExitAsync();

    /// <summary>What is said of the network is said of this run.</summary>
    public void Serve(Guid runId) => _egress.RunId = runId;

    public async ValueTask DisposeAsync()
    {
        await _child.CloseAsync(s_closeTime);
        await _egress.DisposeAsync();
    }
}

/// <summary>The first frame of a child.</summary>
internal static class Greeting
{
    /// <exception cref="ChildStartException">No such frame came in time; the child is gone.</exception>
    public static async Task<T> ReadAsync<T>(
        ChildProcess child, FrameType type, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> typeInfo, string who, TimeSpan patience)
    {
        using var late = new CancellationTokenSource(patience);
        string reason;
        try
        {
            if (await child.Reader.ReadAsync(late.Token) is { } frame && frame.Type == type)
                return frame.Read(typeInfo);
            reason = "did not say that it was ready";
        }
        catch (OperationCanceledException)
        {
            reason = $"was not ready within {patience.TotalSeconds:0} s";
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            reason = $"said something else than that it was ready ({error.Message})";
        }

        child.Kill();
        var exit = await child.GetExitAsync();
        await child.DisposeAsync();
        throw new ChildStartException($"{who} {reason}. Exit code {exit.Code}. {exit.ErrorTail.Trim()}".TrimEnd());
    }
}
