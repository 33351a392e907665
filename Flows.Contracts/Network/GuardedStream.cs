using System.Net;
using System.Net.Sockets;

namespace Flows.Contracts.Network;

/// <summary>A connection that a <see cref="NetworkGate"/> has opened: counts its bytes, ends at its limit, and gives its place back when it is disposed.</summary>
public sealed class GuardedStream : NetworkStream
{
    private readonly long _mostBytes;
    private Action? _released;
    private long _bytes;

    internal GuardedStream(Socket socket, IPAddress address, long mostBytes, Action released) : base(socket, ownsSocket: true)
    {
        _mostBytes = mostBytes;
        _released = released;
        Address = address;
    }

    /// <summary>The checked address at the other end.</summary>
    public IPAddress Address { get; }

    /// <summary>Bytes so far, both directions together.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Tells the other side that nothing more comes; it may go on sending.</summary>
    public void EndSending() => Socket.Shutdown(SocketShutdown.Send);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Count(await base.ReadAsync(buffer, cancellationToken));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(Span<byte> buffer) => Count(base.Read(buffer));

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Count(buffer.Length);
        return base.WriteAsync(buffer, cancellationToken);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Count(buffer.Length);
        base.Write(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        Interlocked.Exchange(ref _released, null)?.Invoke();
    }

    private int Count(int bytes) => Interlocked.Add(ref _bytes, bytes) <= _mostBytes
        ? bytes
        : throw new NetworkRefusedException(
            $"More than {_mostBytes >> 20} MiB went over one connection; {NetworkSettings.ConnectionMiBVariable} is the limit.");
}
