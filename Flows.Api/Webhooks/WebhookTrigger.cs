using System.Buffers;
using System.Text;
using System.Text.Json;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Flows.Api.Webhooks;

/// <summary>
/// Makes the trigger's output of an HTTP request: <c>{ method, headers, query, body }</c>. Header names are lower-case; credentials of the
/// caller are left out. The body is: the value itself for JSON types; an object of texts (lists where a name comes twice) for forms; a text
/// for text/*; null when there is none; else <c>{ base64, contentType }</c>.
/// </summary>
internal static class WebhookTrigger
{
    private static readonly HashSet<string> s_credentials =
        new(StringComparer.OrdinalIgnoreCase) { HeaderNames.Authorization, HeaderNames.Cookie, HeaderNames.ProxyAuthorization };

    /// <exception cref="BadHttpRequestException">The body is too large, or its type says JSON and it is not.</exception>
    public static async Task<RawJson> ReadAsync(HttpRequest request, CancellationToken cancel) =>
        Read(request, await RequestBody.ReadAsync(request, cancel));

    /// <inheritdoc cref="ReadAsync"/>
    /// <param name="body">All of it, as it came.</param>
    /// <param name="hiddenHeader">A header that is left out like the credentials; null for none.</param>
    public static RawJson Read(HttpRequest request, ReadOnlyMemory<byte> body, string? hiddenHeader = null)
    {
        var buffer = new ArrayBufferWriter<byte>(body.Length + 1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("method", request.Method);
            writer.WriteStartObject("headers");
            foreach (var (name, value) in request.Headers)
            {
                if (!s_credentials.Contains(name) && !name.Equals(hiddenHeader, StringComparison.OrdinalIgnoreCase))
                    writer.WriteString(name.ToLowerInvariant(), value.ToString());
            }
            writer.WriteEndObject();
            writer.WritePropertyName("query");
            WriteFields(writer, request.Query);
            writer.WritePropertyName("body");
            WriteBody(writer, request.ContentType, body);
            writer.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private static void WriteBody(Utf8JsonWriter writer, string? contentType, ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty)
        {
            writer.WriteNullValue();
            return;
        }
        var type = MediaTypeHeaderValue.TryParse(contentType, out var parsed) ? parsed : null;
        var subType = type?.SubType.Value ?? "";
        if (IsJson(subType, type?.Suffix.Value))
            writer.WriteRawValue(RequestBody.ParseJson(AsUtf8(body, type)).Utf8.Span, skipInputValidation: true);
        else if (subType.Equals("x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
            WriteFields(writer, new QueryCollection(QueryHelpers.ParseQuery(Encoding.UTF8.GetString(body.Span))));
        else if (type is not null && type.Type.Equals("text", StringComparison.OrdinalIgnoreCase))
            writer.WriteStringValue(EncodingOf(type).GetString(body.Span));
        else
            WriteBinary(writer, contentType, body);
    }

    private static bool IsJson(string subType, string? suffix) =>
        subType.Equals("json", StringComparison.OrdinalIgnoreCase) || string.Equals(suffix, "json", StringComparison.OrdinalIgnoreCase);

    private static void WriteBinary(Utf8JsonWriter writer, string? contentType, ReadOnlyMemory<byte> body)
    {
        writer.WriteStartObject();
        writer.WriteBase64String("base64", body.Span);
        writer.WriteString("contentType", contentType);
        writer.WriteEndObject();
    }

    private static void WriteFields(Utf8JsonWriter writer, IQueryCollection fields)
    {
        writer.WriteStartObject();
        foreach (var (name, values) in fields)
        {
            if (values.Count == 1)
            {
                writer.WriteString(name, values[0]);
                continue;
            }
            writer.WriteStartArray(name);
            foreach (var value in values)
                writer.WriteStringValue(value);
            writer.WriteEndArray();
        }
        writer.WriteEndObject();
    }

    private static ReadOnlyMemory<byte> AsUtf8(ReadOnlyMemory<byte> body, MediaTypeHeaderValue? type)
    {
        var encoding = EncodingOf(type);
        return encoding.CodePage == Encoding.UTF8.CodePage ? body : Encoding.UTF8.GetBytes(encoding.GetString(body.Span));
    }

    /// <summary>The charset that the caller names, where this process knows it; else UTF-8.</summary>
    private static Encoding EncodingOf(MediaTypeHeaderValue? type) => type?.Encoding ?? Encoding.UTF8;
}
