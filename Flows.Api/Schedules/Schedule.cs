using System.Globalization;
using System.Text.Json;
using Cronos;
using Flows.Contracts.Definitions;

namespace Flows.Api.Schedules;

/// <summary>What becomes of times that passed while nobody was there to see them. The numbers are stored.</summary>
internal enum MissedTimes { Once = 0, Skip = 1, All = 2 }

/// <summary>
/// The times at which a flow starts: those of a cron expression on the clock of a time zone, or an interval. On the day when the clock goes
/// forward, a time that it leaves out is taken at the moment of the change; when it goes back, an hour that comes twice is taken once by an
/// expression that names hours and both times by one that says every (<c>*</c>, <c>*/n</c>). That is what Cronos does, and the tests say so.
/// </summary>
internal sealed class Schedule
{
    private const string Piece = "schedule";
    private static readonly TimeSpan s_longestJitter = TimeSpan.FromHours(24);

    private readonly CronExpression? _cron;
    private readonly TimeSpan _every;

    private Schedule(CronExpression? cron, TimeSpan every, TimeZoneInfo zone, MissedTimes missed, TimeSpan jitter, string text) =>
        (_cron, _every, Zone, Missed, Jitter, Text) = (cron, every, zone, missed, jitter, text);

    public TimeZoneInfo Zone { get; }
    public MissedTimes Missed { get; }
    /// <summary>Each start is put off by a random part of this.</summary>
    public TimeSpan Jitter { get; }
    /// <summary>The expression, or the interval; with the zone it says whether two schedules have the same times.</summary>
    public string Text { get; }

    /// <summary>The next time after a moment, in UTC; null when there is none any more.</summary>
    public DateTimeOffset? After(DateTimeOffset moment) =>
        _cron is not null ? _cron.GetNextOccurrence(moment, Zone)?.ToUniversalTime() : moment + _every;

    /// <summary>The times after a moment, at most so many.</summary>
    public IReadOnlyList<DateTimeOffset> After(DateTimeOffset moment, int count)
    {
        var times = new List<DateTimeOffset>(count);
        while (times.Count < count && After(moment) is { } next)
            times.Add(moment = next);
        return times;
    }

    /// <summary>Reads the trigger of a definition. Null: the flow is not started by the clock, or the trigger has problems, which are added.</summary>
    /// <param name="path">JSON path of the trigger.</param>
    public static Schedule? Read(FlowTrigger trigger, string path, List<DefinitionProblem> problems)
    {
        if (trigger.Piece != Piece)
            return null;
        var before = problems.Count;
        string? Input(string name) => trigger.Input.ValueKind == JsonValueKind.Object && trigger.Input.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        void Problem(string name, string message) => problems.Add(new DefinitionProblem($"{path}.input.{name}", message));

        CronExpression? cron = null;
        var every = TimeSpan.Zero;
        var text = "";
        if (trigger.Event == "cron")
            cron = ReadCron(text = Input("cron") ?? "", message => Problem("cron", message));
        else if (!TryReadTime(text = Input("every") ?? "", out every) || every < TimeSpan.FromSeconds(1) || every > TimeSpan.FromDays(366))
            Problem("every", $"It must be a time from 00:00:01 to 366.00:00:00, such as 00:05:00; found '{text}'.");

        var zoneName = Input("timeZone") ?? "UTC";
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(zoneName, out var zone) || !zone.HasIanaId)
            Problem("timeZone", $"There is no time zone '{zoneName}'; it must be an IANA name such as Europe/Berlin.");
        if (!Enum.TryParse<MissedTimes>(Input("missed") ?? "once", ignoreCase: true, out var missed) || !Enum.IsDefined(missed))
            Problem("missed", "It must be once, skip or all.");
        if (!TryReadTime(Input("jitter") ?? "00:00:00", out var jitter) || jitter < TimeSpan.Zero || jitter > s_longestJitter)
            Problem("jitter", "It must be a time from 00:00:00 to 1.00:00:00, such as 00:00:30.");
        return problems.Count == before ? new Schedule(cron, every, zone!, missed, jitter, text) : null;
    }

    private static CronExpression? ReadCron(string text, Action<string> problem)
    {
        var fields = text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (text.Length > 200 || (fields.Length is not (5 or 6) && !(fields is [['@', ..]])))
        {
            problem($"A cron expression has five fields (minute hour day month weekday), or six with seconds first; found {(text.Length == 0 ? "none" : fields.Length)}.");
            return null;
        }
        try
        {
            var cron = CronExpression.Parse(text, fields.Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
            if (cron.GetNextOccurrence(DateTimeOffset.UnixEpoch, TimeZoneInfo.Utc) is null)
                problem($"'{text}' names a day that never comes.");
            return cron;
        }
        catch (CronFormatException error)
        {
            problem($"'{text}' is not a cron expression: {error.Message}");
            return null;
        }
    }

    private static bool TryReadTime(string text, out TimeSpan time) => TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out time);
}
