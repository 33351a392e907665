using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Flows.Contracts.Network;

/* The wire between an engine without a network and the broker of its worker: a Unix socket, one connection for each connection.
 *   request = length host port     length = 2 bytes, little-endian, of the host     host = UTF-8     port = 2 bytes, little-endian
 *   answer  = 0                    from here on every byte belongs to the two ends
 *           | 1 length text        refused: text is the message of the policy
 *           | 2 error              error = 4 bytes, little-endian, a SocketError
 *           | 3                    nobody answered in time                                                              */

/// <summary>What an engine and its broker say to each other before the bytes of others flow.</summary>
public static class EgressWire
{
    /// <summary>Longest host, and longest message, in bytes.</summary>
    private const int Longest = 4096;

    private const byte Connected = 0;
    private const byte Refused = 1;
    private const byte Failed = 2;
    private const byte TimedOut = 3;

    /// <summary>The engine's side: asks for a connection and waits for the answer.</summary>
    /// <exception cref="NetworkRefusedException"/>
    /// <exception cref="SocketException">The name is not known, or nobody answers there.</exception>
    /// <exception cref="TimeoutException">Nobody answered in time.</exception>
    /// <exception cref="IOException">The broker is gone, or is none.</exception>
    public static async Task AskAsync(Stream broker, string host, int port, CancellationToken cancel)
    {
        var name = Encoding.UTF8.GetBytes(host);
        if (name.Length > Longest || port is <= 0 or > ushort.MaxValue)
            throw new NetworkRefusedException("The host or the port is none.");
        var request = new byte[name.Length + 4];
        BinaryPrimitives.WriteUInt16LittleEndian(request, (ushort)name.Length);
        name.CopyTo(request, 2);
        BinaryPrimitives.WriteUInt16LittleEndian(request.AsSpan(2 + name.Length), (ushort)port);
        await broker.WriteAsync(request, cancel);

        // No byte more than the answer is read: the other end may be the first to speak.
        switch ((await ReadAsync(broker, 1, cancel))[0])
        {
            case Connected:
                return;
            case Refused:
                var length = BinaryPrimitives.ReadUInt16LittleEndian(await ReadAsync(broker, 2, cancel));
                throw new NetworkRefusedException(Encoding.UTF8.GetString(await ReadAsync(broker, length, cancel)));
            case Failed:
                throw new SocketException(BinaryPrimitives.ReadInt32LittleEndian(await ReadAsync(broker, 4, cancel)));
            case TimedOut:
                throw new TimeoutException($"{host}:{port} did not answer in time.");
            default:
                throw new IOException("The egress broker has answered with something else than the protocol.");
        }
    }

    /// <summary>The broker's side: what is asked for.</summary>
    /// <exception cref="IOException">It is not the protocol, or the engine is gone.</exception>
    public static async Task<(string Host, int Port)> ReadRequestAsync(Stream engine, CancellationToken cancel)
    {
        var length = BinaryPrimitives.ReadUInt16LittleEndian(await ReadAsync(engine, 2, cancel));
        if (length is 0 or > Longest)
            throw new IOException($"A host of {length} bytes was announced; 1 to {Longest} are allowed.");
        var rest = await ReadAsync(engine, length + 2, cancel);
        return (Encoding.UTF8.GetString(rest, 0, length), BinaryPrimitives.ReadUInt16LittleEndian(rest.AsSpan(length)));
    }

    public static ValueTask AnswerConnectedAsync(Stream engine, CancellationToken cancel) => engine.WriteAsync(new[] { Connected }, cancel);

    /// <summary>Says why there is no connection.</summary>
    public static ValueTask AnswerFailureAsync(Stream engine, Exception failure, CancellationToken cancel)
    {
        switch (failure)
        {
            case NetworkRefusedException:
                var text = Encoding.UTF8.GetBytes(failure.Message);
                text = text[..Math.Min(text.Length, Longest)];
                var refused = new byte[3 + text.Length];
                refused[0] = Refused;
                BinaryPrimitives.WriteUInt16LittleEndian(refused.AsSpan(1), (ushort)text.Length);
                text.CopyTo(refused, 3);
                return engine.WriteAsync(refused, cancel);
            case SocketException socket:
                var failed = new byte[5];
                failed[0] = Failed;
                BinaryPrimitives.WriteInt32LittleEndian(failed.AsSpan(1), (int)socket.SocketErrorCode);
                return engine.WriteAsync(failed, cancel);
            default:
                return engine.WriteAsync(new[] { TimedOut }, cancel);
        }
    }

    private static async ValueTask<byte[]> ReadAsync(Stream stream, int count, CancellationToken cancel)
    {
        var bytes = new byte[count];
        return await stream.ReadAtLeastAsync(bytes, count, throwOnEndOfStream: false, cancel) == count
            ? bytes
            : throw new IOException("The other end of the egress socket has closed it.");
    }
}
