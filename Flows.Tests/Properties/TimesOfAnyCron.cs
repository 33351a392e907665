using System.Text.Json;
using CsCheck;
using Flows.Api.Schedules;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Properties;

/// <summary>Schedules that nobody wrote, held against a calendar that looks at every minute.</summary>
public sealed class TimesOfAnyCron
{
    private sealed record Field(string Text, bool[] Has);

    private sealed record Cron(Field Minute, Field Hour, Field Day, Field Month, Field Weekday)
    {
        public string Text => $"{Minute.Text} {Hour.Text} {Day.Text} {Month.Text} {Weekday.Text}";

        public bool Has(DateTimeOffset time) =>
            Minute.Has[time.Minute] && Hour.Has[time.Hour] && Day.Has[time.Day] && Month.Has[time.Month] && Weekday.Has[(int)time.DayOfWeek];
    }

    private static readonly Gen<Cron> s_cron = Gen.Select(Any(0, 59), Any(0, 23), Any(1, 31), Any(1, 12), Any(0, 6), (minute, hour, day, month, weekday) => new Cron(minute, hour, day, month, weekday));
    private static readonly Gen<DateTimeOffset> s_moment = Gen.Int[0, 60 * 24 * 365 * 12].Select(minutes => new DateTimeOffset(2024, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(minutes).AddSeconds(minutes % 60));

    [Fact]
    public void Its_times_are_those_that_its_fields_name_in_their_order_and_none_is_left_out() => Gen.Select(s_cron, s_moment).Holds(of =>
    {
        var (cron, moment) = of;
        if (Read(cron.Text, "UTC") is not { } schedule)
            return; // 30 February: refused at once
        var times = schedule.After(moment, 5);
        Assert.NotEmpty(times);
        var last = moment;
        foreach (var time in times)
        {
            Assert.True(time > last, $"{time:O} does not come after {last:O}.");
            Assert.True(cron.Has(time) && time.Second == 0, $"{time:O} is none of '{cron.Text}'.");
            // The whole way would take long where there are years between two times.
            for (var between = Next(last); between < time && between < last.AddDays(2); between = between.AddMinutes(1))
                Assert.False(cron.Has(between), $"{between:O} was left out.");
            last = time;
        }
    }, print: Print);

    [Fact]
    public void In_any_zone_its_times_go_forward_and_are_what_the_clock_there_says() =>
        Gen.Select(s_cron, s_moment, Gen.OneOf("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia")).Holds(of =>
        {
            var (cron, moment, name) = of;
            if (Read(cron.Text, name) is not { } schedule)
                return;
            var zone = TimeZoneInfo.FindSystemTimeZoneById(name);
            var last = moment;
            foreach (var time in schedule.After(moment, 5))
            {
                Assert.True(time > last, $"{time:O} does not come after {last:O}.");
                Assert.Equal(TimeSpan.Zero, time.Offset);
                // A time that the clock leaves out is taken when it jumps: some minute of the hours before it was named.
                var there = TimeZoneInfo.ConvertTime(time, zone);
                var jumped = there.Offset - TimeZoneInfo.ConvertTime(time.AddSeconds(-1), zone).Offset;
                Assert.True(cron.Has(there) || jumped > TimeSpan.Zero, $"{there:O} is none of '{cron.Text}'.");
                last = time;
            }
        });

    [Fact]
    public void An_interval_comes_again_after_itself() => Gen.Select(Gen.Int[1, 366 * 86_400], s_moment).Holds(of =>
    {
        var (seconds, moment) = of;
        var times = Of("interval", new { every = TimeSpan.FromSeconds(seconds).ToString("c") })!.After(moment, 3);
        Assert.Equal([1, 2, 3], times.Select(time => (int)Math.Round((time - moment).TotalSeconds / seconds)));
    });

    [Fact]
    public void Any_text_is_a_schedule_or_a_problem_of_its_input() => Gen.OneOf<string>(
        Gen.Char[' ', '~'].Array[0, 24].Select(letters => new string(letters)),
        Gen.OneOf("*", "*/5", "1-5", "L", "W", "15W", "1#2", "@daily", "@every", "?", "60", "-1", "99999999999", "*/0", "JAN", "MON-FRI", "\u0661").Array[0, 7].Select(parts => string.Join(' ', parts))).Holds(text =>
        {
            var problems = new List<DefinitionProblem>();
            var schedule = Schedule.Read(Trigger("cron", new { cron = text }), "$.trigger", problems);
            Assert.Equal(schedule is null, problems.Count > 0);
            Assert.All(problems, problem => Assert.Equal("$.trigger.input.cron", problem.Path));
        }, cases: 3_000);

    private static string Print((Cron, DateTimeOffset) of) => $"'{of.Item1.Text}' after {of.Item2:O}";

    private static DateTimeOffset Next(DateTimeOffset moment) => moment.AddSeconds(60 - moment.Second);

    private static Schedule? Read(string cron, string zone) => Of("cron", new { cron, timeZone = zone });

    private static Schedule? Of(string name, object input) => Schedule.Read(Trigger(name, input), "$.trigger", []);

    private static FlowTrigger Trigger(string name, object input) => new("trigger", "schedule", name, JsonSerializer.SerializeToElement(input));


    /// <summary>A field of one to three parts: a number, a range, every, or with steps.</summary>
    private static Gen<Field> Any(int least, int most)
    {
        var part = Gen.Select(Gen.Int[0, 5], Gen.Int[least, most], Gen.Int[least, most], Gen.Int[1, most]).Select((kind, a, b, step) =>
        {
            var (from, to) = (Math.Min(a, b), Math.Max(a, b));
            return kind switch
            {
                0 => Of($"{a}", n => n == a),
                1 => Of($"{from}-{to}", n => n >= from && n <= to),
                2 => Of($"{from}-{to}/{step}", n => n >= from && n <= to && (n - from) % step == 0),
                3 => Of($"*/{step}", n => n >= least && (n - least) % step == 0),
                _ => Of("*", _ => true),
            };
        });
        return part.Array[1, 3].Select(parts => new Field(string.Join(',', parts.Select(one => one.Text)), [.. Enumerable.Range(0, most + 1).Select(n => parts.Any(one => one.Has[n]))]));

        Field Of(string text, Func<int, bool> has) => new(text, [.. Enumerable.Range(0, most + 1).Select(n => n >= least && has(n))]);
    }
}
