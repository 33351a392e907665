using Microsoft.Net.Http.Headers;

namespace Flows.Api.Access;

/// <summary>The <c>Authorization: Bearer</c> header (RFC 6750), which both schemes use.</summary>
internal static class BearerToken
{
    private const string Prefix = "Bearer ";

    /// <summary>The token, or null when there is no bearer header or more than one.</summary>
    public static ReadOnlyMemory<char>? Read(HttpRequest request) =>
        request.Headers.Authorization is { Count: 1 } values && values[0] is { } header && header.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)
            ? header.AsMemory(Prefix.Length).Trim()
            : (ReadOnlyMemory<char>?)null; // a bare null would become an empty token, by the conversion from arrays

    /// <summary>401, telling a caller without a token from one with a wrong token.</summary>
    public static Task ChallengeAsync(HttpContext context, string missing, string wrong)
    {
        var isMissing = Read(context.Request) is null;
        context.Response.Headers[HeaderNames.WWWAuthenticate] = isMissing ? "Bearer realm=\"Flows\"" : "Bearer realm=\"Flows\", error=\"invalid_token\"";
        return Problems.WriteAsync(context, StatusCodes.Status401Unauthorized, isMissing ? missing : wrong);
    }

    /// <summary>403.</summary>
    public static Task ForbidAsync(HttpContext context, string detail)
    {
        context.Response.Headers[HeaderNames.WWWAuthenticate] = "Bearer realm=\"Flows\", error=\"insufficient_scope\"";
        return Problems.WriteAsync(context, StatusCodes.Status403Forbidden, detail);
    }
}
