using System.Buffers.Text;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Npgsql;

namespace Flows.Api.Connections.OAuth;

/// <summary>
/// The start of a sign-in, for users, and its end, where services send browsers. Coming back changes nothing by itself: the page says whose
/// connection this will be and who asked for it, and a press of its button ends the sign-in. So nobody can have a stranger's account connected
/// to a flow of theirs by sending a link, and programs that open links use nothing up (docs/decisions/0014).
/// </summary>
internal static class SignInEndpoints
{
    public const string CallbackPath = "/oauth/callback";
    private const int LongestPath = 1000;
    private const int LongestCode = 8 * 1024;
    private const string Cookie = "flows-sign-in";

    public static void MapSignInStart(this RouteGroupBuilder connections) =>
        connections.MapPost("/{id:guid}/oauth/start", Start).Requires(Permission.EditConnections).Audited("connection.sign_in_started", ahead: true)
            .WithSummary("Begin a sign-in: the address of the service's sign-in page, good once and for ten minutes")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict).ProducesProblem(StatusCodes.Status429TooManyRequests);

    public static void MapSignIn(this IEndpointRouteBuilder app)
    {
        var callback = app.MapGroup(CallbackPath).AllowAnonymous("Services send browsers here; the state is single use, and bound to the browser.").AddEndpointFilter<UnavailableFilter>().ExcludeFromDescription()
            .WithMetadata(new SkipStatusCodePagesAttribute());
        callback.MapGet("", Ask);
        callback.MapPost("", Finish).WithMetadata(new RequestSizeLimitAttribute(64 << 10)).DisableAntiforgery(); // the cookie below is what it would be
    }

    private static async Task<Results<Ok<SignInStart>, ProblemHttpResult>> Start(
        Guid id, [FromBody] StartSignInRequest? request, CurrentProject project, ClaimsPrincipal caller, HttpContext http, NpgsqlDataSource db,
        OAuthConnections connections, SignIns signIns, PublicUrl url, CancellationToken cancel)
    {
        if (request?.ReturnTo is { } path && !IsPathHere(path))
            return Problems.BadRequest("$.returnTo", "It must be a path of this site that begins with a single slash.");
        await using var connection = await db.OpenConnectionAsync(cancel);
        if (await connections.FindAsync(connection, id, locked: false, cancel) is not { } found || found.ProjectId != project.Id)
            return Problems.NotFound($"There is no connection {id} of the kind oauth2.");
        if (found.Settings is null)
            return Problems.Conflict(found.Problem!);
        if (!found.Settings.NeedsPerson)
            return Problems.Conflict("The connection gets its tokens with client credentials: nobody signs in.");
        return await signIns.BeginAsync(found, caller.Identity?.Name ?? "an API key", url.Of(http.Request, CallbackPath), request?.ReturnTo, cancel) is var (address, expires)
            ? TypedResults.Ok(new SignInStart(address, expires))
            : Problems.Of(StatusCodes.Status429TooManyRequests, "Too many sign-ins of this connection are open. Finish one of them, or wait ten minutes.");
    }

    private static async Task<IResult> Ask(
        [FromQuery] string? state, [FromQuery] string? code, [FromQuery] string? error, [FromQuery(Name = "error_description")] string? description,
        HttpContext http, SignIns signIns, CancellationToken cancel)
    {
        ResumeEndpoints.Discreet(http);
        if (await signIns.FindAsync(state ?? "", cancel) is not { } pending)
            return SignInPage.Unknown;
        if (code is not { Length: > 0 and <= LongestCode })
            return SignInPage.Refused(pending, error, description);

        // Sent back with the button, and with nothing that another site makes this browser send.
        http.Response.Cookies.Append(Cookie, BindingOf(state!, code), new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = http.Request.IsHttps,
            Path = CallbackPath,
            MaxAge = SignIns.Lifetime,
        });
        return SignInPage.Ask(pending, state!, code);
    }

    private static async Task<IResult> Finish(HttpContext http, SignIns signIns, CancellationToken cancel)
    {
        ResumeEndpoints.Discreet(http);
        var form = http.Request.HasFormContentType ? await RequestBody.ReadFormAsync(http.Request, cancel) : FormCollection.Empty;
        var (state, code) = (form["state"].ToString(), form["code"].ToString());
        if (state.Length == 0 || code.Length is 0 or > LongestCode || http.Request.Cookies[Cookie] is not { } cookie
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(cookie), Encoding.UTF8.GetBytes(BindingOf(state, code))))
            return SignInPage.OtherBrowser;
        http.Response.Cookies.Delete(Cookie, new CookieOptions { Path = CallbackPath });

        var end = await signIns.EndAsync(state, code, cancel);
        return end is { Problem: null, ReturnTo: { } path } ? Results.LocalRedirect(path) : SignInPage.Ended(end);
    }

    // The button's form has to come from the page that this browser was shown for this state and code.
    private static string BindingOf(string state, string code) => Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes($"sign-in\n{state}\n{code}")));

    private static bool IsPathHere(string path) =>
        path.Length is > 0 and <= LongestPath && path[0] == '/' && !(path.Length > 1 && path[1] is '/' or '\\')
        && !path.Any(char.IsControl) && Uri.IsWellFormedUriString(path, UriKind.Relative);

    /// <param name="ReturnTo">A path of this site to go to afterwards.</param>
    internal sealed record StartSignInRequest(string? ReturnTo = null);

    /// <param name="Url">Open it in a browser.</param>
    internal sealed record SignInStart(string Url, DateTimeOffset ExpiresAt);
}
