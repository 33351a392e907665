using System.Buffers;
using System.Text;
using System.Text.Json;
using Flows.Api.Files;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;

namespace Flows.Api.Webhooks;

/// <summary>
/// Makes the trigger's output of an HTTP request: <c>{ method, headers, query, body }</c>, and <c>files</c> for a form that may hold some. Header names are lower-case; credentials of the
/// caller are left out. The body is: the value itself for JSON types; an object of texts (lists where a name comes twice) for forms; a text
/// for text/*; null when there is none; else <c>{ base64, contentType }</c>. The files of a multipart form become files of the run: its fields, and
/// the list <c>files</c>, hold references to them.
/// </summary>
internal sealed class WebhookTrigger(RunFileStore files, IOptions<LimitsOptions> limits)
{
    private static readonly HashSet<string> s_credentials =
        new(StringComparer.OrdinalIgnoreCase) { HeaderNames.Authorization, HeaderNames.Cookie, HeaderNames.ProxyAuthorization };

    /// <summary>The same where there is no run yet that could take files: a multipart form is bytes in base64, as any other type that is not known.</summary>
    /// <exception cref="BadHttpRequestException">The body is too large, or its type says JSON and it is not.</exception>
    public static async Task<RawJson> ReadAsync(HttpRequest request, CancellationToken cancel) =>
        Written(request, await RequestBody.ReadAsync(request, cancel), form: null, [], hiddenHeader: null);

    /// <param name="body">All of it, as it came.</param>
    /// <param name="hiddenHeader">A header that is left out like the credentials; null for none.</param>
    /// <param name="runId">The run that is about to be accepted: files are stored as its own.</param>
    /// <exception cref="BadHttpRequestException">The body is not what its type says, or a file in it is too large.</exception>
    public async Task<RawJson> ReadWithFilesAsync(HttpRequest request, ReadOnlyMemory<byte> body, string? hiddenHeader, Guid runId, CancellationToken cancel)
    {
        if (!MultipartForm.IsType(request.ContentType) || body.IsEmpty)
            return Written(request, body, form: null, [], hiddenHeader);
        var form = await MultipartForm.ReadAsync(request.ContentType!, body, (long)limits.Value.FileMiB << 20, cancel);
        // Before the run: it must find its files when it begins. If we die in between they belong to no run, nobody can read them, and they go
        // with the day they were made on.
        return Written(request, body, form, await files.AddAsync(runId, form.Files, cancel), hiddenHeader);
    }

    private static RawJson Written(HttpRequest request, ReadOnlyMemory<byte> body, MultipartForm? form, IReadOnlyList<FileReference> stored, string? hiddenHeader)
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
            if (form is null)
                WriteBody(writer, request.ContentType, body);
            else
                WriteForm(writer, form, stored);
            writer.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    private static void WriteForm(Utf8JsonWriter writer, MultipartForm form, IReadOnlyList<FileReference> stored)
    {
        var parts = form.Fields.Select(field => (field.Key, Text: (string?)field.Value, File: (FileReference?)null))
            .Concat(form.Files.Select((file, i) => (Key: file.Field, Text: (string?)null, File: (FileReference?)stored[i])));
        writer.WriteStartObject();
        foreach (var field in parts.GroupBy(part => part.Key, StringComparer.Ordinal))
        {
            writer.WritePropertyName(field.Key);
            var many = field.Skip(1).Any();
            if (many)
                writer.WriteStartArray();
            foreach (var (_, text, file) in field)
            {
                if (file is not null)
                    JsonSerializer.Serialize(writer, file, HostCallJson.Default.FileReference);
                else
                    writer.WriteStringValue(text);
            }
            if (many)
                writer.WriteEndArray();
        }
        writer.WriteEndObject();
        writer.WriteStartArray("files");
        foreach (var (file, reference) in form.Files.Zip(stored))
        {
            writer.WriteStartObject();
            writer.WriteString("field", file.Field);
            writer.WriteString("file", reference.File);
            writer.WriteString("name", reference.Name);
            writer.WriteString("type", reference.Type);
            writer.WriteNumber("size", reference.Size);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
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
    private static Encoding EncodingOf(MediaTypeHeaderValue? type)
    {
        try
        {
            return type?.Encoding ?? Encoding.UTF8;
        }
        catch (NotSupportedException) // UTF-7: known, and switched off
        {
            return Encoding.UTF8;
        }
    }
}
