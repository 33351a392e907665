using Flows.Api.Audit;
using Flows.Api.Flows.Deleted;
using Flows.Api.Schedules;
using Flows.Api.Triggers;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Flows.Api.Flows;

/// <summary>
/// Switches flows on and off and deletes them, with what starts them. All want a transaction of the caller's, who calls
/// <see cref="Runs.PublishedFlows.Invalidate"/> after its commit.
/// </summary>
internal sealed class FlowSwitch(TriggerPlan triggers, IOptions<DeletedFlowOptions> options)
{
    /// <returns>False: the project has no such flow, or it is so already.</returns>
    public async Task<bool> SetEnabledAsync(FlowsDb db, HttpRequest http, Guid projectId, Guid id, bool enabled, DateTimeOffset now, CancellationToken cancel)
    {
        var changed = await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == projectId && flow.Enabled != enabled)
            .ExecuteUpdateAsync(set => set.SetProperty(flow => flow.Enabled, enabled).SetProperty(flow => flow.UpdatedAt, now), cancel);
        if (changed > 0)
        {
            await SchedulePlan.ApplyAsync(db, id, now, cancel);
            AuditTrail.Of(http.HttpContext).Add(db, enabled ? "flow.enabled" : "flow.disabled", $"flow:{id}");
            await db.SaveChangesAsync(cancel);
        }
        else
        {
            AuditTrail.Of(http.HttpContext).NothingChanged();
        }
        // Also when nothing was switched: enabling resumes a trigger that was paused for its failures.
        if (await db.Flows.AnyAsync(flow => flow.Id == id && flow.ProjectId == projectId, cancel))
            await triggers.ApplyAsync(db, http, id, now, cancel);
        return changed > 0;
    }

    /// <summary>What is deleted can be restored until it is purged.</summary>
    /// <returns>False: the project has no such flow.</returns>
    public async Task<bool> DeleteAsync(FlowsDb db, HttpRequest http, Guid projectId, Guid id, DateTimeOffset now, CancellationToken cancel)
    {
        var purgeAt = now + options.Value.Keep;
        var deleted = await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == projectId)
            .ExecuteUpdateAsync(set => set.SetProperty(flow => flow.DeletedAt, now).SetProperty(flow => flow.PurgeAt, purgeAt)
                .SetProperty(flow => flow.UpdatedAt, now), cancel);
        if (deleted == 0)
            return false;
        await ApplyAsync(db, http, id, now, cancel);
        AuditTrail.Of(http.HttpContext).Add(db, "flow.deleted", $"flow:{id}");
        await db.SaveChangesAsync(cancel);
        return true;
    }

    /// <summary>Makes what starts the flow fit how it is now.</summary>
    public async Task ApplyAsync(FlowsDb db, HttpRequest http, Guid id, DateTimeOffset now, CancellationToken cancel)
    {
        await SchedulePlan.ApplyAsync(db, id, now, cancel);
        await triggers.ApplyAsync(db, http, id, now, cancel);
    }
}
