using System.Text.Json;
using Flows.Contracts.Definitions;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Schedules;

/// <summary>Keeps a flow's row in <c>schedules</c> in step with the flow.</summary>
internal static class SchedulePlan
{
    /// <summary>
    /// Called by whoever publishes, enables, disables or deletes a flow, in the same transaction. A schedule with the same times keeps its next one, so
    /// that publishing again leaves no time out and takes none twice; a flow that was switched off begins anew.
    /// </summary>
    public static async Task ApplyAsync(FlowsDb db, Guid flowId, DateTimeOffset now, CancellationToken cancel)
    {
        var definition = await db.Flows.Where(flow => flow.Id == flowId && flow.Enabled)
            .Join(db.FlowVersions, flow => flow.PublishedVersionId, version => version.Id, (_, version) => version.Definition)
            .SingleOrDefaultAsync(cancel);
        if (definition is null || Of(JsonElement.Parse(definition)) is not { } schedule || schedule.After(now) is not { } due)
        {
            await db.Database.ExecuteSqlAsync($"DELETE FROM schedules WHERE flow_id = {flowId}", cancel);
            return;
        }
        var fire = ScheduleClock.WithJitter(schedule, due);
        await db.Database.ExecuteSqlAsync($"""
            INSERT INTO schedules AS s (flow_id, times, time_zone, due_at, fire_at) VALUES ({flowId}, {schedule.Text}, {schedule.Zone.Id}, {due}, {fire})
            ON CONFLICT (flow_id) DO UPDATE SET times = EXCLUDED.times, time_zone = EXCLUDED.time_zone, due_at = EXCLUDED.due_at, fire_at = EXCLUDED.fire_at
            WHERE (s.times, s.time_zone) IS DISTINCT FROM (EXCLUDED.times, EXCLUDED.time_zone)
            """, cancel);
    }

    /// <summary>The schedule of a definition that was published, and so checked; null when it has none.</summary>
    public static Schedule? Of(JsonElement definition) =>
        definition.TryGetProperty("trigger", out var trigger) ? OfTrigger(trigger) : null;

    /// <summary>The schedule of a trigger that was published.</summary>
    public static Schedule? OfTrigger(JsonElement trigger)
    {
        string Word(string name) => trigger.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
        return Schedule.Read(
            new FlowTrigger(Word("name"), Word("piece"), Word("event"), trigger.TryGetProperty("input", out var input) ? input : default), "$.trigger", []);
    }
}
