using System.Net.Sockets;

namespace Flows.Engine.Pieces;

/// <summary>
/// The one way from an engine to other hosts, for HTTP and for every other protocol over TCP. Pieces never open a socket of their own: what
/// may be reached is decided here. TLS, when there is any, is the caller's and goes from end to end.
/// </summary>
internal class OutboundNetwork
{
    private static readonly TimeSpan s_connectTime = TimeSpan.FromSeconds(15);

    /// <summary>Opens a connection; the caller disposes of it.</summary>
    /// <param name="host">A name or a literal address, as the flow gave it.</param>
    /// <exception cref="SocketException">Nobody answers there.</exception>
    /// <exception cref="TimeoutException">Nobody answered within 15 s.</exception>
    public virtual async Task<Stream> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancel).AsTask().WaitAsync(s_connectTime, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
