using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Projects;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api.Users;

/// <summary>What an invitation offers.</summary>
internal sealed record Offer(Guid ProjectId, string Project, Role Role, string? Email);

/// <param name="Problem">Why nobody has joined; null when somebody has.</param>
/// <param name="Token">Of the session of a new user.</param>
internal sealed record Joining(string? Problem, int Status, string? Field, string? Token);

/// <summary>Lets people in by the links they were given: each once.</summary>
internal sealed class Invitations(FlowsDb db, SignIn signIn, Passwords passwords, AccessNews news, TimeProvider clock)
{
    public const string NotGood = "This link is not good: it was used, withdrawn or is too old. Ask for a new one.";

    /// <returns>Null when the link is not good.</returns>
    public async Task<Offer?> FindAsync(string token, CancellationToken cancel) => await LinkAsync(token, cancel) is { ProjectId: { } projectId } link
        ? await db.Projects.Where(project => project.Id == projectId).Select(project => new Offer(project.Id, project.Name, link.Role, link.Email)).SingleOrDefaultAsync(cancel)
        : null;

    /// <summary>Makes a user and lets them in.</summary>
    public async Task<Joining> JoinAsNewAsync(string token, string email, string name, string password, HttpContext http, CancellationToken cancel)
    {
        if (await LinkAsync(token, cancel) is null)
            return Refused;
        var hash = await passwords.HashAsync(password, cancel);
        var now = clock.GetUtcNow();
        var user = new User { Id = Guid.CreateVersion7(now), Email = email, Name = name, PasswordHash = hash, CreatedAt = now };
        try
        {
            return await JoinAsync(token, user, isNew: true, http, cancel);
        }
        catch (DbUpdateException error) when (error.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return new Joining("Somebody has an account with this e-mail address. Sign in first, then open the link again.", StatusCodes.Status409Conflict, "email", Token: null);
        }
    }

    /// <summary>Lets a user in who is signed in.</summary>
    public async Task<Joining> JoinAsAsync(Guid userId, string token, HttpContext http, CancellationToken cancel) =>
        await db.Users.SingleOrDefaultAsync(user => user.Id == userId, cancel) is { } user ? await JoinAsync(token, user, isNew: false, http, cancel) : Refused;

    private async Task<Joining> JoinAsync(string token, User user, bool isNew, HttpContext http, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var hash = KeyHash.Of(token).ToBytes();
        var now = clock.GetUtcNow();
        // Of two who use a link at once one comes in.
        if (await db.Invitations.Where(row => row.TokenHash == hash && row.ProjectId != null && row.UsedAt == null && row.ExpiresAt > now)
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.UsedAt, now), cancel) == 0)
            return Refused;
        var link = await db.Invitations.AsNoTracking().SingleAsync(row => row.TokenHash == hash, cancel);
        var projectId = link.ProjectId!.Value;
        if (!isNew && await db.Members.AnyAsync(member => member.ProjectId == projectId && member.UserId == user.Id, cancel))
            return new Joining("You belong to the project already.", StatusCodes.Status409Conflict, Field: null, Token: null);
        if (isNew)
            db.Users.Add(user);
        db.Members.Add(new Member { ProjectId = projectId, UserId = user.Id, Role = link.Role, CreatedAt = now });
        var session = isNew ? await signIn.AddSessionAsync(user.Id, http, cancel) : null;
        AuditTrail.Of(http).AddAs(db, CallerKind.User, user.Id, user.Name, "member.joined", $"user:{user.Id}", new { user.Email, link.Role, link.InvitedBy }, projectId);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        news.UserChanged(user.Id);
        return new Joining(Problem: null, StatusCodes.Status200OK, Field: null, session);
    }

    private static Joining Refused => new(NotGood, StatusCodes.Status404NotFound, Field: null, Token: null);

    private async Task<Invitation?> LinkAsync(string token, CancellationToken cancel)
    {
        if (token.Length > SecretToken.MostCharacters || !token.StartsWith(SecretToken.InvitationStart, StringComparison.Ordinal))
            return null;
        var (hash, now) = (KeyHash.Of(token).ToBytes(), clock.GetUtcNow());
        return await db.Invitations.AsNoTracking().SingleOrDefaultAsync(row => row.TokenHash == hash && row.ProjectId != null && row.UsedAt == null && row.ExpiresAt > now, cancel);
    }
}
