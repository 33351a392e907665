using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api.Flows.Deleted;

/// <summary>A flow that was deleted and is not yet gone.</summary>
/// <param name="PurgeAt">From then on it is taken away for good, with its runs.</param>
/// <param name="PurgeStartedAt">Set: that is under way, and it cannot be restored.</param>
/// <param name="PurgedRuns">Runs that are gone already.</param>
internal sealed record DeletedFlowView(
    Guid Id, string Name, string? Key, DateTimeOffset DeletedAt, DateTimeOffset PurgeAt, DateTimeOffset? PurgeStartedAt, long PurgedRuns);

/// <summary>Flows between their deletion and their end.</summary>
internal static class DeletedFlowEndpoints
{
    public static IHostApplicationBuilder AddDeletedFlows(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<DeletedFlowOptions>().BindConfiguration(DeletedFlowOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddScoped<FlowSwitch>();
        builder.Services.AddSingleton<FlowPurger>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<FlowPurger>());
        return builder;
    }

    public static void MapDeletedFlows(this IEndpointRouteBuilder api)
    {
        var deleted = api.MapGroup("/flows/deleted").WithTags("Flows");
        deleted.MapGet("", List).Requires(Permission.ReadFlows).WithSummary("Deleted flows that are not yet gone, newest first: until when each can be restored, and how far its purge is")
            .ProducesProblem(StatusCodes.Status400BadRequest);
        deleted.MapPost("/{id:guid}/restore", Restore).Requires(Permission.EditFlows).Audited("flow.restored").WithSummary("Take a deletion back: the flow is as it was, switched on if it was so")
            .ProducesProblem(StatusCodes.Status404NotFound).ProducesProblem(StatusCodes.Status409Conflict);
        deleted.MapPost("/{id:guid}/purge", Purge).Requires(Permission.EditFlows).Requires(Permission.ChangeProject).Audited("flow.purged", ahead: true).WithSummary("Do not wait: take the deleted flow and its runs away for good, beginning now")
            .ProducesProblem(StatusCodes.Status404NotFound);
    }

    private static async Task<Results<Ok<Page<DeletedFlowView>>, ProblemHttpResult>> List(
        [AsParameters] PageQuery page, CurrentProject project, FlowsDb db, CancellationToken cancel)
    {
        if (!page.TryRead(out var limit, out var after, out var problem))
            return problem;
        var found = await Deleted(db, project)
            .Where(flow => after == null || flow.Id < after).OrderByDescending(flow => flow.Id).Take(limit + 1)
            .Select(flow => new DeletedFlowView(flow.Id, flow.Name, flow.Key, flow.DeletedAt!.Value, flow.PurgeAt!.Value, flow.PurgeStartedAt, flow.PurgedRuns))
            .ToListAsync(cancel);
        return TypedResults.Ok(Page.Of(found, limit, flow => flow.Id));
    }

    private static async Task<Results<Ok<FlowView>, ProblemHttpResult>> Restore(
        Guid id, [FromBody] RestoreRequest? request, CurrentProject project, FlowsDb db, FlowSwitch flows, AuditTrail audit, PublicUrl url, TimeProvider clock, HttpRequest http, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        var withoutKey = request?.WithoutKey == true;
        await using (var transaction = await db.Database.BeginTransactionAsync(cancel))
        {
            int restored;
            try
            {
                restored = await Deleted(db, project).Where(flow => flow.Id == id && flow.PurgeStartedAt == null).ExecuteUpdateAsync(set =>
                {
                    set.SetProperty(flow => flow.DeletedAt, (DateTimeOffset?)null).SetProperty(flow => flow.PurgeAt, (DateTimeOffset?)null)
                        .SetProperty(flow => flow.UpdatedAt, now);
                    if (withoutKey)
                        set.SetProperty(flow => flow.Key, (string?)null);
                }, cancel);
            }
            catch (PostgresException error) when (error is { SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "flows_key" })
            {
                return Problems.Conflict("Another flow has its key by now. Change that one's key, or send withoutKey: true.");
            }
            if (restored == 0)
            {
                return await Deleted(db, project).AnyAsync(flow => flow.Id == id, cancel)
                    ? Problems.Conflict("It is being purged and cannot be restored any more.")
                    : NoSuchFlow(id);
            }
            await flows.ApplyAsync(db, http, id, now, cancel);
            audit.Add(db, "flow.restored", $"flow:{id}");
            await db.SaveChangesAsync(cancel);
            await transaction.CommitAsync(cancel);
        }
        PublishedFlows.Invalidate(id);
        return await FlowEndpoints.ViewAsync(id, project, db, url, http, cancel);
    }

    private static async Task<Results<Accepted<DeletedFlowView>, ProblemHttpResult>> Purge(
        Guid id, CurrentProject project, FlowsDb db, TimeProvider clock, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await Deleted(db, project).Where(flow => flow.Id == id && flow.PurgeAt > now).ExecuteUpdateAsync(set => set.SetProperty(flow => flow.PurgeAt, now), cancel);
        var view = await Deleted(db, project).Where(flow => flow.Id == id)
            .Select(flow => new DeletedFlowView(flow.Id, flow.Name, flow.Key, flow.DeletedAt!.Value, flow.PurgeAt!.Value, flow.PurgeStartedAt, flow.PurgedRuns))
            .SingleOrDefaultAsync(cancel);
        return view is null ? NoSuchFlow(id) : TypedResults.Accepted("/api/v1/flows/deleted", view);
    }

    private static IQueryable<Flow> Deleted(FlowsDb db, CurrentProject project) =>
        db.Flows.IgnoreQueryFilters().Where(flow => flow.ProjectId == project.Id && flow.DeletedAt != null);

    private static ProblemHttpResult NoSuchFlow(Guid id) => Problems.NotFound($"There is no deleted flow {id}.");

    /// <param name="WithoutKey">Give up the flow's key, which another flow has taken meanwhile.</param>
    internal sealed record RestoreRequest(bool WithoutKey = false);
}
