using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Users;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Projects;

/// <summary>Who belongs to a project, and the links that let further people in. Nobody gives or takes a role that may do more than his own.</summary>
internal static class MemberEndpoints
{
    private const int MostInvitations = 200;
    private static readonly TimeSpan s_lifetime = TimeSpan.FromDays(7);

    public static void MapMembers(this IEndpointRouteBuilder projects)
    {
        var members = projects.MapGroup("/{id:guid}/members").WithTags("Members").ProducesProblem(StatusCodes.Status404NotFound);
        members.MapGet("", List).Requires(Permission.ReadMembers).WithSummary("The project's members with their roles");
        members.MapPatch("/{userId:guid}", Change).Requires(Permission.ManageMembers).Audited("member.changed").WithSummary("Give a member another role")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status409Conflict);
        members.MapDelete("/{userId:guid}", Remove).Requires(Permission.ManageMembers).Audited("member.removed").WithSummary("Remove a member; the last owner stays")
            .ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status409Conflict);

        var invitations = projects.MapGroup("/{id:guid}/invitations").WithTags("Members").Requires(Permission.ManageMembers).ProducesProblem(StatusCodes.Status404NotFound);
        invitations.MapGet("", ListInvitations).WithSummary("Links that are out and were not used yet");
        invitations.MapPost("", Invite).Audited("member.invited").WithSummary("Make a link that lets one person in, once, within seven days; the answer shows it once")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status403Forbidden).ProducesProblem(StatusCodes.Status409Conflict);
        invitations.MapDelete("/{invitationId:guid}", Withdraw).Audited("invitation.withdrawn").WithSummary("Make a link worthless");
    }

    private static async Task<Results<Ok<MemberList>, ProblemHttpResult>> List(Guid id, CurrentProject here, FlowsDb db, CancellationToken cancel) => id != here.Id
        ? ProjectEndpoints.NoSuch(id)
        : TypedResults.Ok(new MemberList(await db.Members.Where(member => member.ProjectId == id).OrderBy(member => member.UserId)
            .Join(db.Users, member => member.UserId, user => user.Id, (member, user) => new MemberView(user.Id, user.Name, user.Email, member.Role, member.CreatedAt))
            .ToListAsync(cancel)));

    private static async Task<Results<NoContent, ProblemHttpResult>> Change(
        Guid id, Guid userId, ChangeMemberRequest request, CurrentProject here, Caller caller, FlowsDb db, AuditTrail audit, AccessNews news, CancellationToken cancel)
    {
        if (!Enum.IsDefined(request.Role))
            return Problems.BadRequest("$.role", "There is no such role.");
        if (id != here.Id)
            return ProjectEndpoints.NoSuch(id);
        return await ChangeAsync(id, userId, request.Role, caller, db, audit, news, cancel);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Remove(
        Guid id, Guid userId, CurrentProject here, Caller caller, FlowsDb db, AuditTrail audit, AccessNews news, CancellationToken cancel) =>
        id != here.Id ? ProjectEndpoints.NoSuch(id) : await ChangeAsync(id, userId, role: null, caller, db, audit, news, cancel);

    /// <param name="role">Null removes the member.</param>
    private static async Task<Results<NoContent, ProblemHttpResult>> ChangeAsync(
        Guid projectId, Guid userId, Role? role, Caller caller, FlowsDb db, AuditTrail audit, AccessNews news, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        // The project is locked until the commit: of two owners who remove each other at once one stays.
        await db.Database.ExecuteSqlAsync($"SELECT id FROM projects WHERE id = {projectId} FOR UPDATE", cancel);
        if (await db.Members.SingleOrDefaultAsync(row => row.ProjectId == projectId && row.UserId == userId, cancel) is not { } member)
            return Problems.NotFound($"The project has no member {userId}.");
        if (Exceeds(member.Role, caller) || (role is { } given && Exceeds(given, caller)))
            return Problems.Of(StatusCodes.Status403Forbidden, "You cannot give or take a role that may do more than yours.");
        if (member.Role == Role.Owner && role != Role.Owner
            && !await db.Members.AnyAsync(row => row.ProjectId == projectId && row.UserId != userId && row.Role == Role.Owner, cancel))
            return Problems.Conflict("This is the last owner of the project. Make somebody else an owner first.");

        var before = new { member.Role };
        if (role is { } next)
        {
            member.Role = next;
            audit.Add(db, "member.changed", $"user:{userId}", before, new { member.Role });
        }
        else
        {
            db.Members.Remove(member);
            audit.Add(db, "member.removed", $"user:{userId}", before);
        }
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        news.UserChanged(userId);
        return TypedResults.NoContent();
    }

    private static async Task<Results<Ok<InvitationList>, ProblemHttpResult>> ListInvitations(
        Guid id, CurrentProject here, FlowsDb db, TimeProvider clock, CancellationToken cancel)
    {
        if (id != here.Id)
            return ProjectEndpoints.NoSuch(id);
        var now = clock.GetUtcNow();
        return TypedResults.Ok(new InvitationList(await db.Invitations.Where(row => row.ProjectId == id && row.UsedAt == null && row.ExpiresAt > now)
            .OrderByDescending(row => row.Id).Take(MostInvitations)
            .Select(row => new InvitationView(row.Id, row.Role, row.Email, row.InvitedBy, row.CreatedAt, row.ExpiresAt)).ToListAsync(cancel)));
    }

    private static async Task<Results<Created<NewInvitation>, ProblemHttpResult>> Invite(
        Guid id, InviteRequest request, CurrentProject here, Caller caller, FlowsDb db, AuditTrail audit, PublicUrl url, HttpRequest http, TimeProvider clock, CancellationToken cancel)
    {
        if (request.Email is { } email && User.EmailProblem(email) is { } badEmail)
            return Problems.BadRequest("$.email", badEmail);
        if (!Enum.IsDefined(request.Role))
            return Problems.BadRequest("$.role", "There is no such role.");
        if (id != here.Id)
            return ProjectEndpoints.NoSuch(id);
        if (Exceeds(request.Role, caller))
            return Problems.Of(StatusCodes.Status403Forbidden, "You cannot give a role that may do more than yours.");
        var now = clock.GetUtcNow();
        if (await db.Invitations.CountAsync(row => row.ProjectId == id && row.UsedAt == null && row.ExpiresAt > now, cancel) >= MostInvitations)
            return Problems.Conflict($"{MostInvitations} links are out already. Withdraw some first.");

        var token = SecretToken.Generate(SecretToken.InvitationStart);
        var row = new Invitation
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = id,
            Role = request.Role,
            Email = request.Email,
            TokenHash = KeyHash.Of(token).ToBytes(),
            InvitedBy = caller.Name,
            CreatedAt = now,
            ExpiresAt = now + s_lifetime,
        };
        db.Invitations.Add(row);
        audit.Add(db, "member.invited", $"invitation:{row.Id}", after: new { row.Role, row.Email, row.ExpiresAt });
        await db.SaveChangesAsync(cancel);
        return TypedResults.Created($"/api/v1/projects/{id}/invitations", new NewInvitation(row.Id, row.Role, row.Email, row.ExpiresAt, url.Of(http, $"/join/{token}")));
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Withdraw(
        Guid id, Guid invitationId, CurrentProject here, FlowsDb db, AuditTrail audit, CancellationToken cancel)
    {
        if (id != here.Id || await db.Invitations.SingleOrDefaultAsync(row => row.Id == invitationId && row.ProjectId == id && row.UsedAt == null, cancel) is not { } row)
            return Problems.NotFound($"There is no invitation {invitationId}.");
        db.Invitations.Remove(row);
        audit.Add(db, "invitation.withdrawn", $"invitation:{row.Id}", before: new { row.Role, row.Email });
        await db.SaveChangesAsync(cancel);
        return TypedResults.NoContent();
    }

    private static bool Exceeds(Role role, Caller caller) => Permissions.Of(role).Without(caller.Permissions).Bits != 0;

    internal sealed record MemberList(IReadOnlyList<MemberView> Items);
    internal sealed record MemberView(Guid UserId, string Name, string Email, Role Role, DateTimeOffset Since);
    internal sealed record ChangeMemberRequest(Role Role);
    /// <param name="Email">Whom it is for, as a note: nothing is sent, and the link lets in whoever has it.</param>
    internal sealed record InviteRequest(Role Role, string? Email = null);
    internal sealed record InvitationList(IReadOnlyList<InvitationView> Items);
    internal sealed record InvitationView(Guid Id, Role Role, string? Email, string? InvitedBy, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt);
    /// <param name="Link">Shown once.</param>
    internal sealed record NewInvitation(Guid Id, Role Role, string? Email, DateTimeOffset ExpiresAt, string Link);
}
