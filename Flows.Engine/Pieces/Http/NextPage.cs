using System.Net.Http.Headers;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces.Http;

/// <summary>How the pages of a list hang together: where an answer names the next page, and where its items are.</summary>
internal static class NextPage
{
    public const int MostPages = 1000;

    /// <param name="field">Where the body names the next page, such as <c>paging.next</c>; null for the header <c>Link</c> (RFC 8288).</param>
    /// <returns>Null when this was the last page.</returns>
    /// <exception cref="PieceException">What is there is no address.</exception>
    public static Uri? Of(HttpPiece.RequestOutput page, Uri url, string? field)
    {
        var text = field is null ? LinkOf(page) : At(page.Body, field) is { IsNull: false } value ? value.ToString() : null;
        if (string.IsNullOrWhiteSpace(text))
            return null;
        return Uri.TryCreate(url, text, out var next) && next.Scheme is "http" or "https"
            ? next
            : throw PieceException.Final($"the page {HttpExchange.Shown(url)} names a next page that is no address: {ValueText.Of(Value.Of(text))}.", "http_body");
    }

    /// <summary>The items of a page.</summary>
    /// <exception cref="PieceException">There is no list.</exception>
    public static ValueList ItemsOf(HttpPiece.RequestOutput page, Uri url, string? field)
    {
        var items = field is null ? page.Body : At(page.Body, field);
        return items.Kind == ValueKind.List ? items.AsList
            : throw PieceException.Final($"the page {HttpExchange.Shown(url)} has no list of items at '{field ?? "the top"}'; found {ValueText.Of(items)}. 'itemsAt' tells where it is.", "http_body");
    }

    private static Value At(Value value, string path)
    {
        foreach (var name in path.Split('.'))
        {
            if (value.Kind != ValueKind.Object || !value.AsObject.TryGet(name, out value))
                return Value.Null;
        }
        return value;
    }

    private static string? LinkOf(HttpPiece.RequestOutput page)
    {
        if (!page.Headers.TryGetValue("link", out var header))
            return null;
        // <https://…>; rel="next", <https://…>; rel="last"
        for (var at = header.IndexOf('<', StringComparison.Ordinal); at >= 0;)
        {
            var end = header.IndexOf('>', at);
            if (end < 0)
                return null;
            var following = header.IndexOf('<', end);
            var parameters = header[(end + 1)..(following < 0 ? header.Length : following)].TrimEnd(' ', ',');
            foreach (var parameter in parameters.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (NameValueHeaderValue.TryParse(parameter, out var pair) && pair.Name.Equals("rel", StringComparison.OrdinalIgnoreCase)
                    && (pair.Value ?? "").Trim('"').Split(' ').Contains("next", StringComparer.OrdinalIgnoreCase))
                    return header[(at + 1)..end];
            }
            at = following;
        }
        return null;
    }
}
