using System.Net;
using System.Net.Sockets;

namespace Flows.Tests.Proofs;

/// <summary>A way to a server that can be shut: then every connection breaks, and nobody gets a new one, until it is opened again.</summary>
internal sealed class TcpGate : IAsyncDisposable
{
    private readonly IPEndPoint _target;
    private CancellationTokenSource _open = new();
    private TcpListener _listener;
    private Task _accepting;

    public TcpGate(string host, int port)
    {
        _target = new IPEndPoint(Dns.GetHostAddresses(host).First(address => address.AddressFamily == AddressFamily.InterNetwork), port);
        _listener = new TcpListener(IPAddress.Loopback, 0);
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _accepting = AcceptAsync(_listener, _open.Token);
    }

    public int Port { get; }

    public async Task ShutAsync()
    {
        _listener.Stop();
        await _open.CancelAsync();
        await _accepting;
    }

    public void Open()
    {
        _open.Dispose();
        _open = new CancellationTokenSource();
        _listener = new TcpListener(IPAddress.Loopback, Port);
        _listener.Start();
        _accepting = AcceptAsync(_listener, _open.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await ShutAsync();
        _open.Dispose();
    }

    private async Task AcceptAsync(TcpListener listener, CancellationToken open)
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(CopyAsync(await listener.AcceptTcpClientAsync(open), open));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task CopyAsync(TcpClient caller, CancellationToken open)
    {
        using var server = new TcpClient();
        using (caller)
        {
            try
            {
                await server.ConnectAsync(_target, open);
                await Task.WhenAny(caller.GetStream().CopyToAsync(server.GetStream(), open), server.GetStream().CopyToAsync(caller.GetStream(), open));
            }
            catch (Exception error) when (error is OperationCanceledException or IOException or SocketException)
            {
                // One side has gone.
            }
        }
    }
}
