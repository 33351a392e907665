using System.Net.Sockets;
using Flows.Contracts.Network;

namespace Flows.Engine.Pieces;

/// <summary>
/// The one way from an engine to other hosts, for HTTP and for every other protocol over TCP. Pieces never open a socket of their own: what
/// may be reached is decided here. TLS, when there is any, is the caller's and goes from end to end.
/// </summary>
internal abstract class OutboundNetwork
{
    /// <summary>Opens a connection; the caller disposes of it.</summary>
    /// <param name="host">A name or a literal address, as the flow gave it.</param>
    /// <exception cref="NetworkRefusedException">The network policy does not let it through.</exception>
    /// <exception cref="SocketException">Nobody answers there.</exception>
    /// <exception cref="TimeoutException">Nobody answered within 15 s.</exception>
    public abstract Task<Stream> ConnectAsync(string host, int port, CancellationToken cancel);
}

/// <summary>Checks and connects in this process: for engines that share the network of their worker.</summary>
internal sealed class GuardedNetwork(NetworkGate gate) : OutboundNetwork
{
    /// <exception cref="NetworkSettingException"/>
    public GuardedNetwork(NetworkSettings settings) : this(new NetworkGate(settings))
    {
    }

    public override async Task<Stream> ConnectAsync(string host, int port, CancellationToken cancel) => await gate.ConnectAsync(host, port, cancel);
}

/// <summary>Has the worker's broker check and connect: for engines in a box that has no network.</summary>
/// <param name="socketPath">The broker's Unix socket.</param>
internal sealed class BrokeredNetwork(string socketPath) : OutboundNetwork
{
    // The broker gives up after 15 s; it should be heard.
    private static readonly TimeSpan s_answerTime = TimeSpan.FromSeconds(20);

    public override async Task<Stream> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        using var late = new CancellationTokenSource(s_answerTime);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, late.Token);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), either.Token);
            var stream = new NetworkStream(socket, ownsSocket: true);
            await EgressWire.AskAsync(stream, host, port, either.Token);
            return stream;
        }
        catch (Exception error)
        {
            socket.Dispose();
            if (error is OperationCanceledException && !cancel.IsCancellationRequested)
                throw new TimeoutException($"{host}:{port} did not answer in time.");
            throw;
        }
    }
}
