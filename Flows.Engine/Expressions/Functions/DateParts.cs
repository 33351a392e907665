using System.Globalization;

namespace Flows.Engine.Expressions;

/// <summary>What a format has found in a text so far.</summary>
internal sealed class DateParts
{
    private static readonly DateTimeFormatInfo s_names = CultureInfo.InvariantCulture.DateTimeFormat;

    private int _year = 1970, _month = 1, _day = 1, _hour, _minute, _second, _millisecond;
    private bool? _afternoon;
    private TimeSpan? _offset;
    private DateTimeOffset? _moment;

    public static bool Take(ref ReadOnlySpan<char> rest, string literal)
    {
        if (!rest.StartsWith(literal, StringComparison.Ordinal))
            return false;
        rest = rest[literal.Length..];
        return true;
    }

    /// <summary>Takes what the token stands for off the front.</summary>
    public bool TakeToken(ref ReadOnlySpan<char> rest, string token) => token switch
    {
        "YYYY" => Number(ref rest, 4, 4, out _year),
        "YY" => Number(ref rest, 2, 2, out _year) && (_year += _year < 70 ? 2000 : 1900) > 0,
        "MM" => Number(ref rest, 2, 2, out _month),
        "M" => Number(ref rest, 1, 2, out _month),
        "MMMM" => Name(ref rest, s_names.MonthNames, out _month),
        "MMM" => Name(ref rest, s_names.AbbreviatedMonthNames, out _month),
        "DD" => Number(ref rest, 2, 2, out _day),
        "D" => Number(ref rest, 1, 2, out _day),
        "dddd" => Name(ref rest, s_names.DayNames, out _),
        "ddd" => Name(ref rest, s_names.AbbreviatedDayNames, out _),
        "HH" or "hh" => Number(ref rest, 2, 2, out _hour),
        "H" or "h" => Number(ref rest, 1, 2, out _hour),
        "mm" => Number(ref rest, 2, 2, out _minute),
        "m" => Number(ref rest, 1, 2, out _minute),
        "ss" => Number(ref rest, 2, 2, out _second),
        "s" => Number(ref rest, 1, 2, out _second),
        "SSS" => Number(ref rest, 3, 3, out _millisecond),
        "A" or "a" => HalfOfDay(ref rest),
        "Z" or "ZZ" => Offset(ref rest),
        "X" => Since1970(ref rest, 1000),
        _ => Since1970(ref rest, 1),
    };

    public bool TryBuild(TimeZoneInfo zone, out DateTimeOffset moment)
    {
        moment = _moment ?? default;
        if (_moment is not null)
            return true;
        if (_afternoon is { } afternoon)
        {
            if (_hour is < 1 or > 12)
                return false;
            _hour = _hour % 12 + (afternoon ? 12 : 0);
        }
        if (_year is < 1 or > 9999 || _month is < 1 or > 12 || _day < 1 || _day > DateTime.DaysInMonth(_year, _month) || _hour > 23 || _minute > 59 || _second > 59)
            return false;
        var local = new DateTime(_year, _month, _day, _hour, _minute, _second, _millisecond);
        if (_offset is not { } offset)
            return Moments.TryAtLocal(local, zone, out moment);
        if (local.Ticks - offset.Ticks is < 0 or > 3155378975999999999)
            return false;
        moment = new DateTimeOffset(local, offset);
        return true;
    }

    private static bool Number(ref ReadOnlySpan<char> rest, int least, int most, out int number)
    {
        var length = 0;
        while (length < most && length < rest.Length && char.IsAsciiDigit(rest[length]))
            length++;
        number = 0;
        if (length < least)
            return false;
        number = int.Parse(rest[..length], NumberStyles.None, CultureInfo.InvariantCulture);
        rest = rest[length..];
        return true;
    }

    private static bool Name(ref ReadOnlySpan<char> rest, string[] names, out int number)
    {
        for (number = 1; number <= names.Length; number++)
        {
            var name = names[number - 1];
            if (name.Length == 0 || !rest.StartsWith(name, StringComparison.OrdinalIgnoreCase))
                continue;
            rest = rest[name.Length..];
            return true;
        }
        return false;
    }

    private bool HalfOfDay(ref ReadOnlySpan<char> rest)
    {
        if (rest.Length < 2 || char.ToLowerInvariant(rest[1]) != 'm' || char.ToLowerInvariant(rest[0]) is not ('a' or 'p'))
            return false;
        _afternoon = char.ToLowerInvariant(rest[0]) == 'p';
        rest = rest[2..];
        return true;
    }

    private bool Offset(ref ReadOnlySpan<char> rest)
    {
        if (Take(ref rest, "Z"))
        {
            _offset = TimeSpan.Zero;
            return true;
        }
        if (rest.IsEmpty || rest[0] is not ('+' or '-'))
            return false;
        var sign = rest[0] == '-' ? -1 : 1;
        rest = rest[1..];
        if (!Number(ref rest, 2, 2, out var hours))
            return false;
        Take(ref rest, ":");
        if (!Number(ref rest, 2, 2, out var minutes) || hours > 14 || minutes > 59 || hours * 60 + minutes > 14 * 60)
            return false;
        _offset = sign * new TimeSpan(hours, minutes, 0);
        return true;
    }

    private bool Since1970(ref ReadOnlySpan<char> rest, int factor)
    {
        var length = rest.IndexOfAnyExceptInRange('0', '9');
        length = length < 0 ? rest.Length : length;
        if (length is 0 or > 15 || !long.TryParse(rest[..length], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number * factor > 253402300799999)
            return false;
        _moment = DateTimeOffset.FromUnixTimeMilliseconds(number * factor);
        rest = rest[length..];
        return true;
    }
}
