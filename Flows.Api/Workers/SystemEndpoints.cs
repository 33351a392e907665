using System.Text.Json.Serialization;
using Flows.Api.Access;
using Flows.Api.Retention;
using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Flows.Queue;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Flows.Api.Workers;

/// <summary>The queue in numbers, made for autoscalers.</summary>
/// <param name="Waiting">Jobs that wait, by priority.</param>
/// <param name="Depth">All of them together.</param>
/// <param name="OldestWaitSeconds">0 when none waits.</param>
/// <param name="Active">Delivered to workers and not yet settled.</param>
/// <param name="Delayed">Given back, waiting for their time.</param>
/// <param name="Paused">Jobs of flows that are paused; not among those that wait.</param>
/// <param name="Dead">Delivered too often; kept for a person.</param>
/// <param name="Minutes">The minutes of the last hour in which anything happened; empty for a provider that does not count.</param>
/// <param name="Hours">The same by the hour, for the last week.</param>
/// <param name="Projects">What waits of the caller's own project, by priority; empty for a provider that does not know projects.</param>
public sealed record QueueView(
    string Provider, IReadOnlyDictionary<string, long> Waiting, long Depth, double OldestWaitSeconds, long Active, long Delayed, long Paused, long Dead,
    IReadOnlyList<BacklogView> Projects, IReadOnlyList<QueueRate> Minutes, IReadOnlyList<QueueRate> Hours);

/// <param name="OldestWaitSeconds">Age of the job that is next.</param>
public sealed record BacklogView(Guid ProjectId, RunPriority Priority, long Waiting, double OldestWaitSeconds);

public sealed record WorkerList(IReadOnlyList<WorkerView> Items);

internal static class SystemEndpoints
{
    public static void MapSystemEndpoints(this IEndpointRouteBuilder app)
    {
        var system = app.MapGroup("/api/v1/system").AddEndpointFilter<UnavailableFilter>().WithTags("System");
        system.MapGet("/workers", ListWorkers).Requires(Permission.ReadQueue).WithSummary("The workers with their load, engines and last sign of life");
        system.MapGet("/queue", GetQueue).Requires(Permission.ReadQueue).WithSummary("Depth and oldest wait of the queue, made for autoscalers");
        system.MapGet("/storage", StorageEndpoint.Show).Requires(Permission.OperateQueue).WithSummary("What Postgres holds: tables with their rows, sizes, indexes and days, and how long things are kept");
    }

    private static async Task<Ok<WorkerList>> ListWorkers(WorkerRegistry workers, CancellationToken cancel) =>
        TypedResults.Ok(new WorkerList(await workers.ListAsync(cancel)));

    private static async Task<Ok<QueueView>> GetQueue(IRunQueue queue, CurrentProject project, CancellationToken cancel)
    {
        try
        {
            var now = await queue.GetStatisticsAsync(cancel);
            var waiting = Enum.GetValues<RunPriority>().ToDictionary(priority => priority.ToString(), priority => now.Waiting.GetValueOrDefault(priority));
            var mine = now.Backlogs.Where(backlog => backlog.ProjectId == project.Id).OrderBy(backlog => backlog.Priority)
                .Select(backlog => new BacklogView(backlog.ProjectId, backlog.Priority, backlog.Waiting, backlog.OldestWait.TotalSeconds));
            return TypedResults.Ok(new QueueView(
                now.Provider, waiting, waiting.Values.Sum(), now.OldestWait.TotalSeconds, now.Active, now.Delayed, now.Paused, now.Dead, [.. mine], now.Minutes, now.Hours));
        }
        catch (QueueUnavailableException error)
        {
            throw new UnavailableException(error.Message);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(WorkerList))]
[JsonSerializable(typeof(QueueView))]
[JsonSerializable(typeof(StorageView))]
internal sealed partial class SystemJson : JsonSerializerContext;
