using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Reference;
using Flows.Api.Runs;
using Flows.Queue;
using Flows.Queue.Redis;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Queues;

/// <summary>Holds back what a flow has waiting. Its runs are accepted as before; disabling a flow is what refuses them.</summary>
internal static class FlowPauseEndpoints
{
    public static void MapFlowPause(this IEndpointRouteBuilder app)
    {
        var flows = app.MapGroup("/api/v1/flows/{flowId:guid}/queue").Requires(Permission.OperateQueue).AddEndpointFilter<UnavailableFilter>().WithTags("Flows");
        flows.MapPost("/pause", Pause).Audited("flow.queue_paused", ahead: true).WithSummary("Holds back the flow's runs that have not begun; they are accepted and kept").MayRefuse(StatusCodes.Status409Conflict);
        flows.MapPost("/resume", Resume).Audited("flow.queue_resumed", ahead: true).WithSummary("Lets the flow's runs go on that were held back, before those that came later").MayRefuse(StatusCodes.Status409Conflict);
    }

    private static Task<Results<NoContent, ProblemHttpResult>> Pause(
        Guid flowId, CurrentProject project, ProjectLimits limits, IServiceProvider services, CancellationToken cancel) =>
        SetAsync(flowId, paused: true, project, limits, services, cancel);

    private static Task<Results<NoContent, ProblemHttpResult>> Resume(
        Guid flowId, CurrentProject project, ProjectLimits limits, IServiceProvider services, CancellationToken cancel) =>
        SetAsync(flowId, paused: false, project, limits, services, cancel);

    private static async Task<Results<NoContent, ProblemHttpResult>> SetAsync(
        Guid flowId, bool paused, CurrentProject project, ProjectLimits limits, IServiceProvider services, CancellationToken cancel)
    {
        if (services.GetService<RedisQueueDesk>() is null)
            return Problems.Conflict("The queue is carried by Hangfire, which knows no flows. Disable the flow, or set Flows__Queue__Provider to Redis.");
        try
        {
            return await limits.SetFlowPausedAsync(project.Id, flowId, paused, cancel)
                ? TypedResults.NoContent()
                : Problems.NotFound($"There is no flow {flowId} in this project.");
        }
        catch (QueueUnavailableException error)
        {
            throw new UnavailableException($"{error.Message} It is written down, and the queue is told when it is back.");
        }
    }
}
