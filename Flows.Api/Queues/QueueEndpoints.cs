using System.Text;
using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Runs;
using Flows.Api.Users;
using Flows.Queue;
using Flows.Queue.Redis;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Queues;

/// <summary>
/// The queue's page, and what its buttons do: Hangfire's dashboard when Hangfire carries the jobs, else our own. A caller sees the sums of the
/// whole queue, and of projects, jobs and dead letters only those of his own project.
/// </summary>
internal static class QueueEndpoints
{
    private const string Path = "/admin/queues";
    private const int Rows = 200;

    public static IHostApplicationBuilder AddQueues(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<ProjectOptions>().BindConfiguration(ProjectOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        QueueMetrics.AddTo(builder.Services);
        builder.Services.AddSingleton<ProjectLimits>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ProjectLimits>());
        return builder;
    }

    public static void MapQueues(this IEndpointRouteBuilder app)
    {
        app.MapFlowPause();
        app.MapDeadLetters();
        if (app.MapQueueDashboard(Policies.User) is { } dashboard)
        {
            dashboard.Requires(Permission.OperateQueue);
            return;
        }

        var queue = app.MapGroup(Path).Requires(Permission.OperateQueue).AddEndpointFilter<FormTokenFilter>().AddEndpointFilter<UnavailableFilter>().ExcludeFromDescription();
        queue.MapGet("", ShowPage);
        queue.MapPost("/pause", Pause).Audited("queue.paused", ahead: true);
        queue.MapPost("/resume", Resume).Audited("queue.resumed", ahead: true);
        queue.MapPost("/dead/{runId:guid}/requeue", Requeue).Audited("queue.requeued", ahead: true);
        queue.MapPost("/dead/{runId:guid}/discard", Discard).Audited("queue.discarded", ahead: true);
    }

    private static Task<ContentHttpResult> ShowPage(
        HttpContext http, Caller caller, FormToken forms, CurrentProject project, IRunQueue queue, RedisQueueDesk desk, TimeProvider clock, CancellationToken cancel) =>
        GuardedAsync(async () =>
        {
            var (now, overview) = (await queue.GetStatisticsAsync(cancel), await desk.GetOverviewAsync(Rows, cancel));
            http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
            http.Response.Headers.CacheControl = "no-store";
            var token = caller.SessionId is { } session ? forms.For(session) : null;
            return TypedResults.Content(QueuePage.Render(now, overview, project.Id, token, PlainPage.RootFrom(http.Request), clock.GetUtcNow()), "text/html", Encoding.UTF8);
        });

    private static Task<RedirectHttpResult> Pause(HttpRequest http, CurrentProject project, ProjectLimits limits, CancellationToken cancel) =>
        SetPausedAsync(http, project, limits, paused: true, cancel);

    private static Task<RedirectHttpResult> Resume(HttpRequest http, CurrentProject project, ProjectLimits limits, CancellationToken cancel) =>
        SetPausedAsync(http, project, limits, paused: false, cancel);

    private static Task<RedirectHttpResult> SetPausedAsync(HttpRequest http, CurrentProject project, ProjectLimits limits, bool paused, CancellationToken cancel) =>
        GuardedAsync(async () =>
        {
            await limits.SetPausedAsync(project.Id, paused, cancel);
            return BackToPage(http, project);
        });

    // Relative: right below any prefix, also one that a proxy in front has taken off.
    private static RedirectHttpResult BackToPage(HttpRequest http, CurrentProject project) =>
        TypedResults.Redirect($"{PlainPage.RootFrom(http)}{Path[1..]}?project={project.Id}");

    private static Task<Results<RedirectHttpResult, ProblemHttpResult>> Requeue(
        HttpRequest http, Guid runId, CurrentProject project, RedisQueueDesk desk, CancellationToken cancel) =>
        EndDeadAsync(http, runId, project, desk, desk.RequeueAsync, cancel);

    private static Task<Results<RedirectHttpResult, ProblemHttpResult>> Discard(
        HttpRequest http, Guid runId, CurrentProject project, RedisQueueDesk desk, CancellationToken cancel) =>
        EndDeadAsync(http, runId, project, desk, desk.DiscardAsync, cancel);

    private static Task<Results<RedirectHttpResult, ProblemHttpResult>> EndDeadAsync(
        HttpRequest http, Guid runId, CurrentProject project, RedisQueueDesk desk, Func<DeadLetter, CancellationToken, Task<bool>> end, CancellationToken cancel) =>
        GuardedAsync<Results<RedirectHttpResult, ProblemHttpResult>>(async () =>
        {
            var dead = (await desk.GetOverviewAsync(1000, cancel)).Dead;
            var letter = dead.FirstOrDefault(letter => letter.Job.RunId == runId && letter.Job.ProjectId == project.Id);
            return letter is not null && await end(letter, cancel)
                ? BackToPage(http, project)
                : Problems.NotFound($"Run {runId} is not among the dead letters of this project.");
        });

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
}
