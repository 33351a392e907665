using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Flows;
using Flows.Contracts.Definitions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;

namespace Flows.Api.Schedules;

/// <summary>When a flow will start.</summary>
/// <param name="Times">The cron expression or the interval.</param>
/// <param name="Missed">What becomes of times that passed unseen: <c>once</c>, <c>skip</c> or <c>all</c>.</param>
/// <param name="LastScheduledAt">The last time that was acted on; null before the first.</param>
/// <param name="LastFiredAt">When it was acted on.</param>
/// <param name="Next">The next ten times, without the spread.</param>
internal sealed record ScheduleView(
    string Times, string TimeZone, string Missed, TimeSpan Jitter, DateTimeOffset? LastScheduledAt, DateTimeOffset? LastFiredAt, IReadOnlyList<DateTimeOffset> Next);

internal sealed record SchedulePreview(IReadOnlyList<DateTimeOffset> Next);

internal static class ScheduleEndpoints
{
    private const int Shown = 10;

    public static IHostApplicationBuilder AddSchedules(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ScheduleOptions>().BindConfiguration(ScheduleOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.AddSingleton<ScheduleStore>();
        builder.Services.AddSingleton<ScheduleClock>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<ScheduleClock>());
        return builder;
    }

    public static void MapSchedules(this IEndpointRouteBuilder api)
    {
        api.MapGet("/flows/{id:guid}/schedule", Get).Requires(Permission.ReadFlows).WithTags("Schedules").WithSummary("When the clock starts the flow: the next ten times and the last one")
            .ProducesProblem(StatusCodes.Status404NotFound);
        api.MapPost("/schedules/preview", Preview).Requires(Permission.ReadFlows).NotAudited("It changes nothing.").WithTags("Schedules").WithSummary("The next ten times of a schedule trigger's input, without saving anything")
            .ProducesProblem(StatusCodes.Status400BadRequest);
    }

    private static async Task<Results<Ok<ScheduleView>, ProblemHttpResult>> Get(
        Guid id, CurrentProject project, FlowsDb db, ScheduleStore schedules, TimeProvider clock, CancellationToken cancel)
    {
        var definition = await db.Flows.Where(flow => flow.Id == id && flow.ProjectId == project.Id)
            .Select(flow => db.FlowVersions.Where(version => version.Id == flow.PublishedVersionId).Select(version => version.Definition).FirstOrDefault() ?? "{}")
            .SingleOrDefaultAsync(cancel);
        if (definition is null)
            return FlowEndpoints.NoSuchFlow(id);
        if (await schedules.FindAsync(id, cancel) is not { } times || SchedulePlan.Of(JsonElement.Parse(definition)) is not { } schedule)
            return Problems.NotFound("The clock does not start this flow: it has no schedule trigger, is not published, or is disabled.");

        IReadOnlyList<DateTimeOffset> next = times.DueAt > clock.GetUtcNow() ? [times.DueAt, .. schedule.After(times.DueAt, Shown - 1)] : schedule.After(clock.GetUtcNow(), Shown);
        return TypedResults.Ok(new ScheduleView(
            schedule.Text, schedule.Zone.Id, schedule.Missed.ToString().ToLowerInvariant(), schedule.Jitter, times.LastScheduledAt, times.LastFiredAt, InZone(schedule, next)));
    }

    private static Results<Ok<SchedulePreview>, ProblemHttpResult> Preview(PreviewRequest request, FlowCatalogue catalogue, TimeProvider clock)
    {
        if (catalogue.Piece("schedule") is { } piece && piece.Triggers.All(trigger => trigger.Name != request.Event))
            return Problems.BadRequest("$.event", $"It must be {string.Join(" or ", piece.Triggers.Select(trigger => trigger.Name))}.");
        var problems = new List<DefinitionProblem>();
        var schedule = Schedule.Read(new FlowTrigger("trigger", "schedule", request.Event, request.Input), "$", problems);
        return schedule is null
            ? Problems.BadDefinition(problems)
            : TypedResults.Ok(new SchedulePreview(InZone(schedule, schedule.After(request.From ?? clock.GetUtcNow(), Shown))));
    }

    private static IReadOnlyList<DateTimeOffset> InZone(Schedule schedule, IReadOnlyList<DateTimeOffset> times) =>
        [.. times.Select(time => TimeZoneInfo.ConvertTime(time, schedule.Zone))];

    /// <param name="Event">A trigger of the piece schedule.</param>
    /// <param name="From">Times after this moment; now when it is left out.</param>
    internal sealed record PreviewRequest(string Event, JsonElement Input, DateTimeOffset? From = null);
}
