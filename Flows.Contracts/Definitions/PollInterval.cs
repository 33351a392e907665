using System.Globalization;
using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>The input that every polling trigger has: how often its service is asked.</summary>
public static class PollInterval
{
    public const string Input = "every";
    public const string Otherwise = "00:05:00";
    public static TimeSpan Shortest { get; } = TimeSpan.FromSeconds(10);
    public static TimeSpan Longest { get; } = TimeSpan.FromDays(7);

    /// <summary>The interval of a trigger's input; null when it is no time span, or out of bounds.</summary>
    public static TimeSpan? Of(JsonElement input)
    {
        var text = input.ValueKind == JsonValueKind.Object && input.TryGetProperty(Input, out var given) && given.ValueKind != JsonValueKind.Null
            ? given.ValueKind == JsonValueKind.String ? given.GetString() : ""
            : Otherwise;
        return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var every) && every >= Shortest && every <= Longest ? every : null;
    }
}
