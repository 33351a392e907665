using System.Text.Json;
using System.Text.RegularExpressions;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Flows.Deleted;
using Flows.Api.Runs;
using Flows.Api.Triggers;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api.Flows;

/// <summary>Flows themselves. Their definitions are in DraftEndpoints and VersionEndpoints.</summary>
internal static partial class FlowEndpoints
{
    /// <summary>Largest body with a definition in it.</summary>
    public const int MaximumDefinitionBytes = 4 << 20;

    // What a new flow starts as when its maker sends no definition.
    private const string EmptyDefinition = """
        {"schema":1,"trigger":{"name":"trigger","piece":"webhook","event":"catch","input":{}},"steps":[]}
        """;

    public static void MapFlowEndpoints(this IEndpointRouteBuilder api)
    {
        var flows = api.MapGroup("/flows").WithTags("Flows").ProducesProblem(StatusCodes.Status400BadRequest);
        flows.MapGet("", FlowList.List).Requires(Permission.ReadFlows).WithSummary("The project's flows, newest first; by name, folder, tag and state, with their newest runs if asked for");
        flows.MapPost("", Create).Requires(Permission.EditFlows).Audited("flow.created").WithSummary("Make a flow, with a definition as its draft or an empty one")
            .WithMetadata(new RequestSizeLimitAttribute(MaximumDefinitionBytes)).ProducesProblem(StatusCodes.Status409Conflict);
        flows.MapGet("/{id:guid}", Get).Requires(Permission.ReadFlows).WithSummary("One flow").ProducesProblem(StatusCodes.Status404NotFound);
        flows.MapPatch("/{id:guid}", Change).Requires(Permission.EditFlows).Audited("flow.changed").WithSummary("Rename or move a flow, change its key or its tags; a key or folder of null takes it away")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        flows.MapDelete("/{id:guid}", Delete).Requires(Permission.EditFlows).Audited("flow.deleted").WithSummary("Delete a flow. It can be restored for a while; then it is purged with its runs").ProducesProblem(StatusCodes.Status404NotFound);
        flows.MapPost("/{id:guid}/duplicate", Duplicate).Requires(Permission.EditFlows).Audited("flow.duplicated").WithSummary("Make a new flow of this one's draft; it is not published and has no key")
            .ProducesProblem(StatusCodes.Status404NotFound);
        flows.MapPost("/{id:guid}/enable", Enable).Requires(Permission.PublishFlows).Audited("flow.enabled").WithSummary("Let its triggers start runs").ProducesProblem(StatusCodes.Status404NotFound);
        flows.MapPost("/{id:guid}/disable", Disable).Requires(Permission.PublishFlows).Audited("flow.disabled").WithSummary("Stop its triggers from starting runs").ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Results<Created<FlowView>, ProblemHttpResult>> Create(
        CreateFlowRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, FlowCatalogue catalogue, PublicUrl url, TimeProvider clock, HttpRequest http, CancellationToken cancel)
    {
        if (DisplayName.Problem(request.Name) is { } nameProblem)
            return Problems.BadRequest("$.name", nameProblem);
        if (KeyProblem(request.Key) is { } keyProblem)
            return Problems.BadRequest("$.key", keyProblem);
        if (await PlaceProblemAsync(db, project, request.FolderId, request.Tags, cancel) is { } placeProblem)
            return placeProblem;
        var draft = EmptyDefinition;
        if (request.Definition.ValueKind != JsonValueKind.Undefined)
        {
            var reading = catalogue.Read(request.Definition);
            if (!reading.IsValid)
                return Problems.BadDefinition(reading.Problems.Select(p => p with { Path = "$.definition" + p.Path[1..] }));
            draft = request.Definition.GetRawText();
        }

        var now = clock.GetUtcNow();
        var flow = new Flow
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = project.Id,
            Name = request.Name,
            Key = request.Key,
            FolderId = request.FolderId,
            Tags = FlowTags.Tidy(request.Tags ?? []),
            Draft = draft,
            CreatedAt = now,
            UpdatedAt = now,
        };
        db.Flows.Add(flow);
        audit.Add(db, "flow.created", $"flow:{flow.Id}", after: new { flow.Name, flow.Key });
        try
        {
            await db.SaveChangesAsync(cancel);
        }
        catch (DbUpdateException error) when (IsTakenKey(error))
        {
            return KeyTaken(request.Key);
        }
        catch (DbUpdateException error) when (error.InnerException is { } inner && IsLostFolder(inner))
        {
            return NoSuchPlace(request.FolderId);
        }
        return TypedResults.Created($"/api/v1/flows/{flow.Id}", FlowView.Of(flow, publishedVersion: null, url.Of(http, $"/webhooks/{flow.Id}")));
    }

