using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Flows.Contracts.Runs;

namespace Flows.Api.Triggers;

/// <summary>How polling triggers are kept. Bound from <c>Flows:Triggers</c>.</summary>
public sealed class TriggerOptions
{
    public const string Section = "Flows:Triggers";

    /// <summary>Beyond the time of a call: for starting an engine, and the way to the worker and back. Another worker does it after that.</summary>
    internal static TimeSpan LeaseRoom { get; } = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan s_firstPause = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_longestAsked = TimeSpan.FromDays(1);

    /// <summary>Polls, or tries to register an address, that may fail in a row before the trigger is paused. 20 by default.</summary>
    [Range(1, 10_000)]
    public int PauseAfter { get; set; } = 20;

    /// <summary>The longest pause between calls that fail. One hour by default; a trigger that looks less often keeps its own time.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan LongestPause { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long to leave a service alone: twice as long each time, and as long as it asks for itself, up to a day.</summary>
    /// <param name="failures">Those in a row before this one.</param>
    internal TimeSpan PauseAfterFailure(StepError error, int failures)
    {
        var backOff = TimeSpan.FromTicks(Math.Min(s_firstPause.Ticks << Math.Min(failures, 12), LongestPause.Ticks));
        var asked = error.Detail?.ToElement() is { ValueKind: JsonValueKind.Object } detail && detail.TryGetProperty("retryAfterSeconds", out var seconds)
            && seconds.ValueKind == JsonValueKind.Number && seconds.TryGetDouble(out var number) && number > 0
                ? TimeSpan.FromSeconds(Math.Min(number, s_longestAsked.TotalSeconds))
                : TimeSpan.Zero;
        return backOff > asked ? backOff : asked;
    }
}
