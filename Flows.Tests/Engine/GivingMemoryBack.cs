using Flows.Engine.Serving;

namespace Flows.Tests.Engine;

/// <summary>When an engine gives back memory that it does not need to wait.</summary>
public sealed class GivingMemoryBack : IDisposable
{
    private readonly ManualClock _clock = new();
    private readonly IdleMemory _memory;
    private long _allocated;

    public GivingMemoryBack() => _memory = new IdleMemory(_clock, TimeSpan.FromSeconds(10), () => _allocated);

    [Fact]
    public void It_is_given_back_once_for_each_time_of_rest()
    {
        Work();
        _clock.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Equal(0, _memory.Times);
        _clock.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(1, _memory.Times);
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(1, _memory.Times);

        Work();
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(2, _memory.Times);
    }

    [Fact]
    public void Runs_that_follow_one_another_or_take_long_are_left_in_peace()
    {
        for (var i = 0; i < 10; i++)
        {
            Work();
            _clock.Advance(TimeSpan.FromSeconds(9));
        }
        _memory.Work();
        _clock.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(0, _memory.Times);
    }

    [Fact]
    public void Little_work_is_not_worth_it_until_there_is_enough_of_it()
    {
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(0, _memory.Times);
            Work(IdleMemory.WorthIt / 4);
            _clock.Advance(TimeSpan.FromSeconds(10));
        }
        Assert.Equal(1, _memory.Times);
    }

    public void Dispose() => _memory.Dispose();

    private void Work(long bytes = IdleMemory.WorthIt)
    {
        _memory.Work();
        _allocated += bytes;
        _memory.Rest();
    }
}
