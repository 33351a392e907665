using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Pieces;

namespace Flows.Engine.Steps;

/// <summary>When a failed step is tried again, and after how long.</summary>
internal static class RetryRules
{
    private const double Jitter = 0.2;
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);
    /// <summary>A service that asks for more, or a clock of it that is wrong, does not keep the step from its next try.</summary>
    private static readonly TimeSpan s_longestAsked = TimeSpan.FromHours(1);

    /// <summary>Whether the policy covers this failure. An empty list covers what may get better by itself.</summary>
    public static bool Allows(RetryPolicy policy, StepFailure failure) =>
        policy.On.Count == 0 ? failure.IsTransient : policy.On.Any(word => Covers(word, failure.Error));

    /// <summary>
    /// The time between try <paramref name="number"/> and the next one, with jitter; no less than the service has asked for, of which an hour
    /// counts at most.
    /// </summary>
    /// <param name="error">Why the try failed.</param>
    public static TimeSpan DelayAfter(RetryPolicy policy, int number, StepError error)
    {
        var delay = policy.Delay.TotalMilliseconds * Math.Pow(policy.Backoff, number - 1);
        var jitter = 1 + (Random.Shared.NextDouble() * 2 - 1) * Jitter;
        var own = TimeSpan.FromMilliseconds(Math.Min(delay * jitter, s_longest.TotalMilliseconds));
        return AskedFor(error) is { } asked && asked > own ? asked : own;
    }

    private static TimeSpan? AskedFor(StepError error) =>
        NumberOf(error, AskedWait.Property) is { } seconds and > 0 ? TimeSpan.FromSeconds(Math.Min(seconds, s_longestAsked.TotalSeconds)) : null;

    private static bool Covers(string word, StepError error) => word switch
    {
        "any" => true,
        "4xx" => error.Code == "http_4xx",
        "5xx" => error.Code == "http_5xx",
        "429" => NumberOf(error, "status") == 429,
        _ => error.Code == word,
    };

    private static double? NumberOf(StepError error, string property) =>
        error.Detail?.ToElement() is { ValueKind: JsonValueKind.Object } detail
        && detail.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) ? number : null;
}
