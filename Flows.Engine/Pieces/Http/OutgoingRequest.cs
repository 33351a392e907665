using System.Net.Http.Headers;
using System.Text;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Http;

/// <summary>A request as it will be sent, and as it changes on a redirect. Immutable: each hop makes its own HttpRequestMessage.</summary>
internal sealed record OutgoingRequest(
    HttpMethod Method, Uri Url, IReadOnlyList<KeyValuePair<string, string>> Headers, OutgoingBody? Body, string? ContentType)
{
    // What another host may see of the request; everything else might be a credential.
    private static readonly string[] s_harmless =
        ["Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "Idempotency-Key", "User-Agent"];

    /// <param name="body">See <see cref="OutgoingBody.FromAsync"/>.</param>
    /// <exception cref="PieceException">An input has a value that cannot be sent.</exception>
    public static OutgoingRequest From(HttpPiece.RequestInput input, OutgoingBody? body, string idempotencyKey)
    {
        var url = UrlOf(input.Url, input.Query);
        var headers = new List<KeyValuePair<string, string>>();
        string? contentType = null;
        foreach (var (name, value) in Pairs(input.Headers, "headers"))
        {
            if (name.Length == 0 || !name.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal)))
                throw PieceException.Input($"'headers' has a name that is no header name: \"{name}\".");
            if (value.AsSpan().ContainsAny("\r\n\0"))
                throw PieceException.Input($"the header '{name}' has a line break in it.");
            if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
                contentType = value;
            else if (!name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase))
                headers.Add(new(name, value));
        }
        AddAuthorization(input, headers);

        var method = HttpMethod.Parse(input.Method);
        if (!Has(headers, "User-Agent"))
            headers.Add(new("User-Agent", "Flows"));
        if (method != HttpMethod.Get && method != HttpMethod.Head && method != HttpMethod.Options && !Has(headers, "Idempotency-Key"))
            headers.Add(new("Idempotency-Key", Ascii.IsValid(idempotencyKey) ? idempotencyKey : Uri.EscapeDataString(idempotencyKey)));

        return new OutgoingRequest(method, url, headers, body, body is null ? null : contentType);
    }

    /// <summary>The request that follows a redirect. A host other than the first gets nothing that may be a credential.</summary>
    public OutgoingRequest RedirectedTo(Uri url, int status)
    {
        var next = this with { Url = url };
        if ((status == 303 && Method != HttpMethod.Head) || (status is 301 or 302 && Method == HttpMethod.Post))
            next = next with { Method = HttpMethod.Get, Body = null, ContentType = null };
        return url.Scheme == Url.Scheme && url.Authority == Url.Authority
            ? next
            : next with { Headers = [.. Headers.Where(header => s_harmless.Contains(header.Key, StringComparer.OrdinalIgnoreCase))] };
    }

    public HttpRequestMessage ToMessage()
    {
        var message = new HttpRequestMessage(Method, Url);
        if (Body is not null)
        {
            message.Content = Body.Open();
            // The boundary of a multipart body is its own.
            if (ContentType is not null && message.Content is not MultipartContent)
            {
                message.Content.Headers.Remove("Content-Type");
                message.Content.Headers.TryAddWithoutValidation("Content-Type", ContentType);
            }
        }
        foreach (var (name, value) in Headers)
        {
            if (!message.Headers.TryAddWithoutValidation(name, value))
                message.Content?.Headers.TryAddWithoutValidation(name, value);
        }
        return message;
    }

    private static Uri UrlOf(string text, Value query)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
            throw PieceException.Input("'url' must be a full address that begins with http:// or https://.");
        if (url.UserInfo.Length > 0)
            throw PieceException.Input("'url' must not hold a user name or password: use 'auth', 'username' and 'password'.");

        var added = string.Join('&', Pairs(query, "query").Select(pair => $"{Uri.EscapeDataString(pair.Key)}={Uri.EscapeDataString(pair.Value)}"));
        if (added.Length == 0)
            return url;
        var address = new UriBuilder(url);
        address.Query = address.Query.Length > 1 ? $"{address.Query[1..]}&{added}" : added;
        return address.Uri;
    }

    private static void AddAuthorization(HttpPiece.RequestInput input, List<KeyValuePair<string, string>> headers)
    {
        var value = input.Auth switch
        {
            "basic" => new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{input.Username}:{input.Password}"))),
            "bearer" when string.IsNullOrEmpty(input.Token) => throw PieceException.Input("'token' is required when 'auth' is bearer."),
            "bearer" when !Ascii.IsValid(input.Token) || input.Token.AsSpan().ContainsAny("\r\n\0") => throw PieceException.Input("'token' has characters that no token has."),
            "bearer" => new AuthenticationHeaderValue("Bearer", input.Token),
            _ => null,
        };
        if (value is null)
            return;
        if (Has(headers, "Authorization"))
            throw PieceException.Input("'auth' and the header 'Authorization' are both given; one of them is enough.");
        headers.Add(new("Authorization", value.ToString()));
    }

    /// <summary>Names and values of an object; a list gives its name several times, null is left out.</summary>
    internal static IEnumerable<KeyValuePair<string, string>> Pairs(Value value, string field)
    {
        if (value.IsNull)
            yield break;
        if (value.Kind != ValueKind.Object)
            throw PieceException.Input($"'{field}' must be an object; found {ValueText.Of(value)}.");
        foreach (var (name, one) in value.AsObject)
        {
            foreach (var item in one.Kind == ValueKind.List ? [.. one.AsList] : new[] { one })
            {
                if (item.Kind is ValueKind.Object or ValueKind.List)
                    throw PieceException.Input($"'{field}.{name}' must be a text, a number or a boolean; found {ValueText.Of(item)}.");
                if (!item.IsNull)
                    yield return new(name, item.ToString());
            }
        }
    }

    private static bool Has(List<KeyValuePair<string, string>> headers, string name) =>
        headers.Exists(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase));
}
