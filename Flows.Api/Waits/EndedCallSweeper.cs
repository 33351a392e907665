using Flows.Api.Migrations;
using Flows.Api.Runs;

namespace Flows.Api.Waits;

/// <summary>
/// Ends waits for runs that are over. Whatever ends a run does so in its own commit; this finds what was ended by hand in the database, or
/// by a version that knew nothing of calls.
/// </summary>
internal sealed partial class EndedCallSweeper(
    RunStore store, RunAnnouncer announcer, SchemaState schema, TimeProvider clock, ILogger<EndedCallSweeper> log)
    : Housekeeper(TimeSpan.FromSeconds(15), schema, clock, log)
{
    private const int Batch = 500;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        var woken = await store.EndCallsAsync(Batch, cancel);
        announcer.Announce(woken);
        if (woken.Count > 0)
            LogWoken(log, woken.Count);
        return woken.Count >= Batch;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} runs were waiting for runs that had ended long since, and go on")]
    private static partial void LogWoken(ILogger log, int count);
}
