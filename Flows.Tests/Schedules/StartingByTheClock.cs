using Flows.Api.Migrations;
using Flows.Api.Runs;
using Flows.Api.Schedules;
using Flows.Tests.Runs;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Schedules;

[Collection(Platform.Databases)]
public sealed class StartingByTheClock(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    private static readonly DateTimeOffset s_start = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Of_two_replicas_that_look_at_the_same_time_each_time_is_taken_by_one()
    {
        var clock = new ManualClock(s_start);
        var flows = new List<Guid>();
        for (var i = 0; i < 300; i++)
            flows.Add(await ScheduledAsync("""{ "cron": "* * * * *" }""", s_start.AddMinutes(1)));

        clock.Advance(TimeSpan.FromMinutes(1));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Clock(clock).SweepAsync(default)));
        Assert.Equal((300L, 300L), await RunsOfAsync(flows));

        clock.Advance(TimeSpan.FromMinutes(1));
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Clock(clock).SweepAsync(default)));
        Assert.Equal((600L, 300L), await RunsOfAsync(flows));
    }

    [Theory]
    [InlineData("once", 1, 119)]
    [InlineData("skip", 0, 0)]
    [InlineData("all", 100, 0)]
    public async Task What_passed_while_nobody_looked_is_made_up_for_as_the_trigger_says(string missed, int runs, int told)
    {
        var clock = new ManualClock(s_start);
        var flow = await ScheduledAsync($$"""{ "cron": "* * * * *", "missed": "{{missed}}" }""", s_start.AddMinutes(1));

        // Two hours later, half a minute past the minute: 120 times have passed, and the last one is half a minute old, which is still in time.
        clock.Advance(TimeSpan.FromMinutes(120.5));
        await Clock(clock, missedAfter: TimeSpan.FromSeconds(10)).SweepAsync(default);

        Assert.Equal(runs, (await RunsOfAsync([flow])).Runs);
        if (told > 0)
        {
            Assert.Equal($"{told} 2026-05-04T14:00:00+00:00", await database.ValueAsync<string>(
                "SELECT (trigger ->> 'missed') || ' ' || (trigger ->> 'scheduledAt') FROM runs WHERE flow_id = $1", flow));
        }
        Assert.Equal(s_start.AddMinutes(121), await DueAsync(flow));
    }

    [Fact]
    public async Task A_time_that_is_hardly_late_starts_its_run_whatever_is_said_of_missed_ones()
    {
        var clock = new ManualClock(s_start);
        var flow = await ScheduledAsync("""{ "cron": "* * * * *", "missed": "skip" }""", s_start.AddMinutes(1));
        clock.Advance(TimeSpan.FromSeconds(95));
        await Clock(clock).SweepAsync(default);
        Assert.Equal(1, (await RunsOfAsync([flow])).Runs);
    }

    [Fact]
    public async Task A_jitter_puts_each_start_off_by_a_part_of_it_and_the_times_stay_what_they_are()
    {
        var clock = new ManualClock(s_start);
        var flows = new List<Guid>();
        for (var i = 0; i < 40; i++)
            flows.Add(await ScheduledAsync("""{ "cron": "0 * * * *", "jitter": "00:30:00" }""", s_start.AddHours(1)));
        clock.Advance(TimeSpan.FromHours(1));
        await Clock(clock).SweepAsync(default); // those of the first hour were due without any
        Assert.Equal((40L, 40L), await RunsOfAsync(flows));

        var second = s_start.AddHours(2);
        var fires = await database.ValueAsync<DateTime[]>("SELECT array_agg(fire_at ORDER BY fire_at) FROM schedules WHERE flow_id = ANY($1)", flows.ToArray());
        Assert.All(fires, fire => Assert.InRange(new DateTimeOffset(fire), second, second.AddMinutes(30)));
        Assert.True(fires.Distinct().Count() > 30, "They all start at the same moment.");
        foreach (var flow in flows)
            Assert.Equal(second, await DueAsync(flow));

        // Half of them are put off further than the first half; none starts before its time, and each says the time that was meant.
        clock.Advance(new DateTimeOffset(fires[20]) - clock.GetUtcNow());
        await Clock(clock).SweepAsync(default);
        Assert.Equal((61L, 40L), await RunsOfAsync(flows));
        clock.Advance(second.AddMinutes(30) - clock.GetUtcNow());
        await Clock(clock).SweepAsync(default);
        Assert.Equal((80L, 40L), await RunsOfAsync(flows));
        Assert.Equal(40L, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE flow_id = ANY($1) AND trigger ->> 'scheduledAt' = '2026-05-04T14:00:00+00:00'", flows.ToArray()));
    }

    [Fact]
    public async Task A_disabled_flow_is_left_alone()
    {
        var clock = new ManualClock(s_start);
        var flow = await ScheduledAsync("""{ "cron": "* * * * *" }""", s_start.AddMinutes(1));
        await database.ExecuteAsync("UPDATE flows SET enabled = false WHERE id = $1", flow);
        clock.Advance(TimeSpan.FromMinutes(5));
        await Clock(clock).SweepAsync(default);
        Assert.Equal(0, (await RunsOfAsync([flow])).Runs);
    }

    private ScheduleClock Clock(ManualClock clock, TimeSpan? missedAfter = null)
    {
        var bells = new RunBells(new RecordingQueue(), clock, NullLogger<RunBells>.Instance);
        var options = Options.Create(new ScheduleOptions { MissedAfter = missedAfter ?? TimeSpan.FromMinutes(1) });
        return new ScheduleClock(new ScheduleStore(database.Store(clock), database.Source), bells, options, RunsDatabase.Metrics, new SchemaState(), clock, NullLogger<ScheduleClock>.Instance);
    }

    private async Task<Guid> ScheduledAsync(string input, DateTimeOffset due)
    {
        var (flow, _) = await database.PublishAsync(
            $$"""{ "schema": 1, "trigger": { "name": "trigger", "piece": "schedule", "event": "cron", "input": {{input}} }, "steps": [] }""");
        await database.ExecuteAsync("INSERT INTO schedules (flow_id, times, time_zone, due_at, fire_at) VALUES ($1, '* * * * *', 'UTC', $2, $2)", flow, due);
        return flow;
    }

    private async Task<(long Runs, long Flows)> RunsOfAsync(IReadOnlyList<Guid> flows) => (
        await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE flow_id = ANY($1)", flows.ToArray()),
        await database.ValueAsync<long>("SELECT count(DISTINCT flow_id) FROM runs WHERE flow_id = ANY($1)", flows.ToArray()));

    private async Task<DateTimeOffset> DueAsync(Guid flow) =>
        new(await database.ValueAsync<DateTime>("SELECT due_at FROM schedules WHERE flow_id = $1", flow), TimeSpan.Zero);
}
