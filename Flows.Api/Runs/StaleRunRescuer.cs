using Flows.Api.Migrations;
using Flows.Contracts.Runs;
using Microsoft.Extensions.Options;

namespace Flows.Api.Runs;

/// <summary>
/// Takes runs back whose worker has not renewed its lease: → Queued, and rung for; → Failed when that has happened
/// <see cref="RunOptions.MaxAttempts"/> times in a row. A worker that comes back finds its attempt refused.
/// </summary>
internal sealed partial class StaleRunRescuer(
    RunStore store, RunAnnouncer announcer, IOptions<RunOptions> options, RunMetrics metrics, SchemaState schema, TimeProvider clock, ILogger<StaleRunRescuer> log)
    : Housekeeper(options.Value.SweepEvery, schema, clock, log)
{
    private const int Batch = 500;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        var rescued = await store.RescueAsync(Batch, cancel);
        announcer.Announce(rescued);
        foreach (var run in rescued)
            metrics.LeaseLost(run.Status);
        if (rescued.Count > 0)
            LogRescued(log, rescued.Count(run => run.Status == RunStatus.Queued), rescued.Count(run => run.Status == RunStatus.Failed));
        return rescued.Count == Batch;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Queued} runs whose worker stopped answering go on elsewhere; {Failed} had used up their attempts and failed")]
    private static partial void LogRescued(ILogger log, int queued, int failed);
}
