using System.Net;
using System.Net.Sockets;

namespace Flows.LocalHosting.Orchestration;

/// <summary>One port on loopback for several replicas: each new connection goes to the next healthy one.</summary>
/// <param name="targets">The ports of the replicas that can take a connection now.</param>
internal sealed class RoundRobinProxy(int port, Func<IReadOnlyList<int>> targets) : IAsyncDisposable
{
    private readonly CancellationTokenSource stopping = new();
    private readonly SemaphoreSlim places = new(1024);
    private readonly List<TcpListener> listeners = [];
    private readonly List<Task> accepting = [];
    private int turn;

    public void Start()
    {
        Listen(IPAddress.Loopback);
        if (Socket.OSSupportsIPv6)
            Listen(IPAddress.IPv6Loopback);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        foreach (var listener in listeners)
            listener.Dispose();
        await Task.WhenAll(accepting);
        stopping.Dispose();
    }

    private void Listen(IPAddress address)
    {
        var listener = new TcpListener(address, port);
        try
        {
            listener.Start();
        }
        catch (SocketException) when (address.Equals(IPAddress.IPv6Loopback))
        {
            listener.Dispose(); // no IPv6 on this machine's loopback; the other address is enough
            return;
        }
        listeners.Add(listener);
        accepting.Add(AcceptAsync(listener));
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await places.WaitAsync(stopping.Token);
                var client = await listener.AcceptTcpClientAsync(stopping.Token);
                _ = ForwardAsync(client);
            }
            catch (Exception error) when (error is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // A caller that hung up while it waited, or the end of the listener: the condition of the loop tells them apart.
            }
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                using var server = await ConnectAsync();
                if (server is null)
                    return;
                client.NoDelay = server.NoDelay = true;
                await Task.WhenAll(CopyAsync(client, server), CopyAsync(server, client));
            }
            catch (Exception error) when (error is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // One side has gone: closing the other is the answer.
            }
            finally
            {
                places.Release();
            }
        }
    }

    private async Task<TcpClient?> ConnectAsync()
    {
        var ports = targets();
        // Each once: among many callers a turn for each try could meet the dead one every time.
        var first = Interlocked.Increment(ref turn) & int.MaxValue;
        for (var tries = 0; tries < ports.Count; tries++)
        {
            var server = new TcpClient();
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, ports[(int)(((long)first + tries) % ports.Count)], stopping.Token);
                return server;
            }
            catch (SocketException)
            {
                server.Dispose(); // it has just died; the next one then
            }
        }
        return null;
    }

    private async Task CopyAsync(TcpClient from, TcpClient to)
    {
        await from.GetStream().CopyToAsync(to.GetStream(), stopping.Token);
        // Half closed: the answer may still be on its way back.
        to.Client.Shutdown(SocketShutdown.Send);
    }
}
