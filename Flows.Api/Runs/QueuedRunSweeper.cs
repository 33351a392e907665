using Flows.Api.Migrations;
using Flows.Queue;
using Microsoft.Extensions.Options;

namespace Flows.Api.Runs;

/// <summary>
/// Rings again for runs that have waited too long: their job was never queued, or Redis has lost it. The queue ignores a bell for a run
/// that it already has.
/// </summary>
internal sealed partial class QueuedRunSweeper(
    RunStore store, IRunQueue queue, IOptions<RunOptions> options, SchemaState schema, TimeProvider clock, ILogger<QueuedRunSweeper> log)
    : Housekeeper(options.Value.SweepEvery, schema, clock, log)
{
    private const int Batch = 1000;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        var due = await store.TakeDueAsync(Batch, cancel);
        if (due.Count == 0)
            return false;
        try
        {
            await queue.EnqueueAsync(due, cancel);
        }
        catch (QueueUnavailableException)
        {
            // Due again at once, or they would be rung for up to a minute after the queue is back.
            // If we die before this line they are due again in that time.
            await store.MakeDueAsync(due, cancel);
            throw;
        }
        LogRung(log, due.Count);
        return due.Count == Batch;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Rang again for {Count} runs that had not been taken up in time")]
    private static partial void LogRung(ILogger log, int count);
}
