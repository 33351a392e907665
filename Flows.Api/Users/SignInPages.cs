using System.Globalization;
using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Mvc;

namespace Flows.Api.Users;

/// <summary>
/// The pages by which people come in: sign-in, first set-up, and joining by a link. They need no script. Their forms are taken only from
/// themselves: the browser has to say that the request has the same origin.
/// </summary>
internal static class SignInPages
{
    private const int MaxBytes = 16 << 10;
    private const string NotFromHere = "The form was not sent from this page. Open the page anew and try again.";

    public static void MapSignInPages(this IEndpointRouteBuilder app)
    {
        var pages = app.MapGroup("").AllowAnonymous("They are how people come in; what they do asks for a password or a one-time link.")
            .WithMetadata(new SkipStatusCodePagesAttribute(), new RequestSizeLimitAttribute(MaxBytes)).AddEndpointFilter<Runs.UnavailableFilter>().ExcludeFromDescription();
        pages.MapGet("/sign-in", ShowSignIn);
        pages.MapPost("/sign-in", SignInByForm).NotAudited("It writes its own row.");
        pages.MapPost("/sign-out", SignOut).NotAudited("It writes its own row.");
        pages.MapGet("/setup", ShowSetup);
        pages.MapPost("/setup", SetUpByForm).NotAudited("It writes its own row.");
        pages.MapGet("/join/{token}", ShowJoin);
        pages.MapPost("/join/{token}", JoinByForm).NotAudited("It writes its own row.");
    }

    private static async Task<IResult> ShowSignIn(string? then, HttpContext http, FormToken forms)
    {
        if (await CallerAsync(http) is not { SessionId: { } sessionId } caller)
            return SignInPage(then, email: "", problem: null);
        return new PlainPage("Flows", $"""
            <h1>You are signed in</h1><p class="soft">as {PlainPage.Text(caller.Name)}</p>
            <ul><li><a href="{PlainPage.RootFrom(http.Request)}admin/queues">The queue</a></li><li><a href="{PlainPage.RootFrom(http.Request)}">Flows</a></li></ul>
            <form method="post" action="{PlainPage.RootFrom(http.Request)}sign-out"><input type="hidden" name="{FormToken.Field}" value="{forms.For(sessionId)}"><button>Sign out</button></form>
            """);
    }

    private static async Task<IResult> SignInByForm(string? then, HttpContext http, SignIn signIn, CancellationToken cancel)
    {
        var form = await FormAsync(http.Request, cancel);
        var email = form["email"].ToString();
        if (!CrossSite.IsSameOrigin(http.Request))
            return SignInPage(then, email, NotFromHere, StatusCodes.Status403Forbidden);
        if (email.Length > 254 || email.Any(char.IsControl))
            return SignInPage(then, "", SessionEndpoints.SignInRefused, StatusCodes.Status401Unauthorized);
        var result = await signIn.TryAsync(email, form["password"].ToString(), http, cancel);
        if (result.LockedFor is { } locked)
        {
            http.Response.Headers.RetryAfter = Math.Ceiling(locked.TotalSeconds).ToString(CultureInfo.InvariantCulture);
            return SignInPage(then, email, SessionEndpoints.LockedText(locked), StatusCodes.Status429TooManyRequests);
        }
        if (result.Token is null)
            return SignInPage(then, email, SessionEndpoints.SignInRefused, StatusCodes.Status401Unauthorized);
        SessionCookie.Set(http, result.Token);
        return ToLocal(http, LocalOrRoot(then));
    }

    private static async Task<IResult> SignOut(HttpContext http, FormToken forms, FlowsDb db, AuditTrail audit, AccessNews news, CancellationToken cancel)
    {
        var form = await FormAsync(http.Request, cancel);
        if (await CallerAsync(http) is { SessionId: { } sessionId } caller)
        {
            if (!forms.IsFor(sessionId, form[FormToken.Field].ToString()))
                return new PlainPage("Flows", $"<h1>Not signed out</h1>{PlainPage.Problem(NotFromHere)}", StatusCodes.Status403Forbidden);
            await SessionEndpoints.EndAsync(db, audit, caller, "session.ended", $"session:{sessionId}", session => session.Id == sessionId, cancel);
            news.SessionEnded(sessionId);
        }
        SessionCookie.Clear(http);
        return ToLocal(http, "/sign-in");
    }

    private static async Task<IResult> ShowSetup(string? token, HttpRequest request, OwnerSetup setup, CancellationToken cancel) => await setup.IsOpenAsync(cancel)
        ? SetupPage(token ?? "", email: "", name: "", problem: null)
        : new PlainPage("Flows", $"<h1>Flows is set up</h1>{PlainPage.Problem(SessionEndpoints.SetupRefused)}<p><a href=\"{PlainPage.RootFrom(request)}sign-in\">Sign in</a></p>", StatusCodes.Status404NotFound);

    private static async Task<IResult> SetUpByForm(HttpContext http, OwnerSetup setup, CancellationToken cancel)
    {
        var form = await FormAsync(http.Request, cancel);
        var (token, email, name, password) = (form["token"].ToString(), form["email"].ToString(), form["name"].ToString(), form["password"].ToString());
        if (!CrossSite.IsSameOrigin(http.Request))
            return SetupPage(token, email, name, NotFromHere, StatusCodes.Status403Forbidden);
        if (SessionEndpoints.NewPersonProblem(email, name, password) is { ProblemDetails.Detail: var problem })
            return SetupPage(token, email, name, problem, StatusCodes.Status400BadRequest);
        if (await setup.CompleteAsync(token, email, name, password, http, cancel) is not { } session)
            return SetupPage(token, email, name, SessionEndpoints.SetupRefused, StatusCodes.Status403Forbidden);
        SessionCookie.Set(http, session);
        return ToLocal(http, "/");
    }

