using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Flows.Tests.Queue;

/// <summary>A way to Redis on which one answer gets lost: the request has arrived and was carried out, and the connection breaks before the answer is back.</summary>
public sealed class LossyProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly IPEndPoint _target;
    private readonly Task _accepting;
    private byte[]? _losing;

    public LossyProxy(string target)
    {
        _target = IPEndPoint.Parse(target);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string ConnectionString => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Loses the next answer that holds this text, and no other.</summary>
    public void LoseAnswerWith(string text) => Volatile.Write(ref _losing, Encoding.ASCII.GetBytes(text));

    /// <summary>True when the answer was lost.</summary>
    public bool HasLost { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _accepting;
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_end.Token));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The proxy is put away.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var redis = new TcpClient();
        using (client)
        {
            try
            {
                await redis.ConnectAsync(_target, _end.Token);
                await Task.WhenAny(PumpAsync(client, redis, isAnswer: false), PumpAsync(redis, client, isAnswer: true));
            }
            catch (Exception error) when (error is OperationCanceledException or SocketException or IOException)
            {
                // One side is gone; both are closed.
            }
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, bool isAnswer)
    {
        var buffer = new byte[64 << 10];
        int length;
        while ((length = await from.GetStream().ReadAsync(buffer, _end.Token)) > 0)
        {
            if (isAnswer && Volatile.Read(ref _losing) is { } text && buffer.AsSpan(0, length).IndexOf(text) >= 0)
            {
                Volatile.Write(ref _losing, null);
                HasLost = true;
                return;
            }
            await to.GetStream().WriteAsync(buffer.AsMemory(0, length), _end.Token);
        }
    }
}
