using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Projects;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Flows.Api.Users;

/// <summary>
/// The first owner. While nobody owns the installation, the token of <c>Flows__Bootstrap__SetupToken</c> makes one, once; each start
/// renews its time. Without that setting there is no way to become owner: nobody has a default password.
/// </summary>
internal sealed partial class OwnerSetup(
    FlowsDb db, SignIn signIn, Passwords passwords, IOptions<BootstrapOptions> options, TimeProvider clock, ILogger<OwnerSetup> log)
{
    private const long LockKey = 0x666C6F7775;
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(24);

    /// <summary>At the start: the token is good for a day from now. Safe from several replicas at once.</summary>
    public async Task OpenAsync(CancellationToken cancel)
    {
        if (options.Value.SetupToken is not { Length: > 0 } token)
            return;
        var (now, until) = (clock.GetUtcNow(), clock.GetUtcNow() + s_lifetime);
        var hash = KeyHash.Of(token).ToBytes();
        var (id, owner) = (Guid.CreateVersion7(now), (short)Role.Owner);
        // Used once is used for ever: a row with used_at is not renewed.
        var opened = await db.Database.ExecuteSqlAsync($"""
            INSERT INTO invitations (id, project_id, role, token_hash, created_at, expires_at)
            SELECT {id}, NULL, {owner}, {hash}, {now}, {until} WHERE NOT EXISTS (SELECT FROM members WHERE role = {owner})
            ON CONFLICT (token_hash) DO UPDATE SET expires_at = excluded.expires_at WHERE invitations.used_at IS NULL
            """, cancel);
        if (opened > 0)
            LogOpen(until);
    }

    /// <summary>True while a token can make the first owner.</summary>
    public async Task<bool> IsOpenAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        return await db.Invitations.AnyAsync(link => link.ProjectId == null && link.UsedAt == null && link.ExpiresAt > now, cancel)
            && !await db.Members.AnyAsync(member => member.Role == Role.Owner, cancel);
    }

    /// <returns>The token of the new owner's session; null when the set-up token is wrong, used or late, or there is an owner.</returns>
    public async Task<string?> CompleteAsync(string setupToken, string email, string name, string password, HttpContext http, CancellationToken cancel)
    {
        if (setupToken.Length is 0 or > SecretToken.MostCharacters)
            return null;
        var hash = KeyHash.Of(setupToken).ToBytes();
        var passwordHash = await passwords.HashAsync(password, cancel);

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // Of two who come at once with the same link one becomes owner.
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_xact_lock({LockKey})", cancel);
        var now = clock.GetUtcNow();
        var link = await db.Invitations.SingleOrDefaultAsync(row => row.TokenHash == hash && row.ProjectId == null && row.UsedAt == null && row.ExpiresAt > now, cancel);
        if (link is null || await db.Members.AnyAsync(member => member.Role == Role.Owner, cancel))
            return null;
        var project = await db.Projects.OrderBy(row => row.Id).FirstOrDefaultAsync(cancel);
        if (project is null)
            db.Projects.Add(project = new Project { Id = Guid.CreateVersion7(now), Name = "Default", CreatedAt = now });
        var user = new User { Id = Guid.CreateVersion7(now), Email = email, Name = name, PasswordHash = passwordHash, CreatedAt = now };
        db.Users.Add(user);
        db.Members.Add(new Member { ProjectId = project.Id, UserId = user.Id, Role = Role.Owner, CreatedAt = now });
        link.UsedAt = now;
        var token = await signIn.AddSessionAsync(user.Id, http, cancel);
        AuditTrail.Of(http).AddAs(db, CallerKind.User, user.Id, user.Name, "installation.set_up", $"user:{user.Id}", new { user.Email, user.Name, Role = Role.Owner }, project.Id);
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        return token;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Nobody owns this installation yet. The set-up link is good until {Until:u}.")]
    private partial void LogOpen(DateTimeOffset until);
}
