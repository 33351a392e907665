using System.Text.Json;
using Flows.Api.Schedules;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Schedules;

public sealed class TimesOfASchedule
{
    private static readonly DateTimeOffset s_newYear = At("2026-01-01T00:00:00Z");

    [Theory]
    [InlineData("30 7 * * MON-FRI", "UTC", "2026-01-03T00:00:00Z", "2026-01-05T07:30:00Z", "2026-01-06T07:30:00Z")]
    [InlineData("*/15 * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z")]
    [InlineData("*/20 * * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:00:20Z", "2026-01-01T00:00:40Z")]
    [InlineData("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z")]
    [InlineData("0 9 L * *", "America/New_York", "2026-01-01T00:00:00Z", "2026-01-31T14:00:00Z", "2026-02-28T14:00:00Z")]
    // Berlin goes to summer time on 2026-03-29 at 02:00, and 02:30 does not exist on that day: it is taken at the change, 03:00 summer time.
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")]
    // And back on 2026-10-25 at 03:00: 02:30 comes twice, and an expression that names the hour is taken once, the first time …
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    // … while one that says every hour is taken both times.
    [InlineData("30 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")]
    public void A_cron_expression_is_read_on_the_clock_of_its_zone(string cron, string zone, string after, string first, string second)
    {
        var schedule = Cron(cron, zone);
        Assert.Equal([At(first), At(second)], schedule.After(At(after), 2));
    }

    [Fact]
    public void An_interval_goes_on_from_the_time_before_and_does_not_drift()
    {
        var schedule = Read("interval", """{ "every": "00:05:00" }""", out _)!;
        Assert.Equal([s_newYear.AddMinutes(5), s_newYear.AddMinutes(10), s_newYear.AddMinutes(15)], schedule.After(s_newYear, 3));
    }

    [Theory]
    [InlineData("cron", """{ "cron": "* * *" }""", "$.trigger.input.cron")]
    [InlineData("cron", """{ "cron": "61 * * * *" }""", "$.trigger.input.cron")]
    [InlineData("cron", """{ "cron": "0 0 30 2 *" }""", "$.trigger.input.cron")]
    [InlineData("cron", """{ "cron": "0 7 * * *", "timeZone": "Middle/Earth" }""", "$.trigger.input.timeZone")]
    [InlineData("cron", """{ "cron": "0 7 * * *", "timeZone": "../../etc/passwd" }""", "$.trigger.input.timeZone")]
    [InlineData("cron", """{ "cron": "0 7 * * *", "missed": "most" }""", "$.trigger.input.missed")]
    [InlineData("cron", """{ "cron": "0 7 * * *", "jitter": "-00:00:01" }""", "$.trigger.input.jitter")]
    [InlineData("interval", """{ "every": "00:00:00.5" }""", "$.trigger.input.every")]
    [InlineData("interval", """{ "every": "soon" }""", "$.trigger.input.every")]
    [InlineData("interval", """{ }""", "$.trigger.input.every")]
    public void What_cannot_be_a_schedule_is_told_with_the_field(string trigger, string input, string path)
    {
        Assert.Null(Read(trigger, input, out var problems));
        Assert.Equal(path, Assert.Single(problems).Path);
    }

    private static Schedule Cron(string cron, string zone) =>
        Read("cron", JsonSerializer.Serialize(new { cron, timeZone = zone }), out _) ?? throw new InvalidOperationException("Not a schedule.");

    private static Schedule? Read(string trigger, string input, out List<DefinitionProblem> problems)
    {
        problems = [];
        return Schedule.Read(new FlowTrigger("trigger", "schedule", trigger, JsonElement.Parse(input)), "$.trigger", problems);
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
