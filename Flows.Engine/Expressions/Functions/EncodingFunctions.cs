using System.Buffers.Text;
using System.Net;
using System.Text;

namespace Flows.Engine.Expressions;

/// <summary>Texts are turned into bytes as UTF-8.</summary>
internal static class EncodingFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("base64Encode(text)", "The text in base64.", call => call.Result(Convert.ToBase64String(Bytes(call, 0))), "btoa"),
        new("base64Decode(text)", "The text that was in base64.", call => Decoded(call, "base64", Convert.FromBase64String), "atob"),
        new("base64UrlEncode(text)", "The text in the base64 of addresses and tokens: - and _, no padding.", call => call.Result(Base64Url.EncodeToString(Bytes(call, 0)))),
        new("base64UrlDecode(text)", "The text that was in that base64.", call => Decoded(call, "base64url", text => Base64Url.DecodeFromChars(text))),
        new("hexEncode(text)", "The text in hexadecimal digits.", call => call.Result(Convert.ToHexStringLower(Bytes(call, 0)))),
        new("hexDecode(text)", "The text that was in hexadecimal digits.", call => Decoded(call, "hexadecimal", Convert.FromHexString)),
        new("urlEncode(text)", "Made safe as one part of an address.", call => call.Result(Escape(call, call.Text(0))), "encodeURIComponent"),
        new("urlDecode(text)", "What urlEncode made safe.", call => call.Result(Unescape(call.Text(0))), "decodeURIComponent"),
        new("toQuery(object)", "The query of an address: a=1&b=x%20y. Null is left out, a list gives its name several times.", ToQuery),
        new("parseQuery(text)", "An object from the query of an address; a name that is there several times gives a list.", ParseQuery),
        new("parseUrl(text)", "The parts of an absolute address: scheme, host, port, path, query (an object), fragment.", ParseUrl),
        new("escapeHtml(text)", "Made safe as text within HTML.", call => call.Result(WebUtility.HtmlEncode(call.Text(0)))),
        new("unescapeHtml(text)", "With &amp; and the like replaced.", call => call.Result(WebUtility.HtmlDecode(call.Text(0)))),
        new("stripHtml(text)", "Without HTML tags, and with &amp; and the like replaced.", StripHtml),
        new("byteLength(text)", "How many bytes it has in UTF-8.", call => Value.Of(Encoding.UTF8.GetByteCount(call.Text(0)))),
    ];

    private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

    private static byte[] Bytes(FunctionCall call, int index)
    {
        var text = call.Text(index);
        // Both codes are longer than the text, base64 by a third, hexadecimal digits by half.
        call.Context.Text(text.Length * 2L);
        return Encoding.UTF8.GetBytes(text);
    }

    private static Value Decoded(FunctionCall call, string form, Func<string, byte[]> decode)
    {
        try
        {
            return call.Result(s_strict.GetString(decode(call.Text(0))));
        }
        catch (FormatException error)
        {
            throw call.Fail($"{call.Show(call[0])} is not {form}", error);
        }
        catch (DecoderFallbackException error)
        {
            throw call.Fail($"what the {form} holds is not text in UTF-8", error);
        }
    }

    private static string Escape(FunctionCall call, string text)
    {
        call.Context.Text(text.Length * 3L);
        return Uri.EscapeDataString(LoneSurrogates.Repair(text));
    }

    private static string Unescape(string text) => Uri.UnescapeDataString(text);

    private static Value ToQuery(FunctionCall call)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in call.Object(0))
        {
            foreach (var item in value.Kind == ValueKind.List ? value.AsList.ToArray() : [value])
            {
                if (item.Kind is ValueKind.List or ValueKind.Object)
                    throw call.Fail($"'{Shown.Cut(name)}' is {call.Show(item)}, which a query cannot hold; toJson(x) makes text of it");
                if (item.IsNull)
                    continue;
                query.Append(query.Length == 0 ? "" : "&").Append(Escape(call, name)).Append('=').Append(Escape(call, item.ToString()));
            }
        }
        return call.Result(query.ToString());
    }

    private static Value ParseQuery(FunctionCall call) => Query(call, call.Text(0));

    private static Value Query(FunctionCall call, string query)
    {
        var names = new OrderedDictionary<string, List<Value>>(StringComparer.Ordinal);
        call.Room(query.AsSpan().Count('&'));
        foreach (var pair in query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var name = Unescape((equals < 0 ? pair : pair[..equals]).Replace('+', ' '));
            if (!names.TryGetValue(name, out var values))
                names[name] = values = [];
            values.Add(Value.Of(equals < 0 ? "" : Unescape(pair[(equals + 1)..].Replace('+', ' '))));
        }
        var result = new ValueObject.Builder();
        foreach (var (name, values) in names)
            result.Set(name, values is [var single] ? single : call.Result(values));
        return call.Result(result);
    }

    private static Value ParseUrl(FunctionCall call)
    {
        if (!Uri.TryCreate(call.Text(0), UriKind.Absolute, out var uri) || uri.Host.Length == 0)
            throw call.Fail($"{call.Show(call[0])} is not an absolute address such as https://example.com/path");
        return ValueObject.Of(
            new("scheme", Value.Of(uri.Scheme)), new("host", Value.Of(uri.Host)), new("port", Value.Of(uri.Port)),
            new("path", Value.Of(uri.AbsolutePath)), new("query", Query(call, uri.Query)), new("fragment", Value.Of(uri.Fragment.TrimStart('#'))));
    }

    private static Value StripHtml(FunctionCall call)
    {
        var text = new StringBuilder();
        var inTag = false;
        foreach (var c in call.Text(0))
        {
            if (c == '<')
                inTag = true;
            else if (c == '>' && inTag)
                inTag = false;
            else if (!inTag)
                text.Append(c);
        }
        return call.Result(WebUtility.HtmlDecode(text.ToString()).Trim());
    }
}
