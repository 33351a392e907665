using System.Buffers;
using System.Text;
using System.Text.Json;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Http;

/// <summary>Reads an HTTP answer into a value, at most as many bytes as a step's output may have.</summary>
internal static class AnswerReader
{
    /// <exception cref="PieceException">Too large, or not of the form that the input asks for.</exception>
    public static async Task<HttpPiece.RequestOutput> ReadAsync(
        HttpResponseMessage answer, HttpPiece.RequestInput input, PieceContext context, CancellationToken cancel)
    {
        var headers = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
            headers[name.ToLowerInvariant()] = string.Join(", ", values);

        Value body;
        // What a service says of an error is to be read, and not a file to be kept.
        if (input.Response == "file" && (int)answer.StatusCode < 400)
            body = await FileAsync(answer, context, cancel);
        else
            body = BodyOf(await BytesAsync(answer.Content, context.MaxBytes, cancel), input.Response == "file" ? "auto" : input.Response, answer);
        return new HttpPiece.RequestOutput((int)answer.StatusCode, headers, body);
    }

    private static async Task<Value> FileAsync(HttpResponseMessage answer, PieceContext context, CancellationToken cancel)
    {
        var disposition = answer.Content.Headers.ContentDisposition;
        var name = disposition?.FileNameStar ?? disposition?.FileName?.Trim('"')
            ?? Uri.UnescapeDataString(answer.RequestMessage?.RequestUri?.Segments[^1].TrimEnd('/') ?? "");
        await using var stream = await answer.Content.ReadAsStreamAsync(cancel);
        var file = await context.Files.WriteAsync(name, answer.Content.Headers.ContentType?.ToString(), stream, cancel);
        return ValueObject.Of([new("file", Value.Of(file.File)), new("name", Value.Of(file.Name)), new("type", Value.Of(file.Type)), new("size", Value.Of(file.Size))]);
    }

    private static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpContent content, long maxBytes, CancellationToken cancel)
    {
        if (content.Headers.ContentLength > maxBytes)
            throw TooLarge(maxBytes);
        await using var stream = await content.ReadAsStreamAsync(cancel);
        var bytes = new ArrayBufferWriter<byte>(4096);
        while (await stream.ReadAsync(bytes.GetMemory(4096), cancel) is var got and > 0)
        {
            bytes.Advance(got);
            if (bytes.WrittenCount > maxBytes)
                throw TooLarge(maxBytes);
        }
        return bytes.WrittenMemory;
    }

    private static Value BodyOf(ReadOnlyMemory<byte> bytes, string form, HttpResponseMessage answer)
    {
        var type = answer.Content.Headers.ContentType;
        var media = type?.MediaType ?? "";
        var charset = type?.CharSet?.Trim('"') is { Length: > 0 } named ? named : "utf-8";
        // A charset that nobody knows is most often a word for UTF-8.
        var encoding = Charsets.Find(charset) ?? Charsets.Find("utf-8")!;
        switch (form)
        {
            case "base64":
                return Base64(bytes);
            case "text" when Charsets.TryRead(encoding, bytes.Span, out var text):
                return Value.Of(text);
            case "text" when (int)answer.StatusCode >= 400:
                return Value.Of(Encoding.UTF8.GetString(bytes.Span)); // what matters is the status
            case "text":
                throw PieceException.Final($"the answer (status {(int)answer.StatusCode}, content type '{media}') is not text in {charset}; read it as base64 or as a file.", "http_body");
            case "json" when bytes.IsEmpty:
                return Value.Null;
            case "json":
                if (Json(bytes, encoding) is { } asked)
                    return asked;
                var what = $"the answer (status {(int)answer.StatusCode}, content type '{media}')";
                throw Value.LimitOf(bytes.Span) is { } limit
                    ? PieceException.Final($"{what} cannot be taken in: {limit}.", StepErrorCodes.Limit)
                    : PieceException.Final($"{what} is not JSON.", "http_body");
        }
        if (bytes.IsEmpty)
            return Value.Null;
        var isJson = media.Equals("application/json", StringComparison.OrdinalIgnoreCase) || media.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
        return isJson && Json(bytes, encoding) is { } json ? json : Text(bytes, encoding);
    }

    // Bytes that are no text are not made into one: what cannot be turned back would be lost silently.
    private static Value Text(ReadOnlyMemory<byte> bytes, Encoding encoding) =>
        Charsets.TryRead(encoding, bytes.Span, out var text) && !text.Contains('\0', StringComparison.Ordinal) ? Value.Of(text) : Base64(bytes);

    // JSON is UTF-8 (RFC 8259); a service that says otherwise is taken at its word.
    private static Value? Json(ReadOnlyMemory<byte> bytes, Encoding encoding)
    {
        if (encoding is not UTF8Encoding && Charsets.TryRead(encoding, bytes.Span, out var text))
            bytes = Encoding.UTF8.GetBytes(text);
        try
        {
            return Value.FromJson(bytes.Span.StartsWith("\uFEFF"u8) ? bytes.Span[3..] : bytes.Span);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Value Base64(ReadOnlyMemory<byte> bytes) => Value.Of(Convert.ToBase64String(bytes.Span));

    private static PieceException TooLarge(long maxBytes) =>
        PieceException.Final($"the answer has more than {maxBytes} bytes, which is the largest output a step may have (limit: Flows__Limits__PayloadMiB).", "limit");
}
