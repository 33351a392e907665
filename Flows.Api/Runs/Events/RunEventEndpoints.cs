using Flows.Api.Access;
using Flows.Api.Reference;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Runs.Events;

/// <summary>Runs as they go, for whoever watches.</summary>
internal static class RunEventEndpoints
{
    private const string LastEventId = "Last-Event-ID";

    public static void MapRunEvents(this IEndpointRouteBuilder api)
    {
        api.MapGet("/runs/{runId:guid}/events", WatchRun).Requires(Permission.ReadRuns)
            .WithSummary("A run and its steps as they change (server-sent events 'run', 'step' and 'gap'); goes on after Last-Event-ID and ends with the run")
            .Streams(RunExample).Produces(StatusCodes.Status204NoContent);
        api.MapGet("/runs/events", WatchProject).Requires(Permission.ReadRuns)
            .WithSummary("The project's newest runs as their status changes (server-sent events 'run'); goes on after Last-Event-ID")
            .Streams(ProjectExample);
    }

    private const string RunExample = """
        id: 639080685043900000
        event: step
        data: {"path":"greet","name":"greet","kind":"code","status":"Succeeded","attempt":1,"startedAt":"2026-03-02T09:15:04.13+00:00","durationMs":47.3,"error":null}

        id: 639080685043900000-end
        event: run
        data: {"id":"0199b3d0-1c55-7e0a-8a31-5b7d0c9e4f21","flowId":"0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10","status":"Succeeded","attempt":1,"createdAt":"2026-03-02T09:15:04.12+00:00","startedAt":"2026-03-02T09:15:04.13+00:00","finishedAt":"2026-03-02T09:15:04.39+00:00","failedStep":null,"error":null}
        """;
    private const string ProjectExample = """
        id: 639080685043900000
        event: run
        data: {"id":"0199b3d0-1c55-7e0a-8a31-5b7d0c9e4f21","flowId":"0199b3c1-7f2e-7c41-9d55-3f1f0b6f2a10","status":"Succeeded","attempt":1,"createdAt":"2026-03-02T09:15:04.12+00:00","startedAt":"2026-03-02T09:15:04.13+00:00","finishedAt":"2026-03-02T09:15:04.39+00:00","failedStep":null,"error":null}
        """;

    private static RouteHandlerBuilder Streams(this RouteHandlerBuilder route, string example) => route
        .Reads(LastEventId, "The id of the last event that was seen: the stream goes on after it. Browsers send it by themselves.", "639080685043900000")
        .Answers(StatusCodes.Status200OK, "text/event-stream", "Events as they happen, until the end or until the caller goes.", example)
        .MayRefuse(StatusCodes.Status429TooManyRequests);

    private static async Task<IResult> WatchRun(
        Guid runId, HttpContext http, CurrentProject project, RunEventReader reader, EventPlaces places, RunListeners listeners, Standing standing, TimeProvider clock,
        CancellationToken cancel)
    {
        if (!TryReadId(http, out var after, out var hasEnd))
            return BadId();
        if (await reader.StatusAsync(project.Id, runId, cancel) is not { } status)
            return RunProblems.NoSuchRun();
        if (hasEnd && RunTransitions.IsFinal(status))
            return TypedResults.NoContent(); // a browser that has heard the end does not connect again after this
        return Open(http, project, places, standing, clock, after, (moment, ends) => reader.LookAsync(project.Id, runId, moment, ends), () => listeners.Listen(runId));
    }

    private static IResult WatchProject(HttpContext http, CurrentProject project, RunEventReader reader, EventPlaces places, Standing standing, TimeProvider clock)
    {
        if (!TryReadId(http, out var after, out _))
            return BadId();
        // What was before is in the list: a new listener hears only what comes.
        return Open(http, project, places, standing, clock, after ?? clock.GetUtcNow(), (moment, ends) => reader.LookAsync(project.Id, moment, ends));
    }

    private static IResult Open(
        HttpContext http, CurrentProject project, EventPlaces places, Standing standing, TimeProvider clock, DateTimeOffset? after,
        Func<DateTimeOffset, CancellationToken, Task<EventLook>> look, Func<RunListener>? listen = null)
    {
        if (places.TryTake(project.Id) is { } place)
            return new EventStream(LookWhileAllowedAsync, after ?? DateTimeOffset.UnixEpoch, place, listen?.Invoke(), clock, places.Stopping);
        http.Response.Headers.RetryAfter = "10";
        return RunProblems.Of(StatusCodes.Status429TooManyRequests, "too_many_streams", $"The project has {places.Limit} streams open on this instance already. Close one, or try again later.");

        // Whoever has lost the access hears nothing more; connecting again tells why.
        async Task<EventLook> LookWhileAllowedAsync(DateTimeOffset moment, CancellationToken ends) =>
            await standing.IsGoodAsync(http, ends) ? await look(moment, ends) : new EventLook([], IsOver: true, HasGap: false);
    }

    private static bool TryReadId(HttpContext http, out DateTimeOffset? after, out bool hasEnd)
    {
        var id = http.Request.Headers[LastEventId].ToString();
        after = id.Length == 0 ? null : EventStream.Parse(id);
        hasEnd = id.EndsWith(EventStream.EndMark, StringComparison.Ordinal);
        return id.Length == 0 || after is not null;
    }

    private static ProblemHttpResult BadId() => Problems.BadRequest(LastEventId, "It is not the id of an event of this stream.");
}
