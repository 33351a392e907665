using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Flows.Api.Migrations;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Queue;
using Microsoft.Extensions.Options;

namespace Flows.Api.Schedules;

/// <summary>
/// Starts flows when their time has come. Every replica looks; the run is written by the statement that moves the schedule on from the time
/// that was read, so each time starts its run once, whoever sees it and whatever dies.
/// </summary>
internal sealed partial class ScheduleClock(
    ScheduleStore schedules, RunBells bells, IOptions<ScheduleOptions> options, RunMetrics metrics, SchemaState schema, TimeProvider clock, ILogger<ScheduleClock> log)
    : Housekeeper(options.Value.LookEvery, schema, clock, log)
{
    private const int Batch = 500;
    private const int MostMissedRuns = 100;
    /// <summary>Missed times that are counted one by one; beyond that the count stays here.</summary>
    private const int MostCounted = 10_000;
    private const int MostKept = 10_000;

    private readonly TimeProvider _clock = clock;
    private readonly ConcurrentDictionary<Guid, Schedule?> _byVersion = new();

    protected override int MostInARow => 100;

    /// <summary>Times are whole seconds: a look just behind one finds what is due at it, where one at a random moment finds it half a period late.</summary>
    protected override TimeSpan RestOf(TimeSpan pause) => pause - TimeSpan.FromTicks(_clock.GetUtcNow().UtcTicks % pause.Ticks) + Jitter(pause, 0.05);

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        var now = _clock.GetUtcNow();
        var (firings, started) = await schedules.FireAsync(now, Batch, flow => Fire(flow, now), cancel);
        if (firings.Count == 0)
            return false;

        // After the commit: if we die here the runs stay Queued, and QueuedRunSweeper rings for them.
        foreach (var job in started)
        {
            metrics.Accepted(RunOrigin.Schedule, RunEnvironment.Production);
            bells.Ring(job);
        }
        foreach (var firing in firings)
            metrics.Scheduled(now - firing.Flow.DueAt);
        var missed = firings.Sum(firing => firing.Missed);
        if (missed > 0)
        {
            metrics.ScheduleMissed(missed);
            LogMissed(log, missed, firings.Count(firing => firing.Missed > 0));
        }
        return firings.Count == Batch;
    }

    /// <summary>When a time is really acted on.</summary>
    public static DateTimeOffset WithJitter(Schedule schedule, DateTimeOffset due) =>
#pragma warning disable CA5394 // Spreading starts over time is no secret.
        due + schedule.Jitter * Random.Shared.NextDouble();
#pragma warning restore CA5394

    private Firing Fire(DueSchedule flow, DateTimeOffset now)
    {
        if (ScheduleOf(flow) is not { } schedule || schedule.After(now) is not { } next)
            return new Firing(flow, NextDue: null, NextFire: null, Runs: [], Missed: 0);

        var late = now - options.Value.MissedAfter - schedule.Jitter;
        var (onTime, missed) = (new List<DateTimeOffset>(), new Queue<DateTimeOffset>());
        var count = 0;
        for (DateTimeOffset? time = flow.DueAt; time is { } at && at <= now && count < MostCounted; time = schedule.After(at), count++)
        {
            if (at >= late)
            {
                onTime.Add(at);
                continue;
            }
            missed.Enqueue(at);
            if (missed.Count > MostMissedRuns)
                missed.Dequeue(); // the newest are worth most
        }
        var missedCount = count - onTime.Count;
        var times = schedule.Missed switch
        {
            MissedTimes.All => [.. missed, .. onTime],
            MissedTimes.Once when missedCount > 0 && onTime.Count == 0 => [missed.Last()],
            _ => onTime,
        };
        var notStarted = count - times.Count;
        return new Firing(flow, next, WithJitter(schedule, next), [.. times.Select((time, index) => new FiredRun(
            Guid.CreateVersion7(now), Payload(schedule, time, now, index == 0 ? notStarted : 0)))], notStarted);
    }

    private Schedule? ScheduleOf(DueSchedule flow)
    {
        if (_byVersion.Count >= MostKept)
            _byVersion.Clear();
        return _byVersion.GetOrAdd(flow.VersionId, static (_, trigger) => SchedulePlan.OfTrigger(trigger.ToElement()), flow.Trigger);
    }

    private static RawJson Payload(Schedule schedule, DateTimeOffset time, DateTimeOffset now, int missed)
    {
        var buffer = new ArrayBufferWriter<byte>(192);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("scheduledAt", time.ToUniversalTime());
            writer.WriteString("firedAt", now);
            writer.WriteString("timeZone", schedule.Zone.Id);
            writer.WriteNumber("missed", missed);
            writer.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} times of {Flows} scheduled flows had passed unseen and were not made up for")]
    private static partial void LogMissed(ILogger log, int count, int flows);
}
