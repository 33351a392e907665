using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;

namespace Flows.Engine.Steps;

/// <summary>When a failed step is tried again, and after how long.</summary>
internal static class RetryRules
{
    private const double Jitter = 0.2;
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

    /// <summary>Whether the policy covers this failure. An empty list covers what may get better by itself.</summary>
    public static bool Allows(RetryPolicy policy, StepFailure failure) =>
        policy.On.Count == 0 ? failure.IsTransient : policy.On.Any(word => Covers(word, failure.Error));

    /// <summary>The time between try <paramref name="number"/> and the next one, with jitter.</summary>
    public static TimeSpan DelayAfter(RetryPolicy policy, int number)
    {
        var delay = policy.Delay.TotalMilliseconds * Math.Pow(policy.Backoff, number - 1);
        var jitter = 1 + (Random.Shared.NextDouble() * 2 - 1) * Jitter;
        return TimeSpan.FromMilliseconds(Math.Min(delay * jitter, s_longest.TotalMilliseconds));
    }

    private static bool Covers(string word, StepError error) => word switch
    {
        "any" => true,
        "4xx" => error.Code == "http_4xx",
        "5xx" => error.Code == "http_5xx",
        "429" => HttpStatusOf(error) == 429,
        _ => error.Code == word,
    };

    private static int? HttpStatusOf(StepError error) =>
        error.Detail?.ToElement() is { ValueKind: JsonValueKind.Object } detail
        && detail.TryGetProperty("status", out var status) && status.TryGetInt32(out var number) ? number : null;
}
