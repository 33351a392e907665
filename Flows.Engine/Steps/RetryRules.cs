using System.Globalization;
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
        // What may have happened is not tried again because other failures are: onUncertain has been asked, and said to fail.
        "any" => error.Code != StepErrorCodes.Uncertain,
        "4xx" => error.Code == "http_4xx",
        "5xx" => error.Code == "http_5xx",
        _ => error.Code == word || (StatusOf(word) is { } status && NumberOf(error, "status") == status),
    };

    /// <summary>404 for <c>404</c> and <c>http_404</c>; null for a word that is no status.</summary>
    private static int? StatusOf(string word) =>
        int.TryParse(word.StartsWith("http_", StringComparison.Ordinal) ? word.AsSpan(5) : word, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
        && status is >= 400 and <= 599 ? status : null;

    private static double? NumberOf(StepError error, string property) =>
        error.Detail?.ToElement() is { ValueKind: JsonValueKind.Object } detail
        && detail.TryGetProperty(property, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) ? number : null;
}
