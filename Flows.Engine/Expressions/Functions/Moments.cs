using System.Globalization;
using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>Below Day a unit is a length of time; from Day on it is a step on a clock's calendar.</summary>
internal enum DateUnit { Millisecond, Second, Minute, Hour, Day, Week, Month, Quarter, Year }

/// <summary>Dates: read from values, moved on the calendar of a zone, written as ISO text.</summary>
internal static class Moments
{
    private static readonly string[] s_forms =
    [
        "yyyy-MM-dd", "yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ss.FFFFFFF",
        "yyyy-MM-ddTHH:mmK", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK",
        "yyyyMMdd", "yyyyMMddTHHmmss", "yyyyMMddTHHmmssK",
    ];

    /// <summary>ISO 8601 with Z for UTC; the fraction of a second only when there is one.</summary>
    public static string Text(DateTimeOffset moment) =>
        moment.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF", CultureInfo.InvariantCulture).TrimEnd('.')
        + (moment.Offset == TimeSpan.Zero ? "Z" : moment.ToString("zzz", CultureInfo.InvariantCulture));

    public static bool TryParse(string text, TimeZoneInfo zone, out DateTimeOffset moment)
    {
        moment = default;
        if (text.Length is < 8 or > 40)
            return false;
        var form = text.Trim();
        // As databases write it: 2026-03-01 10:00:00+02.
        if (form.Length > 10 && form[10] == ' ')
            form = string.Concat(form.AsSpan(0, 10), "T", form.AsSpan(11).Trim());
        if (form.Length > 13 && form[^3] is '+' or '-' && form.Contains(':', StringComparison.Ordinal))
            form += ":00";
        if (DateTime.TryParseExact(form, s_forms, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var local) && local.Kind == DateTimeKind.Unspecified)
            return TryAtLocal(local, zone, out moment);
        return DateTimeOffset.TryParseExact(form, s_forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out moment)
            || DateTimeOffset.TryParseExact(form, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out moment);
    }

    /// <summary>The argument as a date; one without an offset is in the zone, else in UTC.</summary>
    public static DateTimeOffset Of(FunctionCall call, int index, int zone = int.MaxValue) =>
        Of(call, call[index], Zone(call, zone) ?? TimeZoneInfo.Utc) ?? throw call.Wrong(index, "a date such as '2026-03-01T10:00:00Z'");

    public static DateTimeOffset? Of(FunctionCall call, Value value, TimeZoneInfo zone)
    {
        call.Context.Step();
        if (value.TryGetText(out var text))
            return TryParse(text, zone, out var moment) ? moment : null;
        return OfMilliseconds(value);
    }

    /// <summary>A number of milliseconds since 1970, within the years 1 to 9999; null for any other value.</summary>
    public static DateTimeOffset? OfMilliseconds(Value value) =>
        value.IsNumber && value.AsDouble is >= -62135596800000d and <= 253402300799999d ? DateTimeOffset.UnixEpoch.AddMilliseconds(value.AsDouble) : null;

    /// <summary>The same moment on the clock of the zone that is the argument; unchanged when it is left out.</summary>
    public static DateTimeOffset In(FunctionCall call, DateTimeOffset moment, int zone) =>
        Zone(call, zone) is { } found ? TimeZoneInfo.ConvertTime(moment, found) : moment;

    public static TimeZoneInfo? Zone(FunctionCall call, int index)
    {
        if (!call.Has(index))
            return null;
        var name = call.Text(index);
        return Zones.Find(name) ?? throw call.Fail($"there is no time zone '{Shown.Cut(name)}'.{NearestName.Question(name, Zones.Names)}");
    }

    public static DateUnit UnitOf(FunctionCall call, int index)
    {
        var text = call.Text(index);
        foreach (var unit in Enum.GetValues<DateUnit>())
        {
            var name = unit.ToString();
            if (text.Equals(name, StringComparison.OrdinalIgnoreCase) || (text.Length == name.Length + 1 && text.EndsWith('s') && text.StartsWith(name, StringComparison.OrdinalIgnoreCase)))
                return unit;
        }
        throw call.Wrong(index, "a unit: year, quarter, month, week, day, hour, minute, second or millisecond");
    }

