using Flows.Api.Migrations;
using Flows.Api.Runs;
using Microsoft.Extensions.Options;

namespace Flows.Api.Waits;

/// <summary>
/// Ends waits whose time has come: delays are over, everything else has expired. Each is ended once, whatever the number of replicas. A wait
/// is ended at most about a second late, as long as there are not more than some ten thousand at once.
/// </summary>
internal sealed partial class DueWaitWaker(
    RunStore store, RunAnnouncer announcer, IOptions<RunOptions> options, SchemaState schema, TimeProvider clock, ILogger<DueWaitWaker> log)
    : Housekeeper(options.Value.SweepEvery, schema, clock, log)
{
    private const int Batch = 1000;

    protected override int MostInARow => 100;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        var woken = await store.WakeDueAsync(Batch, cancel);

        // After the commit: if we die here the runs stay Queued, and QueuedRunSweeper rings for them.
        announcer.Announce(woken);
        if (woken.Count > 0)
            LogWoken(log, woken.Count);
        return woken.Count > 0;
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Count} runs whose time had come go on")]
    private static partial void LogWoken(ILogger log, int count);
}
