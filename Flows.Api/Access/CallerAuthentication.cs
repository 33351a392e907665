using System.Text.Encodings.Web;
using Flows.Api.Users;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Flows.Api.Access;

/// <summary>
/// <c>Authorization: Bearer flk_…</c>, the key of a project, or else the cookie of a session. The principal's identity is a
/// <see cref="CallerIdentity"/>. A session's project is the one that the header <c>Flows-Project</c> names (or, where a browser cannot send
/// a header, <c>?project=</c>), or the user's only one.
/// </summary>
internal sealed class CallerAuthentication(
    ApiKeyCache keys, SessionCache sessions, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public new const string Scheme = "Caller";
    public const string ProjectHeader = "Flows-Project";
    private const string ProjectQuery = "project";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (BearerToken.Read(Request) is { } token)
        {
            if (!ApiKey.IsWellFormed(token.Span))
                return AuthenticateResult.Fail("The bearer token is not an API key.");
            return await keys.FindAsync(KeyHash.Of(token.Span), Context.RequestAborted) is { } key
                ? AuthenticateResult.Success(new AuthenticationTicket(key.Principal, Scheme))
                : AuthenticateResult.Fail("The API key is unknown, revoked or expired.");
        }
        if (SessionCookie.Read(Request) is not { } cookie)
            return AuthenticateResult.NoResult();
        if (await sessions.FindAsync(KeyHash.Of(cookie), Context.RequestAborted) is not { } session)
            return AuthenticateResult.Fail("The session has ended.");
        return AuthenticateResult.Success(new AuthenticationTicket(InProject(session), Scheme));
    }

    private System.Security.Claims.ClaimsPrincipal InProject(SessionCredential session)
    {
        var named = Request.Headers[ProjectHeader].ToString() is { Length: > 0 } header ? header : Request.Query[ProjectQuery].ToString();
        if (named.Length == 0)
        {
            if (session.InProject.Count == 1)
                return session.InProject.Values[0];
            if (session.InProject.Count > 1)
                Refusal.Set(Context, StatusCodes.Status400BadRequest, $"You belong to several projects: say which one with the header '{ProjectHeader}: <id>', or with ?{ProjectQuery}=<id>.");
            return session.Alone;
        }
        // One that is not yours and one that does not exist are the same to you.
        if (Guid.TryParse(named, out var id) && session.InProject.TryGetValue(id, out var principal))
            return principal;
        Refusal.Set(Context, StatusCodes.Status404NotFound, "You have no such project.");
        return session.Alone;
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        if (IsPage)
        {
            Response.Redirect($"{PlainPage.RootFrom(Request)}sign-in?then={Uri.EscapeDataString(Request.Path + Request.QueryString.ToString())}");
            return Task.CompletedTask;
        }
        if (BearerToken.Read(Request) is null && SessionCookie.Read(Request) is not null)
            return Problems.WriteAsync(Context, StatusCodes.Status401Unauthorized, "The session has ended. Sign in again.");
        return BearerToken.ChallengeAsync(Context,
            missing: "An API key is needed: send it as 'Authorization: Bearer flk_…'. Or sign in.",
            wrong: "The API key is unknown, revoked or expired.");
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) => Refusal.Of(Context) is not { } refusal
        ? BearerToken.ForbidAsync(Context, "This credential may not do that.")
        : refusal.Status == StatusCodes.Status403Forbidden ? BearerToken.ForbidAsync(Context, refusal.Detail)
        : Problems.WriteAsync(Context, refusal.Status, refusal.Detail);

    // Somebody who opens one of our pages in a browser and is not signed in.
    private bool IsPage => HttpMethods.IsGet(Request.Method) && BearerToken.Read(Request) is null
        && Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase)
        && !Request.Path.StartsWithSegments("/api", StringComparison.OrdinalIgnoreCase);
}
