using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Flows.Engine.Expressions;

/// <summary>
/// A format for dates, as dayjs and Luxon users write them. YYYY (yyyy) year, YY (yy), MMMM March, MMM Mar, MM, M month, DD (dd), D (d) day,
/// dddd (EEEE) Monday, ddd (EEE) Mon, HH, H hour of 24, hh, h hour of 12, mm, m minute, ss, s second, SSS (fff) milliseconds, A AM, a am,
/// Z (zzz) +02:00, ZZ +0200, X seconds and x milliseconds since 1970. Text in '…' or […] and all other characters stand for themselves.
/// </summary>
internal sealed class DateFormat
{
    private static readonly string[] s_tokens =
    [
        "YYYY", "yyyy", "MMMM", "dddd", "EEEE", "MMM", "ddd", "EEE", "SSS", "fff", "zzz", "YY", "yy", "MM", "DD", "dd", "HH", "hh", "mm", "ss",
        "ZZ", "tt", "M", "D", "d", "H", "h", "m", "s", "A", "a", "Z", "X", "x",
    ];

    private static readonly ConcurrentDictionary<string, DateFormat> s_formats = new(StringComparer.Ordinal);
    private static readonly DateTimeFormatInfo s_names = CultureInfo.InvariantCulture.DateTimeFormat;

    private readonly List<(string? Token, string Text)> _parts = [];

    private DateFormat(string format)
    {
        for (var i = 0; i < format.Length;)
        {
            if (format[i] is '\'' or '[' && format.IndexOf(format[i] == '[' ? ']' : '\'', i + 1) is var close && close > i)
            {
                _parts.Add((null, format[(i + 1)..close]));
                i = close + 1;
                continue;
            }
            var token = s_tokens.FirstOrDefault(token => format.AsSpan(i).StartsWith(token, StringComparison.Ordinal));
            _parts.Add((token switch { "yyyy" => "YYYY", "yy" => "YY", "EEEE" => "dddd", "EEE" => "ddd", "fff" => "SSS", "zzz" => "Z", "dd" => "DD", "d" => "D", "tt" => "A", _ => token }, format[i].ToString()));
            i += token?.Length ?? 1;
        }
    }

    public static DateFormat Of(FunctionCall call, string format)
    {
        if (format.Length is 0 or > 100)
            throw call.Fail("a format has 1 to 100 characters");
        if (s_formats.TryGetValue(format, out var known))
            return known;
        if (s_formats.Count >= 200)
            s_formats.Clear();
        return s_formats[format] = new DateFormat(format);
    }

    public string Format(DateTimeOffset date)
    {
        var result = new StringBuilder();
        foreach (var (token, text) in _parts)
            result.Append(token is null ? text : Format(token, date));
        return result.ToString();
    }

    private static string Format(string token, DateTimeOffset date)
    {
        var hour12 = date.Hour % 12 == 0 ? 12 : date.Hour % 12;
        FormattableString text = token switch
        {
            "YYYY" => $"{date.Year:0000}",
            "YY" => $"{date.Year % 100:00}",
            "MMMM" => $"{s_names.GetMonthName(date.Month)}",
            "MMM" => $"{s_names.GetAbbreviatedMonthName(date.Month)}",
            "MM" => $"{date.Month:00}",
            "M" => $"{date.Month}",
            "DD" => $"{date.Day:00}",
            "D" => $"{date.Day}",
            "dddd" => $"{s_names.GetDayName(date.DayOfWeek)}",
            "ddd" => $"{s_names.GetAbbreviatedDayName(date.DayOfWeek)}",
            "HH" => $"{date.Hour:00}",
            "H" => $"{date.Hour}",
            "hh" => $"{hour12:00}",
            "h" => $"{hour12}",
            "mm" => $"{date.Minute:00}",
            "m" => $"{date.Minute}",
            "ss" => $"{date.Second:00}",
            "s" => $"{date.Second}",
            "SSS" => $"{date.Millisecond:000}",
            "A" => $"{(date.Hour < 12 ? "AM" : "PM")}",
            "a" => $"{(date.Hour < 12 ? "am" : "pm")}",
            "Z" => $"{date:zzz}",
            "ZZ" => $"{(date.Offset < TimeSpan.Zero ? "-" : "+")}{date.Offset:hhmm}",
            "X" => $"{date.ToUnixTimeSeconds()}",
            _ => $"{date.ToUnixTimeMilliseconds()}",
        };
        return text.ToString(CultureInfo.InvariantCulture);
    }

    public bool TryParse(string text, TimeZoneInfo zone, out DateTimeOffset moment)
    {
        moment = default;
        var found = new DateParts();
        var rest = text.AsSpan().Trim();
        foreach (var (token, literal) in _parts)
        {
            if (token is null ? !DateParts.Take(ref rest, literal) : !found.TakeToken(ref rest, token))
                return false;
        }
        return rest.IsEmpty && found.TryBuild(zone, out moment);
    }
}
