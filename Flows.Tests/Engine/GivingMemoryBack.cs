using Flows.Engine.Serving;

namespace Flows.Tests.Engine;

/// <summary>When an engine gives back memory that it does not need to wait.</summary>
public sealed class GivingMemoryBack : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly IdleMemory _memory;

    public GivingMemoryBack() => _memory = new IdleMemory(_clock);

    [Fact]
    public void It_is_given_back_once_for_each_time_of_rest()
    {
        _memory.Rest();
        _clock.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Equal(0, _memory.Times);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, _memory.Times);
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(1, _memory.Times);

        _memory.Work();
        _memory.Rest();
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(2, _memory.Times);
    }

    [Fact]
    public void Runs_that_follow_one_another_or_take_long_are_left_in_peace()
    {
        for (var i = 0; i < 10; i++)
        {
            _memory.Work();
            _memory.Rest();
            _clock.Advance(TimeSpan.FromSeconds(1.5));
        }
        _memory.Work();
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(0, _memory.Times);
    }

    public void Dispose() => _memory.Dispose();
}
