using System.Globalization;

namespace Flows.Engine.Expressions;

/// <summary>
/// A date is text in ISO 8601 with an offset, and is taken as such text, as a date alone (midnight UTC) or as a number of milliseconds
/// since 1970. A zone is a name such as 'Europe/Berlin', 'UTC', or an offset such as '+02:00'; with one, days and months are those of its clocks.
/// </summary>
internal static class DateFunctions
{
    private const string Units = "Units: year, quarter, month, week, day, hour, minute, second, millisecond; also with s.";

    public static IReadOnlyList<Function> All { get; } =
    [
        new("now(zone?)", "This moment, in UTC or a zone. The same wherever it is asked within one step.", call => Result(Moments.In(call, call.Context.Now, 0))),
        new("today(zone?)", "The date of today, such as '2026-03-01', in UTC or a zone.", call => Value.Of(Moments.In(call, call.Context.Now, 0).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture))),
        new("date(value, zone?)", "The date as ISO text. A value without an offset is taken to be in the zone, and one with an offset is moved to it.", Date, "toISOString"),
        new("parseDate(text, format, zone?)", "A date from text in a format such as 'DD.MM.YYYY HH:mm', in UTC or a zone.", ParseDate),
        new("formatDate(date, format, zone?)", "As text in a format: YYYY YY MMMM MMM MM M DD D dddd ddd HH H hh h mm m ss s SSS A a Z ZZ X x; other words in '…' or […].",
            call => call.Result(DateFormat.Of(call, call.Text(1)).Format(Moment(call, 0, 2)))),
        new("isDate(value)", "Whether it can be taken as a date.", call => Value.Of(call[0].IsText && Moments.TryParse(call[0].AsText, TimeZoneInfo.Utc, out _))),
        new("toZone(date, zone)", "The same moment with the clock of a zone.", call => Result(Moment(call, 0, 1))),
        new("dateAdd(date, amount, unit, zone?)", $"Later by an amount, or earlier when it is below 0. {Units}", Add, "addTime"),
        new("dateDiff(from, to, unit?)", "How many whole units lie between two dates, below 0 when 'to' is earlier; milliseconds unless given.", Diff),
        new("startOf(date, unit, zone?)", "The beginning of its year, month, week (Monday), day and so on.", call => Result(Start(call, 0))),
        new("endOf(date, unit, zone?)", "The last millisecond of its year, month, week, day and so on.", EndOf),
        new("year(date, zone?)", "Its year.", call => Value.Of(Moment(call, 0, 1).Year)),
        new("month(date, zone?)", "Its month, 1 to 12.", call => Value.Of(Moment(call, 0, 1).Month)),
        new("day(date, zone?)", "Its day of the month.", call => Value.Of(Moment(call, 0, 1).Day)),
        new("hour(date, zone?)", "Its hour, 0 to 23.", call => Value.Of(Moment(call, 0, 1).Hour)),
        new("minute(date, zone?)", "Its minute.", call => Value.Of(Moment(call, 0, 1).Minute)),
        new("second(date, zone?)", "Its second.", call => Value.Of(Moment(call, 0, 1).Second)),
        new("weekday(date, zone?)", "Its day of the week: 1 is Monday, 7 is Sunday.", call => Value.Of(Moments.Weekday(Moment(call, 0, 1).DateTime))),
        new("week(date, zone?)", "The number of its week by ISO 8601.", call => Value.Of(ISOWeek.GetWeekOfYear(Moment(call, 0, 1).DateTime))),
        new("dayOfYear(date, zone?)", "1 to 366.", call => Value.Of(Moment(call, 0, 1).DayOfYear)),
        new("daysInMonth(date, zone?)", "How many days its month has.", call => Value.Of(DateTime.DaysInMonth(Moment(call, 0, 1).Year, Moment(call, 0, 1).Month))),
        new("isLeapYear(date)", "Whether its year has a 29th of February.", call => Value.Of(DateTime.IsLeapYear(Moment(call, 0).Year))),
        new("isWeekend(date, zone?)", "Whether it is a Saturday or Sunday.", call => Value.Of(Moments.Weekday(Moment(call, 0, 1).DateTime) > 5)),
        new("isBefore(a, b)", "Whether the first moment is earlier.", call => Value.Of(Moment(call, 0) < Moment(call, 1))),
        new("isAfter(a, b)", "Whether the first moment is later.", call => Value.Of(Moment(call, 0) > Moment(call, 1))),
        new("isSame(a, b, unit?, zone?)", "Whether two moments are the same, or lie in the same year, month, day and so on.", IsSame),
        new("isBetween(date, from, to)", "Whether a moment is not before 'from' and before 'to'.", call => Value.Of(Moment(call, 0) >= Moment(call, 1) && Moment(call, 0) < Moment(call, 2))),
        new("earliest(...dates)", "The earliest of the dates or of one list; null for none.", call => Outermost(call, (a, b) => a < b)),
        new("latest(...dates)", "The latest of the dates or of one list; null for none.", call => Outermost(call, (a, b) => a > b)),
        new("addWorkdays(date, days, zone?)", "Later by that many days from Monday to Friday, or earlier when below 0.", AddWorkdays),
        new("toMilliseconds(date)", "Milliseconds since 1970 in UTC.", call => Value.Of(Moment(call, 0).ToUnixTimeMilliseconds()), "getTime", "Date.parse"),
        new("toSeconds(date)", "Seconds since 1970 in UTC.", call => Value.Of(Moment(call, 0).ToUnixTimeSeconds())),
        new("fromSeconds(number, zone?)", "The date that is that many seconds after 1970 in UTC.", FromSeconds),
        new("timestamp()", "This moment in milliseconds since 1970 in UTC.", call => Value.Of(call.Context.Now.ToUnixTimeMilliseconds()), "Date.now"),
    ];

    private static Value Result(DateTimeOffset moment) => Value.Of(Moments.Text(moment));

    private static DateTimeOffset Moment(FunctionCall call, int index, int zone = int.MaxValue) =>
        Moments.In(call, Moments.Of(call, index, zone), zone);

    private static Value Guarded(FunctionCall call, Func<DateTimeOffset> work)
    {
        try
        {
            return Result(work());
        }
        catch (Exception error) when (error is ArgumentOutOfRangeException or OverflowException)
        {
            throw call.Fail("the result is outside of the years 1 to 9999", error);
        }
    }

    private static Value Date(FunctionCall call) => Result(Moment(call, 0, 1));

    private static Value ParseDate(FunctionCall call)
    {
        var zone = Moments.Zone(call, 2) ?? TimeZoneInfo.Utc;
        return DateFormat.Of(call, call.Text(1)).TryParse(call.Text(0), zone, out var moment)
            ? Result(Moments.In(call, moment, 2))
            : throw call.Fail($"{call.Show(call[0])} is not a date in the format '{Shown.Cut(call.Text(1))}'");
    }

    private static Value Add(FunctionCall call)
    {
        var (moment, unit) = (Moment(call, 0, 3), Moments.UnitOf(call, 2));
        var amount = call.NumberValue(1);
        if (unit >= DateUnit.Day && !amount.IsInteger)
            throw call.Fail($"years to days are not divided: the amount has to be a whole number, found {amount}");
        return Guarded(call, () => Moments.Add(moment, amount, unit, Moments.Zone(call, 3)));
    }

    private static Value Diff(FunctionCall call)
    {
        var (from, to) = (Moment(call, 0), Moment(call, 1));
        return Value.Of(Moments.Between(from, to, call.Has(2) ? Moments.UnitOf(call, 2) : DateUnit.Millisecond));
    }

    private static DateTimeOffset Start(FunctionCall call, int index, int unit = 1, int zone = 2) =>
        Moments.StartOf(Moment(call, index, zone), Moments.UnitOf(call, unit), Moments.Zone(call, zone));

    private static Value EndOf(FunctionCall call)
    {
        var (start, zone) = (Start(call, 0), Moments.Zone(call, 2));
        return Guarded(call, () => Moments.Add(start, Value.Of(1L), Moments.UnitOf(call, 1), zone).AddMilliseconds(-1));
    }

    private static Value IsSame(FunctionCall call)
    {
        if (!call.Has(2))
            return Value.Of(Moment(call, 0) == Moment(call, 1));
        // Without a zone both are seen on the clock of the first.
        var (a, b, unit, zone) = (Moment(call, 0, 3), Moment(call, 1, 3), Moments.UnitOf(call, 2), Moments.Zone(call, 3));
        return Value.Of(Moments.StartOf(a, unit, zone) == Moments.StartOf(b.ToOffset(zone is null ? a.Offset : b.Offset), unit, zone));
    }

    private static Value Outermost(FunctionCall call, Func<DateTimeOffset, DateTimeOffset, bool> isBetter)
    {
        var values = call.Count == 1 && call[0].Kind == ValueKind.List ? call.List(0) : call.From(0);
        var (best, bestMoment) = (Value.Null, default(DateTimeOffset));
        foreach (var value in values)
        {
            var moment = Moments.Of(call, value, TimeZoneInfo.Utc) ?? throw call.Fail($"expected dates, found {call.Show(value)}");
            if (best.IsNull || isBetter(moment, bestMoment))
                (best, bestMoment) = (value, moment);
        }
        return best;
    }

    private static Value AddWorkdays(FunctionCall call)
    {
        var (moment, days, zone) = (Moment(call, 0, 2), call.Integer(1, -100_000, 100_000), Moments.Zone(call, 2));
        return Guarded(call, () =>
        {
            var (direction, shift, local) = (Math.Sign(days), 0, moment.DateTime);
            for (var left = Math.Abs(days); left > 0;)
            {
                shift += direction;
                if (Moments.Weekday(local.AddDays(shift)) <= 5)
                    left--;
            }
            call.Context.Step(Math.Abs(shift));
            return Moments.Add(moment, Value.Of(shift), DateUnit.Day, zone);
        });
    }

    private static Value FromSeconds(FunctionCall call)
    {
        var seconds = call.Number(0);
        return Guarded(call, () => Moments.In(call, DateTimeOffset.UnixEpoch.AddSeconds(seconds), 1));
    }
}
