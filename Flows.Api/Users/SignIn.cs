using Flows.Api.Access;
using Flows.Api.Audit;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Users;

/// <summary>What became of an attempt to sign in.</summary>
/// <param name="Token">Of the new session, for the cookie; null when it was refused.</param>
/// <param name="LockedFor">Set when nothing was even tried.</param>
internal sealed record SignInResult(string? Token, TimeSpan? LockedFor);

/// <summary>Signs people in, and makes the sessions of those who are.</summary>
internal sealed class SignIn(FlowsDb db, Passwords passwords, SignInGuard guard, TimeProvider clock)
{
    private const int MostSessions = 50;

    /// <exception cref="Runs.UnavailableException">Too many are signing in.</exception>
    public async Task<SignInResult> TryAsync(string email, string password, HttpContext http, CancellationToken cancel)
    {
        var address = http.Connection.RemoteIpAddress;
        if (await guard.LockedForAsync(email, address, cancel) is { } locked)
            return new SignInResult(Token: null, locked);

        // Too long a password is no one's; hashing megabytes would only serve an attacker.
        var user = password.Length > Passwords.MaximumLength ? null : await FindAsync(email, cancel);
        var verdict = await passwords.VerifyAsync(user?.PasswordHash, password.Length > Passwords.MaximumLength ? "" : password, cancel);
        if (user is null || verdict == PasswordVerificationResult.Failed)
        {
            await guard.FailedAsync(email, address, cancel);
            return new SignInResult(Token: null, LockedFor: null);
        }
        await guard.SucceededAsync(email, cancel);
        if (verdict == PasswordVerificationResult.SuccessRehashNeeded)
            user.PasswordHash = await passwords.HashAsync(password, cancel);
        var token = await AddSessionAsync(user.Id, http, cancel);
        AuditTrail.Of(http).AddAs(db, CallerKind.User, user.Id, user.Name, "session.started", $"user:{user.Id}");
        await db.SaveChangesAsync(cancel);
        return new SignInResult(token, LockedFor: null);
    }

    /// <summary>Adds a session to the context, which the caller saves. The oldest of a user with very many of them go.</summary>
    /// <returns>Its token.</returns>
    public async Task<string> AddSessionAsync(Guid userId, HttpContext http, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var old = await db.Sessions.Where(session => session.UserId == userId).OrderByDescending(session => session.LastUsedAt)
            .Skip(MostSessions - 1).Select(session => session.Id).ToListAsync(cancel);
        if (old.Count > 0)
            await db.Sessions.Where(session => old.Contains(session.Id)).ExecuteDeleteAsync(cancel);

        var token = SecretToken.Generate(SecretToken.SessionStart);
        var agent = http.Request.Headers.UserAgent.ToString();
        db.Sessions.Add(new Session
        {
            Id = Guid.CreateVersion7(now),
            UserId = userId,
            TokenHash = KeyHash.Of(token).ToBytes(),
            CreatedAt = now,
            LastUsedAt = now,
            Address = http.Connection.RemoteIpAddress?.ToString(),
            Agent = agent.Length == 0 ? null : agent[..Math.Min(agent.Length, 300)],
        });
        return token;
    }

    public Task<User?> FindAsync(string email, CancellationToken cancel)
    {
        var lower = email.Trim().ToLowerInvariant();
#pragma warning disable CA1304, CA1311, CA1862 // It becomes lower() in SQL, which the index has.
        return db.Users.SingleOrDefaultAsync(user => user.Email.ToLower() == lower, cancel);
#pragma warning restore CA1304, CA1311, CA1862
    }
}
