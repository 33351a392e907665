using System.Text.Json.Serialization;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Runs;
using Flows.Api.Triggers;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Flows;

/// <summary>What is done to many flows at once.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FlowAction>))]
internal enum FlowAction
{
    [JsonStringEnumMemberName("enable")] Enable,
    [JsonStringEnumMemberName("disable")] Disable,
    [JsonStringEnumMemberName("delete")] Delete,
    [JsonStringEnumMemberName("move")] Move,
    [JsonStringEnumMemberName("tag")] Tag,
    [JsonStringEnumMemberName("untag")] Untag,
}

/// <param name="Done">Flows that are now as was asked, also those that were so before.</param>
internal sealed record ManyFlows(IReadOnlyList<Guid> Done, IReadOnlyList<RefusedFlow> Refused);

internal sealed record RefusedFlow(Guid Id, string Detail);

internal static class FlowBulkEndpoint
{
    private const int MaximumFlows = 100;

    public static void MapFlowBulk(this IEndpointRouteBuilder api) =>
        api.MapPost("/flows/bulk", Act).Requires(Permission.EditFlows).Requires(Permission.PublishFlows).Audited("flow.bulk").WithTags("Flows").WithSummary("Enable, disable, delete, move, tag or untag up to 100 flows")
            .ProducesProblem(StatusCodes.Status400BadRequest);

    private static async Task<Results<Ok<ManyFlows>, ProblemHttpResult>> Act(
        BulkRequest request, CurrentProject project, FlowsDb db, FlowSwitch flows, TriggerPlan triggers, AuditTrail audit, TimeProvider clock, HttpRequest http, CancellationToken cancel)
    {
        if (request.Ids.Count is 0 or > MaximumFlows)
            return Problems.BadRequest("$.ids", $"There must be from 1 to {MaximumFlows} ids.");
        var isTagging = request.Action is FlowAction.Tag or FlowAction.Untag;
        if (isTagging != request.Tags is { Count: > 0 })
            return Problems.BadRequest("$.tags", isTagging ? "Which tags?" : "Tags go with the actions tag and untag only.");
        if (request.FolderId is not null && request.Action != FlowAction.Move)
            return Problems.BadRequest("$.folderId", "A folder goes with the action move only.");
        if (request.Tags is { } tags && FlowTags.Check("$.tags", tags) is { } tagProblem)
            return Problems.BadRequest(tagProblem.Path, tagProblem.Message);
        if (request.FolderId is { } folder && !await db.Folders.AnyAsync(row => row.Id == folder && row.ProjectId == project.Id, cancel))
            return Problems.BadRequest("$.folderId", $"There is no folder {folder}.");

        // In the order of their ids, so that two callers with the same flows can never wait for each other.
        Guid[] ids = [.. request.Ids.Distinct().Order()];
        var now = clock.GetUtcNow();
        var refused = new List<RefusedFlow>();
        await using (var transaction = await db.Database.BeginTransactionAsync(cancel))
        {
            var found = await db.Flows
                .FromSql($"SELECT * FROM flows WHERE id = ANY({ids}) AND project_id = {project.Id} AND deleted_at IS NULL ORDER BY id FOR UPDATE")
                .IgnoreQueryFilters().AsNoTracking().Select(flow => new { flow.Id, flow.Tags }).ToDictionaryAsync(flow => flow.Id, flow => flow.Tags, cancel);
            foreach (var id in ids)
            {
                if (!found.TryGetValue(id, out var had))
                {
                    refused.Add(new RefusedFlow(id, $"There is no flow {id}."));
                    continue;
                }
                switch (request.Action)
                {
                    case FlowAction.Enable or FlowAction.Disable:
                        await flows.SetEnabledAsync(db, http, project.Id, id, request.Action == FlowAction.Enable, now, cancel);
                        break;
                    case FlowAction.Delete:
                        await flows.DeleteAsync(db, http, project.Id, id, now, cancel);
                        break;
                    case FlowAction.Move:
                        audit.Add(db, "flow.moved", $"flow:{id}", after: new { request.FolderId });
                        await db.Flows.Where(flow => flow.Id == id).ExecuteUpdateAsync(set => set
                            .SetProperty(flow => flow.FolderId, request.FolderId).SetProperty(flow => flow.UpdatedAt, now), cancel);
                        break;
                    default:
                        var has = FlowTags.Tidy(request.Action == FlowAction.Tag ? had.Concat(request.Tags!) : had.Except(request.Tags!));
                        if (has.Length > FlowTags.MaximumTags)
                        {
                            refused.Add(new RefusedFlow(id, $"It would have {has.Length} tags; at most {FlowTags.MaximumTags} are allowed."));
                            break;
                        }
                        audit.Add(db, "flow.tagged", $"flow:{id}", new { Tags = had }, new { Tags = has });
                        await db.Flows.Where(flow => flow.Id == id).ExecuteUpdateAsync(set => set
                            .SetProperty(flow => flow.Tags, has).SetProperty(flow => flow.UpdatedAt, now), cancel);
                        break;
                }
            }
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }
        triggers.Announce();
        foreach (var id in ids)
            PublishedFlows.Invalidate(id);
        return TypedResults.Ok(new ManyFlows([.. ids.Except(refused.Select(flow => flow.Id))], refused));
    }

    /// <param name="Ids">Each flow is done or refused by itself, and all that are done are done in one commit.</param>
    /// <param name="FolderId">With move: where to; left out or null takes the flows out of their folders.</param>
    /// <param name="Tags">With tag and untag.</param>
    internal sealed record BulkRequest(FlowAction Action, IReadOnlyList<Guid> Ids, Guid? FolderId = null, IReadOnlyList<string>? Tags = null);
}
