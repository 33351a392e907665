using System.Globalization;

namespace Flows.Engine.Expressions;

/// <summary>Time zones by IANA name or offset.</summary>
internal static class Zones
{
    public static IEnumerable<string> Names => TimeZoneInfo.GetSystemTimeZones().Select(zone => zone.Id);

    /// <summary>Null when there is no such zone on this machine.</summary>
    public static TimeZoneInfo? Find(string name)
    {
        if (name is "UTC" or "Z" or "utc")
            return TimeZoneInfo.Utc;
        if (name.Length > 0 && name[0] is '+' or '-')
            return FromOffset(name);
        // The system looks for a file of that name, so only what can be a zone's name is passed on.
        return IsName(name) && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) ? zone : null;
    }

    private static TimeZoneInfo? FromOffset(string name)
    {
        if (!TimeSpan.TryParseExact(name.AsSpan(1), [@"hh\:mm", "hhmm", "hh"], CultureInfo.InvariantCulture, out var offset) || offset > TimeSpan.FromHours(14))
            return null;
        return TimeZoneInfo.CreateCustomTimeZone(name, name[0] == '-' ? -offset : offset, name, name);
    }

    private static bool IsName(string name)
    {
        if (name.Length is 0 or > 64 || !char.IsAsciiLetter(name[0]))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('/' or '_' or '-' or '+'))
                return false;
        }
        return true;
    }
}
