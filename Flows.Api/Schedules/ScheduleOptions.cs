using System.ComponentModel.DataAnnotations;

namespace Flows.Api.Schedules;

/// <summary>The clock of scheduled flows. Bound from "Flows:Schedules"; the API refuses to start on a bad value.</summary>
public sealed class ScheduleOptions
{
    public const string Section = "Flows:Schedules";

    /// <summary>How often each replica looks for times that have come, just behind each multiple of it. One second by default.</summary>
    [Range(typeof(TimeSpan), "00:00:00.050", "00:01:00")]
    public TimeSpan LookEvery { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>A time that is this late counts as missed, and the trigger's <c>missed</c> says what becomes of it. One minute by default.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan MissedAfter { get; set; } = TimeSpan.FromMinutes(1);
}
