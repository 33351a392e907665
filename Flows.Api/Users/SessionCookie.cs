namespace Flows.Api.Users;

/// <summary>The cookie that holds a session's token. No script can read it, and over https no other scheme, path or host can set or see it.</summary>
internal static class SessionCookie
{
    private const string Plain = "flows_session";
    private const string Secure = "__Host-flows_session";

    public static string? Read(HttpRequest request) =>
        request.Cookies[request.IsHttps ? Secure : Plain] is { Length: > 0 and <= SecretToken.MostCharacters } token
        && token.StartsWith(SecretToken.SessionStart, StringComparison.Ordinal) ? token : null;

    public static void Set(HttpContext http, string token) => http.Response.Cookies.Append(Name(http), token, Options(http, Session.Longest));

    public static void Clear(HttpContext http) => http.Response.Cookies.Delete(Name(http), Options(http, maxAge: null));

    private static string Name(HttpContext http) => http.Request.IsHttps ? Secure : Plain;

    private static CookieOptions Options(HttpContext http, TimeSpan? maxAge) => new()
    {
        HttpOnly = true,
        Secure = http.Request.IsHttps,
        SameSite = SameSiteMode.Lax,
        Path = "/",
        MaxAge = maxAge,
        IsEssential = true,
    };
}
