using System.Text;
using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Reference;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Flows;

/// <summary>The definition that is being edited. Its ETag is the draft's revision; two editors who send If-Match cannot overwrite each other.</summary>
internal static class DraftEndpoints
{
    public static void MapDrafts(this IEndpointRouteBuilder api)
    {
        var flows = api.MapGroup("/flows").WithTags("Drafts").ProducesProblem(StatusCodes.Status400BadRequest);
        flows.MapGet("/{id:guid}/draft", Get).Requires(Permission.ReadFlows).WithSummary("The draft's definition, as it was sent; its revision is the ETag")
            .Reads("If-None-Match", "The ETag that the caller has: 304 when it is still the draft's.", "\"3\"")
            .Answers(StatusCodes.Status200OK, "application/json", "The definition. The header ETag is its revision.", SampleFlow.Definition).Produces(StatusCodes.Status304NotModified);
        flows.MapPut("/{id:guid}/draft", Save).Requires(Permission.EditFlows).Audited("flow.draft_saved")
            .WithSummary("Replace the draft. With If-Match only that revision; with lax=true also an incomplete one, whose problems are returned")
            .WithMetadata(new RequestSizeLimitAttribute(FlowEndpoints.MaximumDefinitionBytes))
            .Reads("If-Match", "The ETag that the draft was read with: 412 when somebody has changed it since. Left out or `*`: whatever is there is replaced.", "\"3\"")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status412PreconditionFailed);
        flows.MapPost("/validate", Validate).Requires(Permission.ReadFlows).NotAudited("It changes nothing.").WithSummary("Check a definition without saving it: every problem with its path")
            .WithMetadata(new RequestSizeLimitAttribute(FlowEndpoints.MaximumDefinitionBytes));
    }

    private static async Task<Results<Utf8ContentHttpResult, StatusCodeHttpResult, ProblemHttpResult>> Get(
        Guid id, CurrentProject project, FlowsDb db, HttpContext http, CancellationToken cancel)
    {
        var draft = await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id)
            .Select(flow => new { flow.Draft, flow.DraftRevision }).SingleOrDefaultAsync(cancel);
        if (draft is null)
            return FlowEndpoints.NoSuchFlow(id);
        var etag = ETag.Of(draft.DraftRevision);
        http.Response.Headers.ETag = etag;
        if (http.Request.Headers.IfNoneMatch == etag)
            return TypedResults.StatusCode(StatusCodes.Status304NotModified);
        return TypedResults.Text(Encoding.UTF8.GetBytes(draft.Draft), "application/json");
    }

    private static async Task<Results<Ok<DraftSaved>, ProblemHttpResult>> Save(
        Guid id, JsonElement definition, CurrentProject project, FlowsDb db, FlowCatalogue catalogue, TimeProvider clock, AuditTrail audit, HttpContext http,
        CancellationToken cancel, [FromQuery] bool lax = false)
    {
        if (!ETag.TryReadIfMatch(http.Request, out var expected))
            return Problems.BadRequest("If-Match", "It must be the ETag of the draft, such as \"3\", or *.");
        if (definition.ValueKind != JsonValueKind.Object)
            return Problems.BadRequest("$", "A flow definition is a JSON object.");
        var reading = catalogue.Read(definition);
        if (!reading.IsValid && !lax)
            return Problems.BadDefinition(reading.Problems);

        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var revision = await SaveAsync(db, project.Id, id, expected, definition.GetRawText(), clock.GetUtcNow(), cancel);
        if (revision is null)
            return await NotSavedAsync(db, project.Id, id, expected, cancel);
        audit.Add(db, "flow.draft_saved", $"flow:{id}", before: new { Revision = revision.Value - 1 }, after: new { Revision = revision.Value });
        await db.SaveChangesAsync(cancel);
        await transaction.CommitAsync(cancel);
        http.Response.Headers.ETag = ETag.Of(revision.Value);
        var key = await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id).Select(flow => flow.Key).SingleOrDefaultAsync(cancel);
        return TypedResults.Ok(new DraftSaved(revision.Value, [.. reading.Problems, .. SelfCalls.Of(definition, id, key)]));
    }

    private static Ok<DefinitionVerdict> Validate(JsonElement definition, FlowCatalogue catalogue)
    {
        var reading = catalogue.Read(definition);
        return TypedResults.Ok(new DefinitionVerdict(reading.IsValid, reading.Problems));
    }

    /// <summary>One statement, so that of two editors with the same If-Match one wins.</summary>
    /// <returns>The new revision; null when there is no such flow, or its draft is not at <paramref name="expected"/>.</returns>
    public static async Task<long?> SaveAsync(
        FlowsDb db, Guid projectId, Guid flowId, long? expected, string definition, DateTimeOffset now, CancellationToken cancel)
    {
        var saved = await db.Database.SqlQuery<long>($"""
            UPDATE flows SET draft = {definition}::json, draft_revision = draft_revision + 1, updated_at = {now}
            WHERE id = {flowId} AND project_id = {projectId} AND deleted_at IS NULL AND draft_revision = coalesce({expected}::bigint, draft_revision)
            RETURNING draft_revision AS "Value"
            """).ToListAsync(cancel);
        return saved is [var revision] ? revision : null;
    }

    /// <summary>Why <see cref="SaveAsync"/> gave null.</summary>
    public static async Task<ProblemHttpResult> NotSavedAsync(FlowsDb db, Guid projectId, Guid flowId, long? expected, CancellationToken cancel) =>
        await db.Flows.AnyAsync(flow => flow.Id == flowId && flow.ProjectId == projectId, cancel)
            ? Problems.PreconditionFailed($"The draft is no longer at revision {expected}: somebody has changed it. Read it again.")
            : FlowEndpoints.NoSuchFlow(flowId);
}

/// <summary>The entity tag of a draft: its revision in quotes.</summary>
internal static class ETag
{
    public static string Of(long revision) => $"\"{revision}\"";

    /// <param name="expected">The revision asked for; null when there is no If-Match or it is <c>*</c>.</param>
    /// <returns>False when the header is there and is no tag of ours.</returns>
    public static bool TryReadIfMatch(HttpRequest request, out long? expected)
    {
        expected = null;
        var header = request.Headers.IfMatch.ToString();
        if (header is "" or "*")
            return true;
        if (header is not ['"', .. var digits, '"'] || !long.TryParse(digits, out var revision))
            return false;
        expected = revision;
        return true;
    }
}
