using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Flows.Contracts.Json;

namespace Flows.Api.Runs;

/// <summary>Reads bodies that the API passes on without taking them apart.</summary>
internal static class RequestBody
{
    private static readonly byte[] s_byteOrderMark = [0xEF, 0xBB, 0xBF];

    /// <summary>The whole body.</summary>
    /// <exception cref="BadHttpRequestException">413 when it is over the limit of the endpoint.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpRequest request, CancellationToken cancel)
    {
        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(cancel);
            if (read.IsCompleted)
            {
                var bytes = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return bytes;
            }
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Deepest payload; the engine reads values of 64 levels, and a payload lies inside the trigger's output.</summary>
    private const int MaxDepth = 60;

    /// <summary>The body as a message.</summary>
    /// <exception cref="BadHttpRequestException">It is not that JSON.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request, JsonTypeInfo<T> type, CancellationToken cancel) where T : class
    {
        try
        {
            return await request.ReadFromJsonAsync(type, cancel) ?? throw new JsonException("An object is expected.");
        }
        catch (JsonException error)
        {
            throw NotJson(error);
        }
    }

    /// <summary>The body as the form that its content type says it is.</summary>
    /// <exception cref="BadHttpRequestException">It is cut off, not that form, or over a limit of forms.</exception>
    public static async Task<IFormCollection> ReadFormAsync(HttpRequest request, CancellationToken cancel)
    {
        try
        {
            return await request.ReadFormAsync(cancel);
        }
        catch (Exception error) when (error is InvalidDataException or (IOException and not BadHttpRequestException))
        {
            throw new BadHttpRequestException("The form cannot be read.", error);
        }
    }

    /// <summary>The body as a JSON value; null when it is empty.</summary>
    /// <exception cref="BadHttpRequestException">It is not one JSON value in UTF-8, at most 60 levels deep; the cause has line and position.</exception>
    public static RawJson ParseJson(ReadOnlyMemory<byte> body)
    {
        try
        {
            return Parse(body);
        }
        catch (JsonException error)
        {
            throw NotJson(error);
        }
    }

    private static BadHttpRequestException NotJson(JsonException error) =>
        new("The body is not the JSON that is expected.", StatusCodes.Status400BadRequest, error);

    private static RawJson Parse(ReadOnlyMemory<byte> body)
    {
        if (body.Span.StartsWith(s_byteOrderMark))
            body = body[s_byteOrderMark.Length..];
        body = Trim(body);
        if (body.IsEmpty)
            return RawJson.Null;
        if (!Utf8.IsValid(body.Span))
            throw new JsonException("The text is not valid UTF-8.", "$", null, null);
        var reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = MaxDepth });
        while (reader.Read())
        {
        }
        return RawJson.FromUtf8(body);
    }

    private static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> text)
    {
        var start = text.Span.IndexOfAnyExcept(" \t\r\n"u8);
        return start < 0 ? default : text[start..(text.Span.LastIndexOfAnyExcept(" \t\r\n"u8) + 1)];
    }
}
