namespace Flows.LocalHosting.Orchestration;

/// <summary>How long to wait before starting again what has crashed: 1 s, doubling up to 30 s, and from the beginning after a minute of health.</summary>
/// <param name="longest">The longest pause; 30 s when none is given, 50 ms at least. Below a second it is every pause.</param>
internal sealed class RestartBackoff(TimeProvider clock, TimeSpan? longest = null)
{
    /// <summary>For whoever crashes processes on purpose and wants them back: a time span.</summary>
    public const string LongestPauseSetting = "Flows:LocalHosting:LongestRestartPause";

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Forgiven = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(50);
    private readonly TimeSpan most = longest is not { } given ? TimeSpan.FromSeconds(30) : given > Least ? given : Least;

    private TimeSpan next = Shortest;
    private long? healthySince;

    public void Healthy() => healthySince ??= clock.GetTimestamp();

    public void Unhealthy() => healthySince = null;

    /// <summary>The pause after one more crash.</summary>
    public TimeSpan Next()
    {
        if (healthySince is { } since && clock.GetElapsedTime(since) >= Forgiven)
            next = Shortest;
        healthySince = null;
        var pause = next < most ? next : most;
        next = next * 2 < most ? next * 2 : most;
        return pause;
    }
}
