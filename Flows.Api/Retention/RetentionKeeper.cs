using System.Collections.Concurrent;
using Flows.Api.Migrations;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Api.Retention;

/// <summary>What has become of a day whose time is over, in this replica.</summary>
/// <param name="Times">How often something had a lock, and it gave up.</param>
internal sealed record GivenUp(int Times, DateTimeOffset LastAt);

/// <summary>
/// Forgets runs that are older than the setting: a day at a time, with everything they have left. A day stays while one of its runs is not over.
/// Every replica looks; one works.
/// </summary>
internal sealed partial class RetentionKeeper(
    RunDays days, IOptions<RetentionOptions> options, RunMetrics metrics, SchemaState schema, TimeProvider clock, ILogger<RetentionKeeper> log)
    : Housekeeper(TimeSpan.FromMinutes(10), schema, clock, log)
{
    private const int MostStrays = 1_000;
    private readonly TimeProvider _clock = clock;
    private readonly ConcurrentDictionary<DateOnly, GivenUp> _givenUp = new();

    /// <summary>Null: that day was never in anybody's way, or it is gone.</summary>
    public GivenUp? GivenUpOn(DateOnly day) => _givenUp.GetValueOrDefault(day);

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        if (options.Value.RunDays == 0)
            return false;
        var before = _clock.GetUtcNow() - TimeSpan.FromDays(options.Value.RunDays);

        // One drop in a look, so that accepts get through between two of them.
        foreach (var day in await days.BeforeAsync(DateOnly.FromDateTime(before.UtcDateTime), cancel))
        {
            try
            {
                var began = _clock.GetTimestamp();
                if (await days.DropAsync(day, cancel) is var tables and > 0)
                {
                    _givenUp.TryRemove(day, out _);
                    metrics.Removed("run_day", 1);
                    LogDropped(log, day, tables, _clock.GetElapsedTime(began).TotalMilliseconds);
                    return true;
                }
            }
            catch (PostgresException busy) when (busy.SqlState == PostgresErrorCodes.LockNotAvailable)
            {
                var now = _clock.GetUtcNow();
                var times = _givenUp.AddOrUpdate(day, _ => new GivenUp(1, now), (_, before) => new GivenUp(before.Times + 1, now)).Times;
                LogBusy(log, day, times);
                IsHindered = true;
                return false;
            }
        }

        var strays = await days.DeleteStraysAsync(before, MostStrays, cancel);
        if (strays > 0)
            metrics.Removed("stray_row", strays);
        return strays >= MostStrays;
    }

    [LoggerMessage(LogLevel.Information, "The runs of {Day} were dropped: {Tables} tables in {Milliseconds:0} ms")]
    private static partial void LogDropped(ILogger log, DateOnly day, int tables, double milliseconds);

    [LoggerMessage(LogLevel.Information, "The runs of {Day} are not dropped yet, after {Times} tries: a long query is in the way. It is tried again soon")]
    private static partial void LogBusy(ILogger log, DateOnly day, int times);
}
