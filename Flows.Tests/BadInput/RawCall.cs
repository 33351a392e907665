using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace Flows.Tests.BadInput;

/// <summary>Calls that no well-behaved client can make: bytes over a socket of their own, and what comes back until the server closes it.</summary>
internal static class RawCall
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    /// <param name="head">The request's lines without the empty one at their end; each character is a byte.</param>
    /// <param name="body">What is sent of the body, chunked or not as the head says.</param>
    /// <returns>The status is 0 when the server closed the connection without an answer.</returns>
    /// <exception cref="OperationCanceledException">It has not answered within 30 s.</exception>
    public static async Task<(HttpStatusCode Status, MediaTypeHeaderValue? Type, string Text)> SendAsync(Uri server, string head, ReadOnlyMemory<byte> body = default)
    {
        using var limit = new CancellationTokenSource(s_limit);
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Host, server.Port, limit.Token);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.Latin1.GetBytes($"{head}\r\nHost: {server.Authority}\r\nConnection: close\r\n\r\n"), limit.Token);
        if (!body.IsEmpty)
            await stream.WriteAsync(body, limit.Token);

        using var answer = new MemoryStream();
        await stream.CopyToAsync(answer, limit.Token);
        var text = Encoding.UTF8.GetString(answer.ToArray());
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0)
            return (0, null, text);
        var lines = text[..end].Split("\r\n");
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToLookup(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        text = text[(end + 4)..];
        if (headers["Transfer-Encoding"].Contains("chunked"))
            text = Unchunked(text);
        return ((HttpStatusCode)int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture),
            headers["Content-Type"].FirstOrDefault() is { } type ? MediaTypeHeaderValue.Parse(type) : null, text);
    }

    /// <summary>One chunk of this many bytes, after which nothing comes, not even the end.</summary>
    public static byte[] EndlessChunk(long bytes)
    {
        var size = Encoding.ASCII.GetBytes($"{bytes:x}\r\n");
        var chunk = new byte[size.Length + bytes];
        chunk.AsSpan().Fill((byte)'x');
        size.CopyTo(chunk, 0);
        chunk[size.Length] = (byte)'"';
        return chunk;
    }

    // Answers here are ASCII but for what they repeat of a call, which these calls have not.
    private static string Unchunked(string text)
    {
        var whole = new StringBuilder();
        while (text.IndexOf("\r\n", StringComparison.Ordinal) is var end and > 0
            && int.TryParse(text[..end], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var size) && size > 0 && text.Length >= end + 2 + size)
        {
            whole.Append(text, end + 2, size);
            text = text[(end + 2 + size)..].TrimStart('\r', '\n');
        }
        return whole.ToString();
    }
}