    private static async Task<Results<Created<FlowView>, ProblemHttpResult>> Duplicate(
        Guid id, [FromBody] DuplicateFlowRequest? request, CurrentProject project, FlowsDb db, AuditTrail audit, PublicUrl url, TimeProvider clock, HttpRequest http, CancellationToken cancel)
    {
        if (request?.Name is { } given && DisplayName.Problem(given) is { } nameProblem)
            return Problems.BadRequest("$.name", nameProblem);
        if (await db.Flows.AsNoTracking().SingleOrDefaultAsync(flow => flow.Id == id && flow.ProjectId == project.Id, cancel) is not { } original)
            return NoSuchFlow(id);
        const string suffix = " (copy)";
        var now = clock.GetUtcNow();
        var copy = new Flow
        {
            Id = Guid.CreateVersion7(now),
            ProjectId = project.Id,
            Name = request?.Name ?? original.Name[..Math.Min(original.Name.Length, DisplayName.MaximumLength - suffix.Length)] + suffix,
            FolderId = original.FolderId,
            Tags = original.Tags,
            Draft = original.Draft,
            CreatedAt = now,
            UpdatedAt = now,
        };
        db.Flows.Add(copy);
        audit.Add(db, "flow.duplicated", $"flow:{copy.Id}", after: new { copy.Name, Of = id });
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.SaveChangesAsync(cancel);
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO flow_samples (flow_id, step, output, size, pinned, updated_at)
            SELECT {copy.Id}, step, output, size, pinned, {now} FROM flow_samples WHERE flow_id = {id}
            """, cancel);
        await transaction.CommitAsync(cancel);
        return TypedResults.Created($"/api/v1/flows/{copy.Id}", FlowView.Of(copy, publishedVersion: null, url.Of(http, $"/webhooks/{copy.Id}")));
    }

    private static async Task<Results<Ok<FlowView>, ProblemHttpResult>> Get(
        Guid id, CurrentProject project, FlowsDb db, PublicUrl url, HttpRequest http, CancellationToken cancel) =>
        await ViewAsync(id, project, db, url, http, cancel);

    private static async Task<Results<Ok<FlowView>, ProblemHttpResult>> Change(
        Guid id, ChangeFlowRequest request, CurrentProject project, FlowsDb db, AuditTrail audit, PublicUrl url, TimeProvider clock, HttpRequest http, CancellationToken cancel)
    {
        if (request.Name is not null && DisplayName.Problem(request.Name) is { } nameProblem)
            return Problems.BadRequest("$.name", nameProblem);
        if (request.Key.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.String))
            return Problems.BadRequest("$.key", "It must be a string, or null to take the key away.");
        var key = request.Key.ValueKind == JsonValueKind.String ? request.Key.GetString() : null;
        if (KeyProblem(key) is { } keyProblem)
            return Problems.BadRequest("$.key", keyProblem);
        if (request.FolderId.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null)
            && !(request.FolderId.ValueKind == JsonValueKind.String && request.FolderId.TryGetGuid(out _)))
        {
            return Problems.BadRequest("$.folderId", "It must be the id of a folder, or null to take the flow out of its folder.");
        }
        var folder = request.FolderId.ValueKind == JsonValueKind.String ? request.FolderId.GetGuid() : (Guid?)null;
        if (await PlaceProblemAsync(db, project, folder, request.Tags, cancel) is { } placeProblem)
            return placeProblem;

        var now = clock.GetUtcNow();
        var tags = request.Tags is null ? null : FlowTags.Tidy(request.Tags);
        try
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancel);
            if (await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id).Select(flow => new { flow.Name, flow.Key, flow.FolderId, flow.Tags }).SingleOrDefaultAsync(cancel) is not { } before)
                return NoSuchFlow(id);
            await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id).ExecuteUpdateAsync(set =>
            {
                set.SetProperty(flow => flow.UpdatedAt, now);
                if (request.Name is not null)
                    set.SetProperty(flow => flow.Name, request.Name);
                if (request.Key.ValueKind != JsonValueKind.Undefined)
                    set.SetProperty(flow => flow.Key, key);
                if (request.FolderId.ValueKind != JsonValueKind.Undefined)
                    set.SetProperty(flow => flow.FolderId, folder);
                if (tags is not null)
                    set.SetProperty(flow => flow.Tags, tags);
            }, cancel);
            audit.Add(db, "flow.changed", $"flow:{id}", before,
                new
                {
                    Name = request.Name ?? before.Name,
                    Key = request.Key.ValueKind == JsonValueKind.Undefined ? before.Key : key,
                    FolderId = request.FolderId.ValueKind == JsonValueKind.Undefined ? before.FolderId : folder,
                    Tags = tags ?? before.Tags,
                });
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }
        catch (PostgresException error) when (IsTakenKey(error))
        {
            return KeyTaken(key);
        }
        catch (PostgresException error) when (IsLostFolder(error))
        {
            return NoSuchPlace(folder);
        }
        return await ViewAsync(id, project, db, url, http, cancel);
    }

    private static async Task<Results<NoContent, ProblemHttpResult>> Delete(
        Guid id, CurrentProject project, FlowsDb db, FlowSwitch flows, TimeProvider clock, HttpRequest http, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        var deleted = await flows.DeleteAsync(db, http, project.Id, id, now, cancel);
        await transaction.CommitAsync(cancel);
        PublishedFlows.Invalidate(id);
        return deleted ? TypedResults.NoContent() : NoSuchFlow(id);
    }

    private static Task<Results<Ok<FlowView>, ProblemHttpResult>> Enable(
        Guid id, CurrentProject project, FlowsDb db, FlowSwitch flows, TriggerPlan triggers, PublicUrl url, TimeProvider clock, HttpRequest http, CancellationToken cancel) =>
        SwitchAsync(enabled: true, id, project, db, flows, triggers, url, clock, http, cancel);

    private static Task<Results<Ok<FlowView>, ProblemHttpResult>> Disable(
        Guid id, CurrentProject project, FlowsDb db, FlowSwitch flows, TriggerPlan triggers, PublicUrl url, TimeProvider clock, HttpRequest http, CancellationToken cancel) =>
        SwitchAsync(enabled: false, id, project, db, flows, triggers, url, clock, http, cancel);

    private static async Task<Results<Ok<FlowView>, ProblemHttpResult>> SwitchAsync(
        bool enabled, Guid id, CurrentProject project, FlowsDb db, FlowSwitch flows, TriggerPlan triggers, PublicUrl url, TimeProvider clock, HttpRequest http, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using (var transaction = await db.Database.BeginTransactionAsync(cancel))
        {
            await flows.SetEnabledAsync(db, http, project.Id, id, enabled, now, cancel);
            await transaction.CommitAsync(cancel);
        }
        triggers.Announce();
        PublishedFlows.Invalidate(id);
        return await ViewAsync(id, project, db, url, http, cancel);
    }

    /// <summary>The flow as it is now, or 404.</summary>
    internal static async Task<Results<Ok<FlowView>, ProblemHttpResult>> ViewAsync(
        Guid id, CurrentProject project, FlowsDb db, PublicUrl url, HttpRequest http, CancellationToken cancel)
    {
        var view = await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id).Select(FlowView.From(db)).SingleOrDefaultAsync(cancel);
        if (view is null)
            return NoSuchFlow(id);
        view.WebhookUrl = url.Of(http, $"/webhooks/{id}");
        return TypedResults.Ok(view);
    }

    public static ProblemHttpResult NoSuchFlow(Guid id) => Problems.NotFound($"There is no flow {id}.");

    private static ProblemHttpResult KeyTaken(string? key) => Problems.Conflict($"Another flow of this project has the key '{key}'.");

    private static async Task<ProblemHttpResult?> PlaceProblemAsync(
        FlowsDb db, CurrentProject project, Guid? folder, IReadOnlyList<string>? tags, CancellationToken cancel) =>
        tags is not null && FlowTags.Check("$.tags", tags) is { } problem ? Problems.BadRequest(problem.Path, problem.Message)
        : folder is not null && !await db.Folders.AnyAsync(row => row.Id == folder && row.ProjectId == project.Id, cancel) ? NoSuchPlace(folder)
        : null;

    private static ProblemHttpResult NoSuchPlace(Guid? folder) => Problems.BadRequest("$.folderId", $"There is no folder {folder}.");

    // It was deleted between the look and the write.
    private static bool IsLostFolder(Exception error) => error is PostgresException { SqlState: PostgresErrorCodes.ForeignKeyViolation };

    private static bool IsTakenKey(Exception error) =>
        error is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "flows_key" } || (error.InnerException is { } inner && IsTakenKey(inner));

    /// <summary>Null when fine. A key must not look like an id, since a flow may be called by either.</summary>
    internal static string? KeyProblem(string? key) =>
        key is null || (KeyForm().IsMatch(key) && !Guid.TryParse(key, out _))
            ? null
            : "It must be 1 to 100 lower-case letters, digits, '-' or '_', start with a letter or digit, and not be an id.";

    [GeneratedRegex("^[a-z0-9][a-z0-9_-]{0,99}$")]
    private static partial Regex KeyForm();

    internal sealed record CreateFlowRequest(string Name, string? Key = null, Guid? FolderId = null, IReadOnlyList<string>? Tags = null)
    {
        /// <summary>The first draft, in the language of docs/flow-language.md; left out, an empty flow that a webhook starts.</summary>
        public JsonElement Definition { get; init; }
    }

    /// <param name="Name">Null: the original's, with a mark.</param>
    internal sealed record DuplicateFlowRequest(string? Name = null);

    /// <param name="Tags">Stand in for those that it has.</param>
    internal sealed record ChangeFlowRequest(string? Name = null, IReadOnlyList<string>? Tags = null)
    {
        /// <summary>The id of a folder; null takes the flow out of its folder, left out it stays where it is.</summary>
        public JsonElement FolderId { get; init; }

        /// <summary>The new key; null takes it away, left out it stays.</summary>
        public JsonElement Key { get; init; }
    }
}