    private static async Task<IResult> ShowJoin(string token, HttpContext http, Invitations invitations, CancellationToken cancel) =>
        await invitations.FindAsync(token, cancel) is { } offer ? JoinPage(token, offer, await CallerAsync(http), offer.Email ?? "", name: "", problem: null) : NoSuchLink();

    private static async Task<IResult> JoinByForm(string token, HttpContext http, Invitations invitations, CancellationToken cancel)
    {
        if (await invitations.FindAsync(token, cancel) is not { } offer)
            return NoSuchLink();
        var form = await FormAsync(http.Request, cancel);
        var caller = await CallerAsync(http);
        var (email, name, password) = (form["email"].ToString(), form["name"].ToString(), form["password"].ToString());
        if (!CrossSite.IsSameOrigin(http.Request))
            return JoinPage(token, offer, caller, email, name, NotFromHere, StatusCodes.Status403Forbidden);
        if (caller is null && SessionEndpoints.NewPersonProblem(email, name, password) is { ProblemDetails.Detail: var wrong })
            return JoinPage(token, offer, caller, email, name, wrong, StatusCodes.Status400BadRequest);
        var joining = caller is null
            ? await invitations.JoinAsNewAsync(token, email, name, password, http, cancel)
            : await invitations.JoinAsAsync(caller.Id, token, http, cancel);
        if (joining.Problem is { } problem)
            return JoinPage(token, offer, caller, email, name, problem, joining.Status);
        if (joining.Token is { } session)
            SessionCookie.Set(http, session);
        return ToLocal(http, "/");
    }

    private static PlainPage SignInPage(string? then, string email, string? problem, int status = StatusCodes.Status200OK) => new("Sign in to Flows", $"""
        <h1>Sign in to Flows</h1>{PlainPage.Problem(problem)}
        <form method="post" action="?then={Uri.EscapeDataString(LocalOrRoot(then))}">
        <label for="email">E-mail</label><input id="email" name="email" type="email" autocomplete="username" required value="{PlainPage.Text(email)}">
        <label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
        <button>Sign in</button></form>
        """, status);

    private static PlainPage SetupPage(string token, string email, string name, string? problem, int status = StatusCodes.Status200OK) => new("Set up Flows", $"""
        <h1>Set up Flows</h1><p class="soft">You become the owner of this installation.</p>{PlainPage.Problem(problem)}
        <form method="post" action="?"><input type="hidden" name="token" value="{PlainPage.Text(token)}">{NewPerson(email, name)}<button>Become the owner</button></form>
        """, status);

    private static PlainPage JoinPage(string token, Offer offer, Caller? caller, string email, string name, string? problem, int status = StatusCodes.Status200OK) => new("Join a project", $"""
        <h1>Join {PlainPage.Text(offer.Project)}</h1><p class="soft">You are invited as {offer.Role}.</p>{PlainPage.Problem(problem)}
        <form method="post" action="?">
        {(caller is null ? NewPerson(email, name) : $"<p>You are signed in as {PlainPage.Text(caller.Name)}.</p>")}<button>Join</button></form>
        {(caller is null ? $"<p class=\"soft\">You have an account? <a href=\"../sign-in?then={Uri.EscapeDataString($"/join/{token}")}\">Sign in first</a></p>" : "")}
        """, status);

    private static string NewPerson(string email, string name) => $"""
        <label for="name">Your name</label><input id="name" name="name" autocomplete="name" required maxlength="{DisplayName.MaximumLength}" value="{PlainPage.Text(name)}">
        <label for="email">E-mail</label><input id="email" name="email" type="email" autocomplete="username" required value="{PlainPage.Text(email)}">
        <label for="password">Password <span class="soft">({Passwords.MinimumLength} characters at least)</span></label>
        <input id="password" name="password" type="password" autocomplete="new-password" required minlength="{Passwords.MinimumLength}">
        """;

    private static PlainPage NoSuchLink() => new("Flows", $"<h1>There is no such link</h1>{PlainPage.Problem(Invitations.NotGood)}", StatusCodes.Status404NotFound);

    // These endpoints are open, so nobody has looked at the cookie yet.
    private static async Task<Caller?> CallerAsync(HttpContext http) =>
        (await http.AuthenticateAsync(CallerAuthentication.Scheme)).Principal?.Identity is CallerIdentity { Caller: { Kind: CallerKind.User } caller } ? caller : null;

    private static async Task<IFormCollection> FormAsync(HttpRequest request, CancellationToken cancel)
    {
        if (!request.HasFormContentType)
            throw new BadHttpRequestException("A form is expected.", StatusCodes.Status415UnsupportedMediaType);
        return await Runs.RequestBody.ReadFormAsync(request, cancel);
    }

    /// <param name="path">Of this installation, without any prefix.</param>
    private static IResult ToLocal(HttpContext http, string path) => Results.Redirect(PlainPage.RootFrom(http.Request) + path[1..]);

    /// <summary>Where to go afterwards: only within this site, or a link to our own page could lead anywhere.</summary>
    private static string LocalOrRoot(string? path) =>
        path is ['/', ..] && path is not ['/', '/' or '\\', ..] && !path.Any(char.IsControl) ? path : "/";
}
