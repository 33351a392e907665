using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Http;

/// <summary>The body of a request, made anew for each hop of a redirect: files are read from the API while they are sent.</summary>
/// <param name="Open">The content, with a type that the caller's own header may replace.</param>
internal sealed record OutgoingBody(Func<HttpContent> Open)
{
    private const int MostParts = 1000;

    /// <returns>Null for a request without a body.</returns>
    /// <exception cref="PieceException">An input has a value that cannot be sent.</exception>
    public static async Task<OutgoingBody?> FromAsync(HttpPiece.RequestInput input, RunFiles files, CancellationToken cancel)
    {
        var body = input.Body;
        var type = input.BodyType == "auto"
            ? body.Kind switch { ValueKind.Null => "none", ValueKind.Text => "text", _ => RunFiles.IsReference(body) ? "file" : "json" }
            : input.BodyType;
        switch (type)
        {
            case "json":
                return Of(body.ToRawJson().Utf8.ToArray(), "application/json");
            case "text":
                return Of(Encoding.UTF8.GetBytes(body.IsNull ? "" : body.ToString()), "text/plain; charset=utf-8");
            case "form":
                var fields = OutgoingRequest.Pairs(body, "body").Select(pair => $"{FormText(pair.Key)}={FormText(pair.Value)}");
                return Of(Encoding.ASCII.GetBytes(string.Join('&', fields)), "application/x-www-form-urlencoded");
            case "raw":
                var bytes = new byte[body.IsText ? body.AsText.Length : 0];
                if (!body.IsText || !Convert.TryFromBase64String(body.AsText, bytes, out var length))
                    throw PieceException.Input($"'body' must be base64 when 'bodyType' is raw; found {ValueText.Of(body)}.");
                return Of(bytes[..length], "application/octet-stream");
            case "file":
                var file = await files.FindAsync("body", body, cancel);
                return new OutgoingBody(() => Of(files, file));
            case "multipart":
                return await MultipartAsync(body, files, cancel);
            default:
                return null;
        }
    }

    // A field for each property: a file where the value is one, else a text; a list gives its name several times.
    private static async Task<OutgoingBody> MultipartAsync(Value body, RunFiles files, CancellationToken cancel)
    {
        if (body.Kind != ValueKind.Object)
            throw PieceException.Input($"'body' must be an object of fields when 'bodyType' is multipart; found {ValueText.Of(body)}.");
        var parts = new List<(string Name, Func<HttpContent> Open, string? FileName)>();
        foreach (var (name, one) in body.AsObject)
        {
            if (name.AsSpan().ContainsAny("\r\n\""))
                throw PieceException.Input("'body' has a field whose name has a line break or a quote in it.");
            foreach (var value in one.Kind == ValueKind.List ? [.. one.AsList] : new[] { one })
            {
                if (RunFiles.IsReference(value))
                {
                    var file = await files.FindAsync($"body.{name}", value, cancel);
                    parts.Add((name, () => Of(files, file), file.Name));
                }
                else if (value.Kind is ValueKind.Object or ValueKind.List)
                    throw PieceException.Input($"'body.{name}' must be a file, a text, a number or a boolean; found {ValueText.Of(value)}.");
                else if (!value.IsNull)
                    parts.Add((name, () => new StringContent(value.ToString(), Encoding.UTF8), null));
            }
        }
        if (parts.Count is 0 or > MostParts)
            throw PieceException.Input($"'body' must have 1 to {MostParts} fields when 'bodyType' is multipart; it has {parts.Count}.");
        return new OutgoingBody(() =>
        {
            var content = new MultipartFormDataContent($"flows-{RandomNumberGenerator.GetHexString(32)}");
            foreach (var (name, open, fileName) in parts)
            {
                if (fileName is null)
                    content.Add(open(), $"\"{name}\"");
                else
                    content.Add(open(), $"\"{name}\"", fileName);
            }
            return content;
        });
    }

    private static StreamContent Of(RunFiles files, FileReference file)
    {
        var content = new StreamContent(files.Read(file), HostCalls.ChunkBytes);
        content.Headers.ContentLength = file.Size;
        content.Headers.ContentType = MediaTypeHeaderValue.TryParse(file.Type, out var type) ? type : null;
        return content;
    }

    private static OutgoingBody Of(byte[] bytes, string type) => new(() =>
    {
        var content = new ByteArrayContent(bytes);
        content.Headers.TryAddWithoutValidation("Content-Type", type);
        return content;
    });

    private static string FormText(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);
}
