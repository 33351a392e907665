using System.Runtime.InteropServices;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Flows.Api.Access;

/// <summary><c>Authorization: Bearer …</c> with the worker token. Only the policy <see cref="Policies.Worker"/> asks this scheme.</summary>
internal sealed class WorkerTokenAuthentication(
    WorkerToken expected, IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public new const string Scheme = "WorkerToken";
    public const string Claim = "flows:worker";
    private static readonly ClaimsPrincipal s_worker = new(new ClaimsIdentity([new Claim(Claim, "true")], Scheme));

    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(BearerToken.Read(Request) switch
    {
        null => AuthenticateResult.NoResult(),
        { } token when expected.Is(token.Span) => AuthenticateResult.Success(new AuthenticationTicket(s_worker, Scheme)),
        _ => AuthenticateResult.Fail("The bearer token is not the worker token."),
    });

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        BearerToken.ChallengeAsync(Context,
            missing: "Only workers may call this, with the worker token.",
            wrong: "This is not the worker token of this installation. Give workers and API the same Flows__Security__WorkerToken.");

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        BearerToken.ForbidAsync(Context, "Only workers may call this.");
}

/// <summary>The token that workers must present. Compared in constant time, and by hash, so that its length does not show either.</summary>
internal sealed class WorkerToken(IOptions<SecurityOptions> options)
{
    private readonly byte[] _hash = Hash(options.Value.WorkerToken);

    public bool Is(ReadOnlySpan<char> token) => CryptographicOperations.FixedTimeEquals(Hash(token), _hash);

    private static byte[] Hash(ReadOnlySpan<char> token) => SHA256.HashData(MemoryMarshal.AsBytes(token));
}
