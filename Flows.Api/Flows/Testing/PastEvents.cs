using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Api.Access;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Flows.Testing;

/// <summary>What has started runs of a flow, to test it with once more.</summary>
internal static class PastEvents
{
    private const int MostEvents = 50;
    private const int UsualEvents = 10;

    // By the index on flow and id; the newest partitions alone are touched.
    internal const string Newest = """
        SELECT r.id, r.created_at, r.origin, r.status, r.environment, r.trigger FROM runs r WHERE r.flow_id = $1 ORDER BY r.id DESC LIMIT $2
        """;

    public static void MapPastEvents(this IEndpointRouteBuilder api) =>
        api.MapGet("/flows/{id:guid}/events", List).Requires(Permission.ReadRuns).WithTags("Testing")
            .WithSummary("The payloads that have started the flow's newest runs, the newest first; a large one is where its link says")
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status404NotFound);

    private static async Task<Results<Ok<EventList>, ProblemHttpResult>> List(
        Guid id, int? limit, CurrentProject project, FlowsDb db, NpgsqlDataSource source, CancellationToken cancel)
    {
        if (limit is < 1 or > MostEvents)
            return Problems.BadRequest("limit", $"It must be from 1 to {MostEvents}.");
        if (!await db.Flows.AnyAsync(flow => flow.Id == id && flow.ProjectId == project.Id, cancel))
            return FlowEndpoints.NoSuchFlow(id);
        await using var command = source.CreateCommand(Newest);
        command.Parameters.Add(RunSql.Value(id, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(limit ?? UsualEvents, NpgsqlDbType.Integer));
        var events = new List<PastEvent>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            var (run, trigger) = (row.GetGuid(0), row.JsonOrNull(5));
            events.Add(new PastEvent(run, row.GetFieldValue<DateTimeOffset>(1), (RunOrigin)row.GetInt16(2), (RunStatus)row.GetInt16(3), (RunEnvironment)row.GetInt16(4),
                ValueReference.IsOne(trigger) ? null : trigger?.ToElement(), LargeValueView.Of(run, trigger)));
        }
        return TypedResults.Ok(new EventList(events));
    }

    internal sealed record EventList(IReadOnlyList<PastEvent> Items);

    /// <param name="At">When the run was accepted.</param>
    /// <param name="Payload">The trigger's output; left out when it is large.</param>
    /// <param name="PayloadLarge">Set in its place.</param>
    internal sealed record PastEvent(
        Guid RunId, DateTimeOffset At, RunOrigin Origin, RunStatus Status, RunEnvironment Environment,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonElement? Payload,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] LargeValueView? PayloadLarge);
}
