using System.Globalization;
using System.Text;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Redis;

/// <summary>
/// One connection that speaks RESP2 (https://redis.io/docs/latest/develop/reference/protocol-spec/): a command is a list of texts; an answer
/// is a text, a number, a list of answers, null, or an error. Answers are bounded in bytes and depth.
/// </summary>
internal sealed class RespClient(Stream stream, long maxBytes) : IAsyncDisposable
{
    private const int LongestLine = 64 * 1024;
    private const int MaxDepth = 8;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;
    private long _left;

    /// <summary>Sends one command and reads its answer.</summary>
    /// <exception cref="PieceException">The server refused it; or what it sent is not RESP, or too large.</exception>
    /// <exception cref="IOException">The connection broke off.</exception>
    public async Task<Value> AskAsync(CancellationToken cancel, params IReadOnlyList<string> command)
    {
        var bytes = new MemoryStream();
        Write(bytes, $"*{command.Count}\r\n");
        foreach (var part in command)
        {
            Write(bytes, $"${Encoding.UTF8.GetByteCount(part)}\r\n");
            Write(bytes, part);
            Write(bytes, "\r\n");
        }
        await stream.WriteAsync(bytes.GetBuffer().AsMemory(0, (int)bytes.Length), cancel);
        await stream.FlushAsync(cancel);
        _left = maxBytes;
        return await ReadAsync(0, cancel);
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private async Task<Value> ReadAsync(int depth, CancellationToken cancel)
    {
        if (depth > MaxDepth)
            throw Broken("lists in lists without end");
        var line = await LineAsync(cancel);
        var rest = line.Length > 0 ? line[1..] : "";
        switch (line.Length > 0 ? line[0] : ' ')
        {
            case '+':
                return Value.Of(rest);
            case '-':
                throw Refusal(rest);
            case ':':
                return long.TryParse(rest, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? Value.Of(number) : throw Broken("a number that is none");
            case '$':
                var length = Count(rest);
                if (length < 0)
                    return Value.Null;
                var bytes = new byte[length];
                await FillAsync(bytes, cancel);
                await FillAsync(new byte[2], cancel);
                return Value.Of(Encoding.UTF8.GetString(bytes));
            case '*':
                var count = Count(rest);
                if (count < 0)
                    return Value.Null;
                var items = new List<Value>();
                for (var i = 0; i < count; i++)
                    items.Add(await ReadAsync(depth + 1, cancel));
                return ValueList.Of(items);
            default:
                throw Broken("something that is not RESP");
        }
    }

    // Each announced byte or item is taken off what an answer may have, before memory is.
    private int Count(string text)
    {
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var count) || count < -1)
            throw Broken("a length that is none");
        if ((_left -= Math.Max(count, 0)) < 0)
            throw PieceException.Final($"the answer has more than {maxBytes} bytes, which is the largest output a step may have (limit: Flows__Limits__PayloadMiB).", StepErrorCodes.Limit);
        return count;
    }

    private async Task<string> LineAsync(CancellationToken cancel)
    {
        var line = new List<byte>(32);
        while (true)
        {
            if (_start == _end)
                await MoreAsync(cancel);
            var found = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            var take = found < 0 ? _end - _start : found + 1;
            line.AddRange(_buffer.AsSpan(_start, take));
            _start += take;
            if (line.Count > LongestLine)
                throw Broken("a line that is too long");
            if (found >= 0)
                return Encoding.UTF8.GetString(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(line)).TrimEnd('\r', '\n');
        }
    }

    private async Task FillAsync(Memory<byte> bytes, CancellationToken cancel)
    {
        while (!bytes.IsEmpty)
        {
            if (_start == _end)
                await MoreAsync(cancel);
            var take = Math.Min(bytes.Length, _end - _start);
            _buffer.AsMemory(_start, take).CopyTo(bytes);
            _start += take;
            bytes = bytes[take..];
        }
    }

    private async Task MoreAsync(CancellationToken cancel)
    {
        _start = 0;
        _end = await stream.ReadAsync(_buffer, cancel);
        if (_end == 0)
            throw new IOException("the server closed the connection");
    }

    private static PieceException Refusal(string reason) =>
        reason.Split(' ')[0] is "LOADING" or "BUSY" or "TRYAGAIN" or "MASTERDOWN" or "CLUSTERDOWN" or "READONLY"
            ? PieceException.Transient($"the server answered: {reason}.", "redis_busy")
            : PieceException.Final($"the server answered: {reason}.", "redis_refused");

    private static PieceException Broken(string what) => PieceException.Final($"the server sent {what}; is it a Redis server?", "redis_protocol");

    private static void Write(MemoryStream to, string text) => to.Write(Encoding.UTF8.GetBytes(text));
}