    /// <exception cref="ArgumentOutOfRangeException">Beyond the years 1 to 9999.</exception>
    public static DateTimeOffset Add(DateTimeOffset moment, Value amount, DateUnit unit, TimeZoneInfo? zone)
    {
        if (unit < DateUnit.Day)
        {
            var later = moment.AddMilliseconds(amount.AsDouble * Milliseconds(unit));
            return zone is null ? later : TimeZoneInfo.ConvertTime(later, zone);
        }
        amount.TryGetInteger(out var count);
        var whole = checked((int)(Math.Clamp(count, -100_000_000, 100_000_000) * (unit switch { DateUnit.Week => 7, DateUnit.Quarter => 3, DateUnit.Year => 12, _ => 1 })));
        var local = unit is DateUnit.Day or DateUnit.Week ? moment.DateTime.AddDays(whole) : moment.DateTime.AddMonths(whole);
        return zone is null ? new DateTimeOffset(local, moment.Offset) : AtLocal(local, zone);
    }

    public static DateTimeOffset StartOf(DateTimeOffset moment, DateUnit unit, TimeZoneInfo? zone)
    {
        var local = moment.DateTime;
        if (unit < DateUnit.Day)
            return moment.AddTicks(-(local.Ticks % ((long)Milliseconds(unit) * TimeSpan.TicksPerMillisecond)));
        local = unit switch
        {
            DateUnit.Day => local.Date,
            DateUnit.Week => local.Ticks / TimeSpan.TicksPerDay < 7 ? DateTime.MinValue : local.Date.AddDays(1 - Weekday(local)),
            DateUnit.Month => new DateTime(local.Year, local.Month, 1),
            DateUnit.Quarter => new DateTime(local.Year, (local.Month - 1) / 3 * 3 + 1, 1),
            _ => new DateTime(local.Year, 1, 1),
        };
        return zone is null ? WithOffset(local, moment.Offset) : AtLocal(local, zone);
    }

    /// <summary>Whole units from one moment to the other, toward 0.</summary>
    public static long Between(DateTimeOffset from, DateTimeOffset to, DateUnit unit)
    {
        if (unit < DateUnit.Month)
        {
            var length = unit switch { DateUnit.Day => 24 * 60 * 60 * 1000d, DateUnit.Week => 7 * 24 * 60 * 60 * 1000d, _ => Milliseconds(unit) };
            return (to - from).Ticks / (long)(length * TimeSpan.TicksPerMillisecond);
        }
        if (from > to)
            return -Between(to, from, unit);
        var end = to.ToOffset(from.Offset);
        var months = (end.Year - from.Year) * 12 + end.Month - from.Month;
        // Not yet a whole month while the day and time of the start have not come again; the 31st comes on the last day of a short month.
        if (months > 0 && from.DateTime.AddMonths(months) > end.DateTime)
            months--;
        return months / unit switch { DateUnit.Month => 1, DateUnit.Quarter => 3, _ => 12 };
    }

    public static int Weekday(DateTime date) => date.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)date.DayOfWeek;

    public static bool TryAtLocal(DateTime local, TimeZoneInfo zone, out DateTimeOffset moment)
    {
        try
        {
            moment = AtLocal(local, zone);
            return true;
        }
        catch (ArgumentOutOfRangeException)
        {
            moment = default;
            return false;
        }
    }

    /// <summary>The moment at which a zone's clocks show a time. One that is left out in spring counts as after the change, one that comes twice as the first.</summary>
    private static DateTimeOffset AtLocal(DateTime local, TimeZoneInfo zone)
    {
        local = DateTime.SpecifyKind(local, DateTimeKind.Unspecified);
        if (zone.IsInvalidTime(local))
        {
            var before = zone.GetUtcOffset(local.AddDays(-1));
            return TimeZoneInfo.ConvertTime(new DateTimeOffset(local, before), zone);
        }
        return WithOffset(local, zone.IsAmbiguousTime(local) ? zone.GetAmbiguousTimeOffsets(local).Max() : zone.GetUtcOffset(local));
    }

    // At the edges of the calendar an offset can lead out of it.
    private static DateTimeOffset WithOffset(DateTime local, TimeSpan offset) =>
        local.Ticks - offset.Ticks >= 0 && local.Ticks - offset.Ticks <= DateTime.MaxValue.Ticks ? new DateTimeOffset(local, offset) : new DateTimeOffset(local, TimeSpan.Zero);

    private static double Milliseconds(DateUnit unit) => unit switch
    {
        DateUnit.Millisecond => 1,
        DateUnit.Second => 1000,
        DateUnit.Minute => 60_000,
        _ => 3_600_000,
    };
}
