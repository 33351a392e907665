using System.Net.Sockets;
using Flows.Contracts.Network;

namespace Flows.Worker.Egress;

/// <summary>
/// A Unix socket for one engine, behind which the worker resolves, checks and connects. It knows nothing of what is sent: TLS goes from end
/// to end. Disposing it closes every connection.
/// </summary>
internal sealed partial class BrokeredEgress : EngineEgress
{
    // Refusals of one run that are logged; a loop over a thousand wrong addresses is still one mistake. All of them are counted.
    private const int MostLogged = 20;
    // Beyond those that may be open: room for the ones that are told so.
    private const int Room = 64;
    private static readonly TimeSpan s_askTime = TimeSpan.FromSeconds(5);

    private readonly string _path;
    private readonly NetworkOptions _options;
    private readonly EgressParts _parts;
    private readonly NetworkGate _gate;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _accepting;
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _open = [];
    private Guid? _loggedRun;
    private int _logged;

    public BrokeredEgress(IReadOnlyList<string> launcher, string path, NetworkOptions options, EgressParts parts) : base(launcher, ["--egress", path])
    {
        (_path, _options, _parts) = (path, options, parts);
        var settings = options.ToSettings();
        _gate = new NetworkGate(new NetworkPolicy(settings), settings, parts.Resolve, parts.Clock);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        // The engine may run as another user than the worker.
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        _listener.Listen(512);
        _accepting = AcceptAsync();
    }

    public override string SocketPath => _path;

    public override async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _listener.Dispose();
        await _accepting;
        Task[] open;
        lock (_lock)
            open = [.. _open];
        await Task.WhenAll(open);
        File.Delete(_path);
        _gate.Dispose();
        _closing.Dispose();
        await base.DisposeAsync();
    }

    private async Task AcceptAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                var engine = await _listener.AcceptAsync(_closing.Token);
                lock (_lock)
                {
                    if (_open.Count >= _options.Connections + Room)
                    {
                        engine.Dispose();
                        continue;
                    }
                    var serving = ServeAsync(engine);
                    _open.Add(serving);
                    _ = serving.ContinueWith(Remove, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                }
            }
            catch (SocketException error) when (!_closing.IsCancellationRequested)
            {
                // Out of descriptors, most likely: what is open will close.
                LogAcceptFailed(_parts.Logger, error.SocketErrorCode);
                await Task.Delay(TimeSpan.FromMilliseconds(100), _parts.Clock, CancellationToken.None);
            }
            catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private void Remove(Task serving)
    {
        lock (_lock)
            _open.Remove(serving);
    }

    private async Task ServeAsync(Socket socket)
    {
        await Task.Yield(); // the lock is held
        await using var engine = new NetworkStream(socket, ownsSocket: true);
        try
        {
            using var late = new CancellationTokenSource(s_askTime, _parts.Clock);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token, late.Token);
            var (host, port) = await EgressWire.ReadRequestAsync(engine, either.Token);
            await using var far = await ConnectAsync(engine, host, port);
            if (far is not null)
                await BridgeAsync(engine, far);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // One of the two is gone, or the engine is being closed: the other one sees its connection end.
        }
    }

    /// <returns>Null when there is no connection, and the engine has been told why.</returns>
    private async Task<GuardedStream?> ConnectAsync(NetworkStream engine, string host, int port)
    {
        try
        {
            var far = await _gate.ConnectAsync(host, port, _closing.Token);
            _parts.Metrics.Asked("opened");
            LogOpened(_parts.Logger, RunId, host, port, far.Address);
            return far;
        }
        catch (Exception error) when (error is NetworkRefusedException or SocketException or TimeoutException)
        {
            _parts.Metrics.Asked(error is NetworkRefusedException ? "refused" : "failed");
            if (error is NetworkRefusedException && MayLog())
                LogRefused(_parts.Logger, RunId, error.Message);
            await EgressWire.AnswerFailureAsync(engine, error, _closing.Token);
            return null;
        }
    }

    private async Task BridgeAsync(NetworkStream engine, GuardedStream far)
    {
        _parts.Metrics.Opened();
        try
        {
            await EgressWire.AnswerConnectedAsync(engine, _closing.Token);
            using var bridge = new Bridge(engine, far, _options.ConnectionIdle, _parts.Clock);
            await bridge.RunAsync(_closing.Token);
        }
        catch (NetworkRefusedException tooMuch)
        {
            if (MayLog())
                LogRefused(_parts.Logger, RunId, tooMuch.Message);
        }
        finally
        {
            _parts.Metrics.Closed(far.Bytes);
        }
    }

    private bool MayLog()
    {
        lock (_lock)
        {
            if (_loggedRun != RunId)
                (_loggedRun, _logged) = (RunId, 0);
            return ++_logged <= MostLogged;
        }
    }

    [LoggerMessage(LogLevel.Debug, "Run {RunId} has a connection to {Host}:{Port} ({Address}).")]
    private static partial void LogOpened(ILogger logger, Guid? runId, string host, int port, System.Net.IPAddress address);

    [LoggerMessage(LogLevel.Warning, "Run {RunId} was refused a connection: {Reason}")]
    private static partial void LogRefused(ILogger logger, Guid? runId, string reason);

    [LoggerMessage(LogLevel.Warning, "No connection of an engine can be taken: {Error}.")]
    private static partial void LogAcceptFailed(ILogger logger, SocketError error);
}
