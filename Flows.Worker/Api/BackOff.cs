namespace Flows.Worker.Api;

/// <summary>Waits between tries: 100 ms, doubled each time up to 2 s, and each between half and all of that, so that workers do not march in step.</summary>
internal static class BackOff
{
    private const double FirstMs = 100;
    private const double LongestMs = 2_000;

    /// <param name="failures">Tries that have failed so far, from 1.</param>
    public static TimeSpan After(int failures)
    {
        var most = Math.Min(LongestMs, FirstMs * Math.Pow(2, Math.Min(failures, 30) - 1));
        return TimeSpan.FromMilliseconds(most * (0.5 + (Random.Shared.NextDouble() / 2)));
    }
}
