using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Flows.Contracts.EngineProtocol;

/// <summary>
/// The wire between a worker and its child processes, over their standard input and output:
/// <code>frame = length type body     length = 4 bytes, little-endian, of type + body     type = 1 byte     body = UTF-8 JSON</code>
/// Either side that meets a frame it cannot read must treat the other as broken and end it; nothing is skipped.
/// </summary>
public readonly record struct Frame(FrameType Type, ReadOnlyMemory<byte> Body)
{
    /// <summary>Largest frame, in bytes: a payload at its limit, a journal, and room. Bigger is refused on both sides.</summary>
    public const int MaxLength = 128 * 1024 * 1024;

    /// <summary>Reads the body as a message of the frame's type.</summary>
    /// <exception cref="JsonException">The body is not such a message.</exception>
    public T Read<T>(JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(Body.Span, type) ?? throw new JsonException($"The {Type} frame is empty.");
}

/// <summary>The messages. The numbers are the wire format: never change or reuse one.</summary>
public enum FrameType : byte
{
    // engine → worker
    Ready = 1,
    Journal = 2,
    Respond = 3,
    CodeRequested = 4,
    Finished = 5,
    HostRequested = 6,
    PieceAnswer = 7,
    // worker → engine
    Start = 32,
    Durable = 33,
    CodeCompleted = 34,
    HostCompleted = 35,
    Drain = 36,
    PieceRequest = 37,
    // worker ↔ code runner
    CodeReady = 64,
    RunCode = 65,
    CodeResult = 66,
}

/// <summary>The bytes on the stream are not the protocol: wrong length, unknown type, or the end in the middle of a frame.</summary>
public sealed class FrameException(string message) : IOException(message);

/// <summary>Reads frames from one stream. Not safe for concurrent use.</summary>
public sealed class FrameReader(Stream stream, int maxLength = Frame.MaxLength)
{
    private readonly byte[] _header = new byte[5];

    /// <summary>The next frame, or null when the other side has closed the stream between frames.</summary>
    /// <exception cref="FrameException">The stream does not hold frames.</exception>
    public async ValueTask<Frame?> ReadAsync(CancellationToken cancel)
    {
        var got = await stream.ReadAtLeastAsync(_header, _header.Length, throwOnEndOfStream: false, cancel);
        if (got == 0)
            return null;
        if (got < _header.Length)
            throw new FrameException($"The stream ended after {got} bytes of a frame header.");

        var length = BinaryPrimitives.ReadInt32LittleEndian(_header);
        if (length < 1 || length > maxLength)
            throw new FrameException($"A frame of {length} bytes was announced; 1 to {maxLength} are allowed.");
        var type = (FrameType)_header[4];
        if (!Enum.IsDefined(type))
            throw new FrameException($"A frame of the unknown type {(byte)type} arrived.");

        var body = GC.AllocateUninitializedArray<byte>(length - 1);
        if (await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancel) < body.Length)
            throw new FrameException($"The stream ended inside a {type} frame of {length} bytes.");
        return new Frame(type, body);
    }
}

/// <summary>Writes frames to one stream, each whole and in one write. Safe for concurrent use.</summary>
public sealed class FrameWriter(Stream stream, int maxLength = Frame.MaxLength) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <exception cref="FrameException">The message is larger than a frame may be; nothing was written.</exception>
    /// <exception cref="IOException">The other side is gone.</exception>
    public async ValueTask WriteAsync<T>(FrameType type, T message, JsonTypeInfo<T> typeInfo, CancellationToken cancel)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        buffer.GetSpan(5);
        buffer.Advance(5);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
            JsonSerializer.Serialize(writer, message, typeInfo);

        var length = buffer.WrittenCount - 4;
        if (length > maxLength)
            throw new FrameException($"A {type} frame of {length} bytes is over the limit of {maxLength}.");
        if (!System.Runtime.InteropServices.MemoryMarshal.TryGetArray(buffer.WrittenMemory, out var bytes))
            throw new InvalidOperationException("The frame buffer is not an array.");
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(), length);
        bytes.Array![bytes.Offset + 4] = (byte)type;

        await _turn.WaitAsync(cancel);
        try
        {
            // Once begun a frame is written to its end: half a frame would end the child.
            await stream.WriteAsync(buffer.WrittenMemory, CancellationToken.None);
            await stream.FlushAsync(CancellationToken.None);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();
}
