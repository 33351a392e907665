using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Flows.Api.Access;

/// <summary><c>Authorization: Bearer flk_…</c>: the key of a project. Its principal carries <see cref="CurrentProject.Claim"/>.</summary>
internal sealed class ApiKeyAuthentication(
    ApiKeyCache keys, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public new const string Scheme = "ApiKey";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (BearerToken.Read(Request) is not { } token)
            return AuthenticateResult.NoResult();
        if (!ApiKey.IsWellFormed(token.Span))
            return AuthenticateResult.Fail("The bearer token is not an API key.");
        return await keys.FindAsync(KeyHash.Of(token.Span), Context.RequestAborted) is { } principal
            ? AuthenticateResult.Success(new AuthenticationTicket(principal, Scheme))
            : AuthenticateResult.Fail("The API key is unknown, revoked or expired.");
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        BearerToken.ChallengeAsync(Context,
            missing: "An API key is needed: send it as 'Authorization: Bearer flk_…'.",
            wrong: "The API key is unknown, revoked or expired.");

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        BearerToken.ForbidAsync(Context, "This API key may not do that.");
}
