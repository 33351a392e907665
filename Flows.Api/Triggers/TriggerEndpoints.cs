using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Connections;
using Flows.Api.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Triggers;

/// <summary>How a trigger that deals with a service is doing: it polls, or its address is registered there.</summary>
/// <param name="Kind"><c>polling</c> or <c>hook</c>.</param>
/// <param name="Health">
/// <c>new</c> before the first call that went well, then <c>ok</c>, <c>failing</c> or <c>paused</c>; <c>removing</c> while an address that is no longer
/// wanted is still being taken away.
/// </param>
/// <param name="Every">Of polls.</param>
/// <param name="NextCallAt">When the service is asked next; null while it is paused, or has nothing to be asked.</param>
/// <param name="Failures">Calls in a row that have failed.</param>
/// <param name="StartedRuns">Runs that items of polls have started.</param>
/// <param name="Url">Of a hook: where the service sends its events. For a service that pieces cannot register it at, it is entered there by hand.</param>
internal sealed record TriggerView(
    Guid FlowId, string Piece, string Event, string Kind, string Health, TimeSpan? Every, DateTimeOffset? NextCallAt, string? PausedReason, int Failures,
    long? Polls, long? StartedRuns, DateTimeOffset? LastOkAt, DateTimeOffset? LastErrorAt, JsonElement? LastError, string? Url);

internal static class TriggerEndpoints
{
    private const int MostShown = 1_000;
    // A flow that was published anew may have an address that is wanted and another one that is being taken away.
    private static readonly string s_select = $"""
        SELECT flow_id, piece, event, every_ms, due_at, paused_reason, failures, polls, started_runs, last_ok_at, last_error_at, last_error, true AS wanted, NULL AS url
        FROM flow_triggers WHERE project_id = $1 AND ($2 IS NULL OR flow_id = $2)
        UNION ALL
        SELECT flow_id, piece, event, NULL, due_at, paused_reason, failures, NULL, NULL, CASE WHEN registered OR NOT wanted THEN last_ok_at END, last_error_at, last_error, wanted, url
        FROM flow_hooks WHERE project_id = $1 AND ($2 IS NULL OR flow_id = $2)
        ORDER BY failures DESC, wanted DESC, flow_id DESC LIMIT {MostShown}
        """;

    private const string CheckSql = """
        WITH polled AS (
            UPDATE flow_triggers SET due_at = least(due_at, $3), paused_reason = NULL, failures = CASE WHEN due_at IS NULL THEN 0 ELSE failures END
            WHERE project_id = $1 AND flow_id = $2
        )
        UPDATE flow_hooks SET due_at = $3, paused_reason = NULL, failures = CASE WHEN due_at IS NULL THEN 0 ELSE failures END
        WHERE project_id = $1 AND flow_id = $2 AND wanted <> registered
        """;

    private const string Removing = "removing";

    public static IHostApplicationBuilder AddTriggers(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<TriggerOptions>().BindConfiguration(TriggerOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<OpenConnections>();
        builder.Services.AddSingleton<PieceBell>().AddHostedService(static services => services.GetRequiredService<PieceBell>());
        builder.Services.AddSingleton<TriggerPlan>();
        builder.Services.AddSingleton<HookDoors>();
        builder.Services.AddSingleton<IPieceWork, HookWork>();
        builder.Services.AddSingleton<IPieceWork, PollWork>();
        return builder;
    }

    public static void MapTriggers(this IEndpointRouteBuilder api)
    {
        api.MapGet("/flows/{id:guid}/trigger", Get).Requires(Permission.ReadFlows).WithTags("Triggers").WithSummary("How the flow's trigger is doing at its service: next call, last error, counts")
            .ProducesProblem(StatusCodes.Status404NotFound);
        api.MapPost("/flows/{id:guid}/trigger/check", CheckNow).Requires(Permission.EditFlows).Audited("trigger.checked", ahead: true).WithTags("Triggers").WithSummary("Ask the service now, and not only when the next call is due; a paused trigger goes on")
            .ProducesProblem(StatusCodes.Status404NotFound);
        api.MapGet("/triggers", List).Requires(Permission.ReadFlows).WithTags("Triggers").WithSummary("The project's triggers that deal with services, those with trouble first; at most 1,000");
    }

    private static async Task<Results<Ok<TriggerView>, ProblemHttpResult>> Get(Guid id, CurrentProject project, NpgsqlDataSource db, CancellationToken cancel)
    {
        var found = await ReadAsync(db, project.Id, id, cancel);
        return found.Find(view => view.Health != Removing) is { } view || (view = found.FirstOrDefault()) is not null
            ? TypedResults.Ok(view)
            : Problems.NotFound("No trigger of this flow deals with a service: there is no such flow, its trigger is of another kind, or it is not published or disabled.");
    }

    private static async Task<Results<Accepted<TriggerView>, ProblemHttpResult>> CheckNow(
        Guid id, CurrentProject project, NpgsqlDataSource db, PieceBell bell, TimeProvider clock, CancellationToken cancel)
    {
        await using (var command = db.CreateCommand(CheckSql))
        {
            command.Parameters.Add(RunSql.Value(project.Id, NpgsqlDbType.Uuid));
            command.Parameters.Add(RunSql.Value(id, NpgsqlDbType.Uuid));
            command.Parameters.Add(RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz));
            await command.ExecuteNonQueryAsync(cancel);
        }
        bell.Ring();
        var answer = await Get(id, project, db, cancel);
        return answer.Result is Ok<TriggerView> { Value: { } view } ? TypedResults.Accepted($"/api/v1/flows/{id}/trigger", view) : (ProblemHttpResult)answer.Result;
    }

    private static async Task<Ok<TriggerList>> List(CurrentProject project, NpgsqlDataSource db, CancellationToken cancel) =>
        TypedResults.Ok(new TriggerList(await ReadAsync(db, project.Id, null, cancel)));

    private static async Task<List<TriggerView>> ReadAsync(NpgsqlDataSource db, Guid project, Guid? flow, CancellationToken cancel)
    {
        await using var command = db.CreateCommand(s_select);
        command.Parameters.Add(RunSql.Value(project, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(flow, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        var views = new List<TriggerView>();
        while (await row.ReadAsync(cancel))
        {
            var (every, paused, failures, ok) = (row.IsDBNull(3) ? (TimeSpan?)null : TimeSpan.FromMilliseconds(row.GetInt64(3)), row.TextOrNull(5), row.GetInt32(6), row.TimeOrNull(9));
            var health = paused is not null ? "paused" : failures > 0 ? "failing" : !row.GetBoolean(12) ? Removing : ok is not null ? "ok" : "new";
            views.Add(new TriggerView(
                row.GetGuid(0), row.GetString(1), row.GetString(2), every is null ? "hook" : "polling", health, every, row.TimeOrNull(4), paused, failures,
                row.IsDBNull(7) ? null : row.GetInt64(7), row.IsDBNull(8) ? null : row.GetInt64(8), ok, row.TimeOrNull(10), row.JsonOrNull(11)?.ToElement(), row.TextOrNull(13)));
        }
        return views;
    }

    internal sealed record TriggerList(IReadOnlyList<TriggerView> Items);
}
