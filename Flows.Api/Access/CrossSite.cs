using Microsoft.Net.Http.Headers;

namespace Flows.Api.Access;

/// <summary>
/// Tells a request that our own pages, or a program, have made from one that another site makes a browser send with our cookie.
/// What changes nothing passes. Else one of three things must be there that no page of another site can send: our header, an Origin
/// that is ours, or the browser's word that it is the same origin.
/// </summary>
internal static class CrossSite
{
    public const string Header = "Flows-Csrf";

    public static bool IsOwnRequest(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method))
            return true;
        // A header of our own makes a browser ask first (CORS), and we answer no such question.
        if (request.Headers.TryGetValue(Header, out var header) && header.ToString() is { Length: > 0 })
            return true;
        return IsSameOrigin(request);
    }

    /// <summary>Whether the browser says that one of our own pages has sent it. False when it says nothing.</summary>
    public static bool IsSameOrigin(HttpRequest request)
    {
        // The newer header first: it is right also behind a proxy that does not tell the scheme.
        if (request.Headers.TryGetValue("Sec-Fetch-Site", out var site))
            return site == "same-origin";
        return Uri.TryCreate(request.Headers[HeaderNames.Origin].ToString(), UriKind.Absolute, out var origin)
            && string.Equals(origin.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase)
            && string.Equals(origin.Scheme, request.Scheme, StringComparison.OrdinalIgnoreCase);
    }
}
