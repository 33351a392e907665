using System.Globalization;

namespace Flows.Contracts.Definitions;

/// <summary>Time spans as definitions write them: <c>[d.]hh:mm:ss[.fff]</c>, so <c>00:00:30</c> or <c>2.00:00:00</c>. Never negative.</summary>
public static class TimeText
{
    public const string Form = "[d.]hh:mm:ss";

    private static readonly string[] s_forms = [@"hh\:mm\:ss", @"d\.hh\:mm\:ss", @"hh\:mm\:ss\.FFFFFFF", @"d\.hh\:mm\:ss\.FFFFFFF"];

    public static bool TryParse(string text, out TimeSpan span) =>
        TimeSpan.TryParseExact(text, s_forms, CultureInfo.InvariantCulture, out span);

    public static string Of(TimeSpan span) => span.ToString("c", CultureInfo.InvariantCulture);
}
