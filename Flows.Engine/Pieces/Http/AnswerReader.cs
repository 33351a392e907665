using System.Buffers;
using System.Text;
using System.Text.Json;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Http;

/// <summary>Reads an HTTP answer into a value, at most as many bytes as a step's output may have.</summary>
internal static class AnswerReader
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

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
        switch (form)
        {
            case "base64":
                return Base64(bytes);
            case "text":
                return Value.Of(EncodingOf(type?.CharSet).GetString(bytes.Span));
            case "json" when bytes.IsEmpty:
                return Value.Null;
            case "json":
                return Json(bytes)
                    ?? throw PieceException.Final($"the answer (status {(int)answer.StatusCode}, content type '{media}') is not JSON.", "http_body");
        }
        if (bytes.IsEmpty)
            return Value.Null;
        if (media.Equals("application/json", StringComparison.OrdinalIgnoreCase) || media.EndsWith("+json", StringComparison.OrdinalIgnoreCase))
            return Json(bytes) ?? Text(bytes, type?.CharSet);
        return Text(bytes, type?.CharSet);
    }

    // Bytes that are no text are not made into one: what cannot be turned back would be lost silently.
    private static Value Text(ReadOnlyMemory<byte> bytes, string? charset)
    {
        var encoding = EncodingOf(charset);
        if (encoding is not UTF8Encoding)
            return Value.Of(encoding.GetString(bytes.Span));
        try
        {
            var text = s_strict.GetString(bytes.Span);
            return text.Contains('\0', StringComparison.Ordinal) ? Base64(bytes) : Value.Of(text);
        }
        catch (DecoderFallbackException)
        {
            return Base64(bytes);
        }
    }

    private static Value? Json(ReadOnlyMemory<byte> bytes)
    {
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

    private static Encoding EncodingOf(string? charset)
    {
        try
        {
            return string.IsNullOrEmpty(charset) ? Encoding.UTF8 : Encoding.GetEncoding(charset.Trim('"'));
        }
        catch (ArgumentException)
        {
            return Encoding.UTF8;
        }
    }

    private static PieceException TooLarge(long maxBytes) =>
        PieceException.Final($"the answer has more than {maxBytes} bytes, which is the largest output a step may have (limit: OutputBytes).", "limit");
}
