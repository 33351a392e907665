using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Flows.Contracts.Json;

namespace Flows.Engine.Steps;

/// <summary>
/// The texts of a run's connections. Everything that leaves a step (input, output, error, logs) goes through here, so that a
/// secret shows nowhere, also when a service sends it back. The output a later step sees is the masked one: a replayed run sees the same.
/// </summary>
internal sealed class Secrets
{
    private const string Mask = "••••••";
    /// <summary>Shorter texts are masked only as a whole value: a piece of a word is no secret.</summary>
    private const int ShortestInText = 6;
    private static readonly byte[] s_mask = Encoding.UTF8.GetBytes(Mask);
    private static readonly byte[] s_quotedMask = Encoding.UTF8.GetBytes($"\"{Mask}\"");

    private readonly List<(byte[] Json, byte[] Masked)> _json = [];
    private readonly List<string> _texts = [];

    public Secrets(IEnumerable<RawJson> connections)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var connection in connections)
        {
            var element = connection.ToElement();
            Collect(element, found);
            if (BasicCredential(element) is { } credential)
                found.Add(credential);
        }
        foreach (var text in found.Where(text => text.Length >= ShortestInText).ToList())
            found.UnionWith(Forms(text));

        // Longest first: a secret may contain another.
        foreach (var text in found.OrderByDescending(text => text.Length))
        {
            var inText = text.Length >= ShortestInText;
            if (inText)
                _texts.Add(text);
            foreach (var encoder in new[] { JavaScriptEncoder.UnsafeRelaxedJsonEscaping, JavaScriptEncoder.Default })
            {
                var json = JsonEncodedText.Encode(text, encoder).EncodedUtf8Bytes.ToArray();
                _json.Add(inText ? (json, s_mask) : ([(byte)'"', .. json, (byte)'"'], s_quotedMask));
            }
        }
    }

    /// <summary>The value without secrets: the same one when there are none in it.</summary>
    public RawJson Hide(RawJson value)
    {
        foreach (var (json, masked) in _json)
        {
            if (value.Utf8.Span.IndexOf(json) >= 0)
                value = Replaced(value.Utf8.Span, json, masked);
        }
        return value;
    }

    public string? Hide(string? text)
    {
        if (text is null)
            return null;
        foreach (var secret in _texts)
            text = text.Replace(secret, Mask, StringComparison.Ordinal);
        return text;
    }

    private static RawJson Replaced(ReadOnlySpan<byte> from, ReadOnlySpan<byte> find, ReadOnlySpan<byte> with)
    {
        var to = new ArrayBufferWriter<byte>(from.Length);
        for (int at; (at = from.IndexOf(find)) >= 0; from = from[(at + find.Length)..])
        {
            to.Write(from[..at]);
            to.Write(with);
        }
        to.Write(from);
        return RawJson.FromUtf8(to.WrittenMemory);
    }

    /// <summary>User name and password as they travel in a header, which a service may send back.</summary>
    private static string? BasicCredential(JsonElement connection) =>
        connection.ValueKind == JsonValueKind.Object
        && connection.TryGetProperty("username", out var username) && connection.TryGetProperty("password", out var password)
        && username.ValueKind == JsonValueKind.String && password.ValueKind == JsonValueKind.String
            ? Convert.ToBase64String(Encoding.UTF8.GetBytes($"{username.GetString()}:{password.GetString()}"))
            : null;

    /// <summary>As it looks in a URL, in a form, inside JSON that is a text itself, and as base64 and hex of its bytes.</summary>
    private static IEnumerable<string> Forms(string text)
    {
        var escaped = Uri.EscapeDataString(text);
        var bytes = Encoding.UTF8.GetBytes(text);
        return
        [
            JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).ToString(), JsonEncodedText.Encode(text).ToString(),
            escaped, escaped.Replace("%20", "+", StringComparison.Ordinal), System.Net.WebUtility.UrlEncode(text),
            Convert.ToBase64String(bytes), Base64Url.EncodeToString(bytes), Convert.ToHexString(bytes), Convert.ToHexStringLower(bytes),
        ];
    }

    private static void Collect(JsonElement element, HashSet<string> found)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String when element.GetString() is { Length: > 0 } text:
                found.Add(text);
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                    Collect(item, found);
                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    // The kind of a connection is a word that flows use for other things.
                    if (!property.NameEquals("type") && !property.NameEquals("kind"))
                        Collect(property.Value, found);
                }
                break;
        }
    }
}
