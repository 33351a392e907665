using Flows.LocalHosting.Orchestration;

namespace Flows.Tests.LocalHosting;

public sealed class RestartingWithBackoff
{
    private readonly SteppedClock clock = new();

    [Fact]
    public void Pauses_double_up_to_half_a_minute()
    {
        var backoff = new RestartBackoff(clock);
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], Enumerable.Range(0, 7).Select(_ => (int)backoff.Next().TotalSeconds));
    }

    [Fact]
    public void Whoever_crashes_processes_on_purpose_sets_the_longest_pause()
    {
        var backoff = new RestartBackoff(clock, TimeSpan.FromSeconds(3));
        Assert.Equal([1, 2, 3, 3], Enumerable.Range(0, 4).Select(_ => (int)backoff.Next().TotalSeconds));
        var hasty = new RestartBackoff(clock, TimeSpan.FromMilliseconds(200));
        Assert.Equal([200, 200], Enumerable.Range(0, 2).Select(_ => (int)hasty.Next().TotalMilliseconds));
        Assert.Equal(50, new RestartBackoff(clock, TimeSpan.Zero).Next().TotalMilliseconds);
    }

    [Fact]
    public void A_minute_of_health_forgives()
    {
        var backoff = new RestartBackoff(clock);
        backoff.Next();
        backoff.Next();

        backoff.Healthy();
        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(4, backoff.Next().TotalSeconds);

        backoff.Healthy();
        clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(1, backoff.Next().TotalSeconds);
    }

    [Fact]
    public void Health_that_was_interrupted_does_not_count_as_one_minute()
    {
        var backoff = new RestartBackoff(clock);
        backoff.Next();
        backoff.Healthy();
        clock.Advance(TimeSpan.FromSeconds(40));
        backoff.Unhealthy();
        backoff.Healthy();
        clock.Advance(TimeSpan.FromSeconds(40));
        Assert.Equal(2, backoff.Next().TotalSeconds);
    }

    private sealed class SteppedClock : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        public void Advance(TimeSpan by) => ticks += by.Ticks;
    }
}
