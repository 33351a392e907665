using System.Globalization;
using System.Linq.Expressions;
using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Users;

/// <summary>Coming in and going out, and what a caller may know and change of itself.</summary>
internal static class SessionEndpoints
{
    private const int MaxBytes = 16 << 10;

    public static void MapSessions(this IEndpointRouteBuilder api)
    {
        var open = api.MapGroup("").AddEndpointFilter<Runs.UnavailableFilter>().WithTags("Sign-in").WithMetadata(new RequestSizeLimitAttribute(MaxBytes)).ProducesProblem(StatusCodes.Status400BadRequest);
        open.MapGet("/setup", IsOpen).AllowAnonymous("There is nobody yet who could sign in.").WithSummary("Whether this installation still waits for its first owner");
        open.MapPost("/setup", SetUp).AllowAnonymous("There is nobody yet who could sign in; the one-time token is the credential.")
            .NotAudited("It writes its own row, as the new owner.")
            .WithSummary("Become the first owner, with the one-time token").ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status409Conflict);
        open.MapPost("/session", Start).AllowAnonymous("It is how people come in.").NotAudited("It writes its own row, as who has signed in.")
            .WithSummary("Sign in; the answer sets the session's cookie")
            .ProducesProblem(StatusCodes.Status401Unauthorized).ProducesProblem(StatusCodes.Status429TooManyRequests);

