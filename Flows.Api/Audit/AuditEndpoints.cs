using System.Text.Json;
using Flows.Api.Access;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Audit;

/// <summary>The project's audit log. There is no way to change it.</summary>
internal static class AuditEndpoints
{
    public static void MapAudit(this IEndpointRouteBuilder api) =>
        api.MapGet("/audit", List).Requires(Permission.ReadAudit).WithTags("Audit")
            .WithSummary("Who did what, when and from where, newest first; by action (a word or its start, as in flow or flow.published), actor, target and time")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Results<Ok<Page<AuditView>>, ProblemHttpResult>> List(
        string? action, Guid? actor, string? target, DateTimeOffset? from, DateTimeOffset? to,
        [AsParameters] PageQuery page, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (!page.TryRead(out var limit, out var after, out var problem))
            return problem;
        foreach (var (name, text) in (ReadOnlySpan<(string, string?)>)[("action", action), ("target", target)])
        {
            if (text?.Contains('\0', StringComparison.Ordinal) == true)
                return Problems.BadRequest(name, "It must not contain the character NUL.");
        }
        var rows = db.Audit.AsNoTracking().Where(row => row.ProjectId == project.Id && (after == null || row.Id < after));
        if (action is not null)
            rows = rows.Where(row => row.Action == action || row.Action.StartsWith(action + "."));
        if (actor is not null)
            rows = rows.Where(row => row.ActorId == actor);
        if (target is not null)
            rows = rows.Where(row => row.Target == target);
        if (from?.ToUniversalTime() is { } since)
            rows = rows.Where(row => row.At >= since);
        if (to?.ToUniversalTime() is { } until)
            rows = rows.Where(row => row.At < until);
        var found = Page.Of(await rows.OrderByDescending(row => row.Id).Take(limit + 1).ToListAsync(cancel), limit, row => row.Id);
        return TypedResults.Ok(new Page<AuditView>([.. found.Items.Select(AuditView.Of)], found.NextCursor));
    }

    /// <param name="Actor">The name that the key or user had then.</param>
    /// <param name="Before">What was, without secrets.</param>
    internal sealed record AuditView(
        Guid Id, DateTimeOffset At, CallerKind ActorKind, Guid? ActorId, string Actor, string? Address, string Action, string? Target,
        JsonElement? Before, JsonElement? After)
    {
        public static AuditView Of(AuditRow row) => new(
            row.Id, row.At, row.ActorKind, row.ActorId, row.Actor, row.Address, row.Action, row.Target,
            row.Before is null ? null : JsonElement.Parse(row.Before), row.After is null ? null : JsonElement.Parse(row.After));
    }
}
