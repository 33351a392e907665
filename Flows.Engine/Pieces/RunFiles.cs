using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces;

/// <summary>
/// The files of a run, by reference: <c>{ "file", "name", "type", "size" }</c>. They are stored by the API, go with the run, and are written
/// and read chunk by chunk.
/// </summary>
internal sealed class RunFiles(HostCaller calls)
{
    private const int LongestName = 200;

    /// <summary>Stores a stream as a file of the run.</summary>
    /// <param name="name">What a person sees, and what the file is called when it is downloaded; folders and control characters are taken away.</param>
    /// <exception cref="PieceException">It is larger than a file may be, or cannot be stored now.</exception>
    public async Task<FileReference> WriteAsync(string name, string? type, Stream content, CancellationToken cancel)
    {
        var created = await calls.AskAsync(
            HostCalls.CreateFile, new CreateFile(NameOf(name), TypeOf(type)), HostCallJson.Default.CreateFile, HostCallJson.Default.FileReference, cancel);
        var chunk = new byte[HostCalls.ChunkBytes];
        for (var index = 0; ; index++)
        {
            var length = await content.ReadAtLeastAsync(chunk, chunk.Length, throwOnEndOfStream: false, cancel);
            if (length > 0)
            {
                await calls.CallAsync(HostCalls.AppendFile, new FileChunk(created.File, index), HostCallJson.Default.FileChunk, cancel,
                    length == chunk.Length ? chunk : chunk[..length]);
            }
            if (length < chunk.Length)
                break;
        }
        return await calls.AskAsync(HostCalls.FinishFile, new FileName(created.File), HostCallJson.Default.FileName, HostCallJson.Default.FileReference, cancel);
    }

    /// <summary>Finds the file that an input names.</summary>
    /// <param name="field">The input, for messages.</param>
    /// <param name="value">A reference, or its id alone.</param>
    /// <exception cref="PieceException">It is no reference, or there is no such file.</exception>
    public async Task<FileReference> FindAsync(string field, Value value, CancellationToken cancel)
    {
        if (IdOf(value) is not { } id)
            throw PieceException.Input($"'{field}' must be a file, as a step gave it; found {ValueText.Of(value)}.");
        return await calls.AskAsync(HostCalls.OpenFile, new FileName(id), HostCallJson.Default.FileName, HostCallJson.Default.FileReference, cancel);
    }

    /// <summary>The file's content, read from the API as it is needed.</summary>
    public Stream Read(FileReference file) => new ChunkStream(calls, file);

    /// <summary>The whole file, when it is no larger than that.</summary>
    /// <exception cref="PieceException">It is larger.</exception>
    public async Task<byte[]> ReadAllAsync(FileReference file, long mostBytes, CancellationToken cancel)
    {
        if (file.Size > mostBytes)
            throw PieceException.Final($"the file '{file.Name}' has {file.Size} bytes; at most {mostBytes} can be taken into a step (limit: Flows__Limits__PayloadMiB).", StepErrorCodes.Limit);
        var bytes = new byte[file.Size];
        await using var content = Read(file);
        await content.ReadExactlyAsync(bytes, cancel);
        return bytes;
    }

    /// <summary>True for a value that a step gave as a file.</summary>
    public static bool IsReference(Value value) => value.Kind == ValueKind.Object && IdOf(value) is not null;

    private static string? IdOf(Value value)
    {
        if (value.TryGetText(out var id))
            return id;
        return value.Kind == ValueKind.Object && value.AsObject.TryGet("file", out var file) && file.TryGetText(out id) ? id : null;
    }

    private static string NameOf(string name)
    {
        var last = name[(name.AsSpan().LastIndexOfAny('/', '\\') + 1)..];
        var clean = string.Concat(last.Where(c => !char.IsControl(c) && c is not ('"' or '<' or '>' or ':' or '|' or '?' or '*'))).Trim(' ', '.');
        return clean.Length == 0 ? "file" : clean[..Math.Min(clean.Length, LongestName)];
    }

    private static string TypeOf(string? type) =>
        System.Net.Http.Headers.MediaTypeHeaderValue.TryParse(type, out var parsed) ? parsed.ToString() : "application/octet-stream";

    /// <summary>Reads one chunk after the other; never holds more than one.</summary>
    private sealed class ChunkStream(HostCaller calls, FileReference file) : Stream
    {
        private ReadOnlyMemory<byte> _chunk;
        private int _next;
        private long _position;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_chunk.IsEmpty && _position < file.Size)
            {
                var (_, data) = await calls.CallAsync(HostCalls.ReadFile, new FileChunk(file.File, _next++), HostCallJson.Default.FileChunk, cancellationToken);
                _chunk = data is { Length: > 0 } ? data : throw PieceException.Transient($"the file '{file.Name}' ended too early.", "file");
            }
            var length = Math.Min(buffer.Length, _chunk.Length);
            _chunk[..length].CopyTo(buffer);
            _chunk = _chunk[length..];
            _position += length;
            return length;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("A file is read asynchronously.");
        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => file.Size;
        public override long Position { get => _position; set => throw new NotSupportedException(); }
        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
