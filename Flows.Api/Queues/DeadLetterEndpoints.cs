using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Runs;
using Flows.Queue;
using Flows.Queue.Redis;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Queues;

/// <summary>
/// The dead letters of the caller's project and the pause of its queue, as the queue's page has them, for programs. Where Hangfire carries the
/// jobs they are in its own dashboard, and these answer 409.
/// </summary>
internal static class DeadLetterEndpoints
{
    private const int MostShown = 1_000;

    public static void MapDeadLetters(this IEndpointRouteBuilder app)
    {
        var queue = app.MapGroup("/api/v1/system/queue").Requires(Permission.OperateQueue).AddEndpointFilter<UnavailableFilter>().WithTags("System").ProducesProblem(StatusCodes.Status409Conflict);
        queue.MapGet("/dead", List).WithSummary("The project's dead letters, the newest first: jobs that were delivered too often; at most 1,000");
        queue.MapPost("/dead/{runId:guid}/requeue", Requeue).Audited("queue.requeued", ahead: true).WithSummary("Put a dead letter back among the jobs, as if it had never been delivered");
        queue.MapPost("/dead/{runId:guid}/discard", Discard).Audited("queue.discarded", ahead: true).WithSummary("Forget a dead letter; its run is still due and may be queued anew");
        queue.MapPost("/pause", Pause).Audited("queue.paused", ahead: true).WithSummary("Hold back the project's runs that have not begun; they are accepted and kept");
        queue.MapPost("/resume", Resume).Audited("queue.resumed", ahead: true).WithSummary("Let the project's runs go on");
    }

    private static async Task<Results<Ok<DeadLetterList>, ProblemHttpResult>> List(HttpContext http, CurrentProject project, TimeProvider clock, CancellationToken cancel)
    {
        if (Desk(http) is not { } desk)
            return Elsewhere();
        var overview = await GuardedAsync(() => desk.GetOverviewAsync(MostShown, cancel));
        var now = clock.GetUtcNow();
        return TypedResults.Ok(new DeadLetterList(
            [.. overview.Dead.Where(letter => letter.Job.ProjectId == project.Id)
                .Select(letter => new DeadLetterView(letter.Job.RunId, letter.Job.Priority.ToString(), letter.Deliveries, now - letter.Age))],
            IsPaused: overview.Limits.TryGetValue(project.Id, out var limit) && limit == 0));
    }

    private static Task<Results<NoContent, ProblemHttpResult>> Requeue(Guid runId, HttpContext http, CurrentProject project, CancellationToken cancel) =>
        EndAsync(runId, http, project, static (desk, letter, cancel) => desk.RequeueAsync(letter, cancel), cancel);

    private static Task<Results<NoContent, ProblemHttpResult>> Discard(Guid runId, HttpContext http, CurrentProject project, CancellationToken cancel) =>
        EndAsync(runId, http, project, static (desk, letter, cancel) => desk.DiscardAsync(letter, cancel), cancel);

    private static async Task<Results<NoContent, ProblemHttpResult>> EndAsync(
        Guid runId, HttpContext http, CurrentProject project, Func<RedisQueueDesk, DeadLetter, CancellationToken, Task<bool>> end, CancellationToken cancel)
    {
        if (Desk(http) is not { } desk)
            return Elsewhere();
        var dead = (await GuardedAsync(() => desk.GetOverviewAsync(MostShown, cancel))).Dead;
        var letter = dead.FirstOrDefault(letter => letter.Job.RunId == runId && letter.Job.ProjectId == project.Id);
        return letter is not null && await GuardedAsync(() => end(desk, letter, cancel))
            ? TypedResults.NoContent()
            : Problems.NotFound($"Run {runId} is not among the dead letters of this project.");
    }

    private static Task<Results<NoContent, ProblemHttpResult>> Pause(HttpContext http, CurrentProject project, ProjectLimits limits, CancellationToken cancel) =>
        SetPausedAsync(http, project, limits, paused: true, cancel);

    private static Task<Results<NoContent, ProblemHttpResult>> Resume(HttpContext http, CurrentProject project, ProjectLimits limits, CancellationToken cancel) =>
        SetPausedAsync(http, project, limits, paused: false, cancel);

    private static async Task<Results<NoContent, ProblemHttpResult>> SetPausedAsync(
        HttpContext http, CurrentProject project, ProjectLimits limits, bool paused, CancellationToken cancel)
    {
        if (Desk(http) is null)
            return Elsewhere();
        await GuardedAsync(async () =>
        {
            await limits.SetPausedAsync(project.Id, paused, cancel);
            return true;
        });
        return TypedResults.NoContent();
    }

    private static RedisQueueDesk? Desk(HttpContext http) => http.RequestServices.GetService<RedisQueueDesk>();

    private static ProblemHttpResult Elsewhere() => Problems.Conflict("Hangfire carries the jobs of this installation: see its dashboard at /admin/queues.");

    private static async Task<T> GuardedAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (QueueUnavailableException error)
        {
            throw new UnavailableException(error.Message);
        }
    }

    /// <param name="IsPaused">The project's runs are held back.</param>
    internal sealed record DeadLetterList(IReadOnlyList<DeadLetterView> Items, bool IsPaused);

    /// <param name="Deliveries">How often the job was given to a worker.</param>
    /// <param name="DeadSince">When it was given up.</param>
    internal sealed record DeadLetterView(Guid RunId, string Priority, int Deliveries, DateTimeOffset DeadSince);
}
