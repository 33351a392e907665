namespace Flows.LocalHosting.Orchestration;

/// <summary>How long to wait before starting again what has crashed: 1 s, doubling up to 30 s, and from the beginning after a minute of health.</summary>
internal sealed class RestartBackoff(TimeProvider clock)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Forgiven = TimeSpan.FromSeconds(60);

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
        var pause = next;
        next = next * 2 < Longest ? next * 2 : Longest;
        return pause;
    }
}
