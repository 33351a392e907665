using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Flows.Api.Schedules;
using Flows.Api.Triggers;
using Flows.Api.Webhooks;
using Flows.Contracts.Definitions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Flows;

/// <summary>Publishing, and what was published.</summary>
internal static class VersionEndpoints
{
    public static void MapVersions(this IEndpointRouteBuilder api)
    {
        var flow = api.MapGroup("/flows/{id:guid}").WithTags("Versions").ProducesProblem(StatusCodes.Status404NotFound);
        flow.MapPost("/publish", Publish).Requires(Permission.PublishFlows).Audited("flow.published").WithSummary("Make the draft the version that runs. An unchanged draft gives the same version again")
            .Reads("If-Match", "The ETag of the draft that is meant: 412 when somebody has changed it since.", "\"3\"")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        flow.MapGet("/versions", List).Requires(Permission.ReadFlows).WithSummary("The flow's versions, newest first").ProducesProblem(StatusCodes.Status400BadRequest);
        flow.MapGet("/versions/{number:int}", Get).Requires(Permission.ReadFlows).WithSummary("One version with its definition");
        flow.MapPatch("/versions/{number:int}", Annotate).Requires(Permission.EditFlows).Audited("flow.version_annotated", ahead: true).WithSummary("Change the note of a version; null takes it away. What it does never changes")
            .ProducesProblem(StatusCodes.Status400BadRequest);
        flow.MapGet("/versions/{from}/diff/{to}", Diff).Requires(Permission.ReadFlows)
            .WithSummary("What is different between two versions, by the names of their steps; each is a number, published or draft").ProducesProblem(StatusCodes.Status400BadRequest);
        flow.MapPost("/versions/{number:int}/restore", Restore).Requires(Permission.EditFlows).Audited("flow.version_restored").WithSummary("Make the draft what this version was; nothing is published by it")
            .Reads("If-Match", "The ETag of the draft that may be replaced: 412 when somebody has changed it since. Left out or `*`: whatever is there is replaced.", "\"3\"")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status412PreconditionFailed);
    }

    private static async Task<Results<Ok<FlowVersionView>, ProblemHttpResult>> Publish(
        Guid id, [FromBody] PublishRequest? request, CurrentProject project, ClaimsPrincipal caller, FlowsDb db, AuditTrail audit, FlowCatalogue catalogue, TriggerPlan triggers, TimeProvider clock,
        HttpContext http, CancellationToken cancel)
    {
        if (!ETag.TryReadIfMatch(http.Request, out var expected))
            return Problems.BadRequest("If-Match", "It must be the ETag of the draft, such as \"3\", or *.");
        if (NoteProblem(request?.Note) is { } noteProblem)
            return noteProblem;

        // The row is locked until the commit: two publishers take turns, and the draft cannot change between check and copy.
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var found = await db.Flows
            .FromSql($"SELECT * FROM flows WHERE id = {id} AND project_id = {project.Id} AND deleted_at IS NULL FOR UPDATE")
            .IgnoreQueryFilters().ToListAsync(cancel);
        if (found is not [var flow])
            return FlowEndpoints.NoSuchFlow(id);
        if (expected is not null && expected != flow.DraftRevision)
            return Problems.PreconditionFailed($"The draft is at revision {flow.DraftRevision}, not {expected}: somebody has changed it. Read it again.");

        using var draft = JsonDocument.Parse(flow.Draft);
        var reading = catalogue.Read(draft.RootElement);
        if (!reading.IsValid)
            return Problems.BadDefinition(reading.Problems);
        if (await MissingConnectionsAsync(db, project, reading.Definition!, cancel) is { Count: > 0 } missing)
            return Problems.BadRequest("The flow uses connections that the project does not have.", missing);

        var published = await db.FlowVersions.AsNoTracking().SingleOrDefaultAsync(version => version.Id == flow.PublishedVersionId, cancel);
        if (published?.Definition != flow.Draft)
        {
            var now = clock.GetUtcNow();
            var before = published is null ? null : new { Version = published.Number };
            published = new FlowVersion
            {
                Id = Guid.CreateVersion7(now),
                FlowId = id,
                Number = 1 + (await db.FlowVersions.Where(version => version.FlowId == id).MaxAsync(version => version.Number, cancel) ?? 0),
                Definition = flow.Draft,
                Note = request?.Note,
                CreatedBy = caller.Identity?.Name,
                CreatedAt = now,
            };
            db.FlowVersions.Add(published);
            flow.PublishedVersionId = published.Id;
            flow.UpdatedAt = now;
            audit.Add(db, "flow.published", $"flow:{id}", before, new { Version = published.Number, published.Note });
            await db.SaveChangesAsync(cancel);
            await SchedulePlan.ApplyAsync(db, id, now, cancel);
            await triggers.ApplyAsync(db, http.Request, id, now, cancel);
            await transaction.CommitAsync(cancel);
            triggers.Announce();
        }
        else
        {
            audit.NothingChanged();
        }
        PublishedFlows.Invalidate(id);
        return TypedResults.Ok(new FlowVersionView(published.Number!.Value, Published: true, published.Note, published.CreatedBy, published.CreatedAt));
    }

    private static async Task<IReadOnlyList<FieldProblem>> MissingConnectionsAsync(
        FlowsDb db, CurrentProject project, FlowDefinition definition, CancellationToken cancel)
    {
        var needs = FlowNeeds.Of(definition);
        List<string> keys = [.. needs.Connections];
        if (needs.Trigger is { } own)
            keys.Add(own);
        if (WebhookRules.Read(definition.Trigger, "$.trigger", []) is { NeedsConnection: true, Connection: { } ofTrigger })
            keys.Add(ofTrigger);
        if (keys.Count == 0)
            return [];
        var known = await db.Connections.Where(row => row.ProjectId == project.Id && keys.Contains(row.Key)).Select(row => row.Key).ToListAsync(cancel);
        return [.. keys.Except(known).Select(key => new FieldProblem("$.steps", $"There is no connection '{key}' in this project; make it first."))];
    }

    private static async Task<Results<Ok<Page<FlowVersionView>>, ProblemHttpResult>> List(
        Guid id, [AsParameters] PageQuery page, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (!page.TryRead(out var limit, out var after, out var problem))
            return problem;
        if (await PublishedAsync(db, project, id, cancel) is not { } flow)
            return FlowEndpoints.NoSuchFlow(id);
        var found = await db.FlowVersions
            .Where(version => version.FlowId == id && version.Number != null && (after == null || version.Id < after))
            .OrderByDescending(version => version.Id)
            .Take(limit + 1)
            .Select(version => new { version.Id, version.Number, version.Note, version.CreatedBy, version.CreatedAt })
            .ToListAsync(cancel);
        var ids = Page.Of(found, limit, version => version.Id);
        return TypedResults.Ok(new Page<FlowVersionView>(
            [.. ids.Items.Select(v => new FlowVersionView(v.Number!.Value, v.Id == flow.VersionId, v.Note, v.CreatedBy, v.CreatedAt))], ids.NextCursor));
    }

    private static async Task<Results<Ok<FlowVersionDetail>, ProblemHttpResult>> Get(
        Guid id, int number, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (await PublishedAsync(db, project, id, cancel) is not { } flow)
            return FlowEndpoints.NoSuchFlow(id);
        if (await db.FlowVersions.AsNoTracking().SingleOrDefaultAsync(v => v.FlowId == id && v.Number == number, cancel) is not { } version)
            return NoSuchVersion(id, number);
        return TypedResults.Ok(new FlowVersionDetail(
            number, version.Id == flow.VersionId, version.Note, version.CreatedBy, version.CreatedAt, JsonElement.Parse(version.Definition)));
    }

    private static async Task<Results<Ok<FlowVersionView>, ProblemHttpResult>> Annotate(
        Guid id, int number, AnnotateRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, CancellationToken cancel)
    {
        if (NoteProblem(request.Note) is { } noteProblem)
            return noteProblem;
        if (await PublishedAsync(db, project, id, cancel) is not { } flow)
            return FlowEndpoints.NoSuchFlow(id);
        await db.FlowVersions.Where(version => version.FlowId == id && version.Number == number)
            .ExecuteUpdateAsync(set => set.SetProperty(version => version.Note, request.Note), cancel);
        var changed = await db.FlowVersions.Where(version => version.FlowId == id && version.Number == number)
            .Select(version => new FlowVersionView(number, version.Id == flow.VersionId, version.Note, version.CreatedBy, version.CreatedAt)).SingleOrDefaultAsync(cancel);
        audit.Tell(after: new { Version = number, request.Note });
        return changed is null ? NoSuchVersion(id, number) : TypedResults.Ok(changed);
    }

    private static ProblemHttpResult? NoteProblem(string? note) =>
        note is { Length: > 2000 } ? Problems.BadRequest("$.note", "At most 2000 characters are allowed.")
        : note?.Contains('\0', StringComparison.Ordinal) == true ? Problems.BadRequest("$.note", "It must not contain the character NUL.")
        : null;

    private static async Task<Results<Ok<VersionDiff>, ProblemHttpResult>> Diff(
        Guid id, string from, string to, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id)
            .Select(flow => new { flow.Draft, flow.PublishedVersionId }).SingleOrDefaultAsync(cancel) is not { } flow)
            return FlowEndpoints.NoSuchFlow(id);
        var sides = new List<JsonElement>(2);
        foreach (var (place, name) in ((string, string)[])[("from", from), ("to", to)])
        {
            string? definition;
            if (name == "draft")
                definition = flow.Draft;
            else if (name == "published")
                // Of a flow that was never published everything is new.
                definition = flow.PublishedVersionId is null ? "{}" : await db.FlowVersions.Where(v => v.Id == flow.PublishedVersionId).Select(v => v.Definition).SingleOrDefaultAsync(cancel);
            else if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                return Problems.BadRequest(place, $"'{name}' is no version: it is a number, published or draft.");
            else if ((definition = await db.FlowVersions.Where(v => v.FlowId == id && v.Number == number).Select(v => v.Definition).SingleOrDefaultAsync(cancel)) is null)
                return NoSuchVersion(id, number);
            sides.Add(JsonElement.Parse(definition ?? "{}"));
        }
        return TypedResults.Ok(VersionDiff.Of(sides[0], sides[1]));
    }

    private static async Task<Results<Ok<DraftSaved>, ProblemHttpResult>> Restore(
        Guid id, int number, CurrentProject project, FlowsDb db, FlowCatalogue catalogue, TimeProvider clock, AuditTrail audit, HttpContext http, CancellationToken cancel)
    {
        if (!ETag.TryReadIfMatch(http.Request, out var expected))
            return Problems.BadRequest("If-Match", "It must be the ETag of the draft, such as \"3\", or *.");
        if (await PublishedAsync(db, project, id, cancel) is null)
            return FlowEndpoints.NoSuchFlow(id);
        var definition = await db.FlowVersions.Where(v => v.FlowId == id && v.Number == number).Select(v => v.Definition).SingleOrDefaultAsync(cancel);
        if (definition is null)
            return NoSuchVersion(id, number);
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        if (await DraftEndpoints.SaveAsync(db, project.Id, id, expected, definition, clock.GetUtcNow(), cancel) is not { } revision)
            return await DraftEndpoints.NotSavedAsync(db, project.Id, id, expected, cancel);
        audit.Add(db, "flow.version_restored", $"flow:{id}", before: new { Revision = revision - 1 }, after: new { Revision = revision, OfVersion = number });
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        http.Response.Headers.ETag = ETag.Of(revision);
        return TypedResults.Ok(new DraftSaved(revision, catalogue.Read(JsonElement.Parse(definition)).Problems));
    }

    /// <summary>Null when the project has no such flow.</summary>
    private static Task<PublishedFlow?> PublishedAsync(FlowsDb db, CurrentProject project, Guid id, CancellationToken cancel) =>
        db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id).Select(flow => new PublishedFlow(flow.PublishedVersionId)).SingleOrDefaultAsync(cancel);

    private static ProblemHttpResult NoSuchVersion(Guid id, int number) => Problems.NotFound($"Flow {id} has no version {number}.");

    private sealed record PublishedFlow(Guid? VersionId);
    internal sealed record PublishRequest(string? Note = null);
    internal sealed record AnnotateRequest(string? Note);
}