        var own = api.MapGroup("").AddEndpointFilter<Runs.UnavailableFilter>().WithTags("Sign-in").Requires(Permission.OwnAccount);
        own.MapDelete("/session", End).Audited("session.ended").WithSummary("Sign out").ProducesProblem(StatusCodes.Status400BadRequest);
        own.MapGet("/sessions", List).WithSummary("Your own sessions, newest first");
        own.MapDelete("/sessions/{id:guid}", Revoke).Audited("session.revoked").WithSummary("End one of your own sessions").ProducesProblem(StatusCodes.Status404NotFound);
        own.MapDelete("/sessions", RevokeOthers).Audited("session.others_revoked").WithSummary("End all your sessions but this one");
        own.MapPut("/me/password", ChangePassword).Audited("password.changed").WithMetadata(new RequestSizeLimitAttribute(MaxBytes))
            .WithSummary("Change your password; your other sessions end").ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
        own.MapGet("/me", Me).WithSummary("Who you are, what you may do here, and your projects");
    }

    private static async Task<Ok<SetupState>> IsOpen(OwnerSetup setup, CancellationToken cancel) => TypedResults.Ok(new SetupState(await setup.IsOpenAsync(cancel)));

    private static async Task<Results<Created, ProblemHttpResult>> SetUp(SetupRequest request, OwnerSetup setup, HttpContext http, CancellationToken cancel)
    {
        if (NewPersonProblem(request.Email, request.Name, request.Password) is { } problem)
            return problem;
        if (await setup.CompleteAsync(request.Token, request.Email, request.Name, request.Password, http, cancel) is not { } token)
            return Problems.Of(StatusCodes.Status403Forbidden, SetupRefused);
        SessionCookie.Set(http, token);
        return TypedResults.Created("/api/v1/me");
    }

    public const string SetupRefused = "This set-up link is not good: it was used, is too old, or the installation has an owner. A restart of Flows renews it while there is no owner.";

    private static async Task<Results<NoContent, ProblemHttpResult>> Start(SignInRequest request, SignIn signIn, HttpContext http, CancellationToken cancel)
    {
        if (request.Email.Length > 254 || request.Email.Any(char.IsControl))
            return Problems.BadRequest("$.email", "It is not an e-mail address.");
        var result = await signIn.TryAsync(request.Email, request.Password, http, cancel);
        if (result.LockedFor is { } locked)
            return Locked(http, locked);
        if (result.Token is null)
            return Problems.Of(StatusCodes.Status401Unauthorized, SignInRefused);
        SessionCookie.Set(http, result.Token);
        return TypedResults.NoContent();
    }

    public const string SignInRefused = "The e-mail address or the password is wrong.";

    private static async Task<Results<NoContent, ProblemHttpResult>> End(Caller caller, FlowsDb db, AuditTrail audit, AccessNews news, HttpContext http, CancellationToken cancel)
    {
        if (caller.SessionId is not { } sessionId)
            return Problems.BadRequest("Authorization", "An API key has no session: revoke it instead.");
        await EndAsync(db, audit, caller, "session.ended", $"session:{sessionId}", session => session.Id == sessionId, cancel);
        news.SessionEnded(sessionId);
        SessionCookie.Clear(http);
        return TypedResults.NoContent();
    }

    /// <summary>In one commit with the row of the audit log: a session that has ended is in it, whatever dies.</summary>
    /// <returns>How many have ended; with none there is no row either.</returns>
    public static async Task<int> EndAsync(
        FlowsDb db, AuditTrail audit, Caller caller, string action, string target, Expression<Func<Session, bool>> which, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var ended = await db.Sessions.Where(which).ExecuteDeleteAsync(cancel);
        if (ended == 0)
        {
            audit.NothingChanged();
            return 0;
        }
        audit.AddAs(db, caller.Kind, caller.Id, caller.Name, action, target, ended == 1 ? null : new { Sessions = ended }, caller.ProjectId);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return ended;
    }

    private static async Task<Ok<SessionList>> List(Caller caller, FlowsDb db, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var (idle, oldest) = (now - Session.Idle, now - Session.Longest);
        var sessions = await db.Sessions.AsNoTracking()
            .Where(session => session.UserId == caller.Id && session.LastUsedAt > idle && session.CreatedAt > oldest).OrderByDescending(session => session.Id).ToListAsync(cancel);
        return TypedResults.Ok(new SessionList([.. sessions.Select(session => new SessionView(
            session.Id, session.Id == caller.SessionId, session.CreatedAt, session.LastUsedAt, session.Address, session.Agent))]));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Revoke(Guid id, Caller caller, FlowsDb db, AuditTrail audit, AccessNews news, CancellationToken cancel)
    {
        if (await EndAsync(db, audit, caller, "session.revoked", $"session:{id}", session => session.Id == id && session.UserId == caller.Id, cancel) == 0)
            return Problems.NotFound($"You have no session {id}.");
        news.SessionEnded(id);
        return TypedResults.NoContent();
    }

    private static async Task<NoContent> RevokeOthers(Caller caller, FlowsDb db, AuditTrail audit, AccessNews news, CancellationToken cancel)
    {
        await EndAsync(db, audit, caller, "session.others_revoked", $"user:{caller.Id}", session => session.UserId == caller.Id && session.Id != caller.SessionId, cancel);
        news.UserChanged(caller.Id);
        return TypedResults.NoContent();
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> ChangePassword(
        ChangePasswordRequest request, Caller caller, FlowsDb db, Passwords passwords, SignInGuard guard, AccessNews news, AuditTrail audit, HttpContext http, CancellationToken cancel)
    {
        if (caller.Kind != CallerKind.User || await db.Users.SingleOrDefaultAsync(user => user.Id == caller.Id, cancel) is not { } user)
            return Problems.Of(StatusCodes.Status403Forbidden, "An API key has no password.");
        if (Passwords.Problem(request.New, user.Email) is { } problem)
            return Problems.BadRequest("$.new", problem);
        // Whoever sits at a browser that was left open must not guess either.
        var address = http.Connection.RemoteIpAddress;
        if (await guard.LockedForAsync(user.Email, address, cancel) is { } locked)
            return Locked(http, locked);
        if (await passwords.VerifyAsync(user.PasswordHash, request.Current, cancel) == PasswordVerificationResult.Failed)
        {
            await guard.FailedAsync(user.Email, address, cancel);
            return Problems.BadRequest("$.current", "It is not your password.");
        }
        user.PasswordHash = await passwords.HashAsync(request.New, cancel);
        audit.Add(db, "password.changed", $"user:{user.Id}");
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.SaveChangesAsync(cancel);
        await db.Sessions.Where(session => session.UserId == user.Id && session.Id != caller.SessionId).ExecuteDeleteAsync(cancel);
        await transaction.CommitAsync(cancel);
        news.UserChanged(user.Id);
        return TypedResults.NoContent();
    }

    private static async Task<Ok<MeView>> Me(Caller caller, FlowsDb db, CancellationToken cancel)
    {
        var permissions = caller.Permissions.ToPermissions().Select(Permissions.NameOf).ToList();
        if (caller.Kind == CallerKind.Key)
        {
            var key = await db.ApiKeys.Where(row => row.Id == caller.Id)
                .Join(db.Projects, row => row.ProjectId, p => p.Id, (row, p) => new { Project = new ProjectName(p.Id, p.Name), Key = new MeKey(row.Id, row.Name, row.Prefix) })
                .SingleOrDefaultAsync(cancel);
            return TypedResults.Ok(new MeView(key?.Project, caller.Role, permissions, key?.Key, User: null, key is null ? [] : [new MeProject(key.Project.Id, key.Project.Name, caller.Role!.Value)]));
        }
        var user = await db.Users.Where(row => row.Id == caller.Id).Select(row => new MeUser(row.Id, row.Name, row.Email)).SingleOrDefaultAsync(cancel);
        var projects = await db.Members.Where(member => member.UserId == caller.Id).OrderBy(member => member.ProjectId)
            .Join(db.Projects, member => member.ProjectId, p => p.Id, (member, p) => new MeProject(p.Id, p.Name, member.Role)).ToListAsync(cancel);
        var here = projects.FirstOrDefault(p => p.Id == caller.ProjectId);
        return TypedResults.Ok(new MeView(here is null ? null : new ProjectName(here.Id, here.Name), caller.Role, permissions, Key: null, user, projects));
    }

    /// <summary>Null when somebody may be called so and have that password.</summary>
    public static ProblemHttpResult? NewPersonProblem(string email, string name, string password)
    {
        if (User.EmailProblem(email) is { } badEmail)
            return Problems.BadRequest("$.email", badEmail);
        if (DisplayName.Problem(name) is { } badName)
            return Problems.BadRequest("$.name", badName);
        return Passwords.Problem(password, email) is { } badPassword ? Problems.BadRequest("$.password", badPassword) : null;
    }

    private static ProblemHttpResult Locked(HttpContext http, TimeSpan time)
    {
        http.Response.Headers.RetryAfter = ((int)Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        return Problems.Of(StatusCodes.Status429TooManyRequests, LockedText(time));
    }

    public static string LockedText(TimeSpan time) =>
        $"There were too many wrong passwords. Try again in {(time < TimeSpan.FromMinutes(1) ? "a minute" : $"{Math.Ceiling(time.TotalMinutes):0} minutes")}.";

    internal sealed record SetupState(bool Open);
    internal sealed record SetupRequest(string Token, string Email, string Name, string Password);
    internal sealed record SignInRequest(string Email, string Password);
    internal sealed record ChangePasswordRequest(string Current, string New);
    internal sealed record SessionList(IReadOnlyList<SessionView> Items);
    /// <param name="Current">The one that asks.</param>
    internal sealed record SessionView(Guid Id, bool Current, DateTimeOffset CreatedAt, DateTimeOffset LastUsedAt, string? Address, string? Agent);
    /// <param name="Project">The one this request is about; null for a user of several who did not say which.</param>
    /// <param name="Key">When the caller is an API key.</param>
    /// <param name="User">When the caller is a person.</param>
    internal sealed record MeView(ProjectName? Project, Role? Role, IReadOnlyList<string> Permissions, MeKey? Key, MeUser? User, IReadOnlyList<MeProject> Projects);
    internal sealed record ProjectName(Guid Id, string Name);
    internal sealed record MeKey(Guid Id, string Name, string Prefix);
    internal sealed record MeUser(Guid Id, string Name, string Email);
    internal sealed record MeProject(Guid Id, string Name, Role Role);
}
