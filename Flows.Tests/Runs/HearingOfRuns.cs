using Flows.Api.Runs.Events;

namespace Flows.Tests.Runs;

/// <summary>How the streams of an instance hear of what it has written.</summary>
public sealed class HearingOfRuns
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);
    private readonly RunListeners _listeners = new();

    [Fact]
    public async Task Everybody_who_listens_to_a_run_hears_of_it_and_nobody_else()
    {
        var (run, other) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        using var one = _listeners.Listen(run);
        using var two = _listeners.Listen(run);
        using var third = _listeners.Listen(other);
        var unheard = third.NextAsync(CancellationToken.None);
        _listeners.Tell([run, Guid.CreateVersion7()]);
        await Task.WhenAll(one.NextAsync(CancellationToken.None), two.NextAsync(CancellationToken.None)).WaitAsync(s_limit);
        Assert.False(unheard.IsCompleted);
        _listeners.Tell([other]);
        await unheard.WaitAsync(s_limit);
    }

    [Fact]
    public async Task Word_that_came_while_nobody_waited_is_kept_once()
    {
        var run = Guid.CreateVersion7();
        using var listener = _listeners.Listen(run);
        _listeners.Tell([run]);
        _listeners.Tell([run]);
        await listener.NextAsync(CancellationToken.None).WaitAsync(s_limit);
        var next = listener.NextAsync(CancellationToken.None);
        Assert.False(next.IsCompleted);
        _listeners.Tell([run]);
        await next.WaitAsync(s_limit);
    }

    [Fact]
    public async Task Who_has_left_is_not_told_and_the_others_are()
    {
        var run = Guid.CreateVersion7();
        var gone = _listeners.Listen(run);
        using var here = _listeners.Listen(run);
        gone.Dispose();
        gone.Dispose();
        _listeners.Tell([run]);
        await here.NextAsync(CancellationToken.None).WaitAsync(s_limit);
        using var late = new CancellationTokenSource();
        var nothing = gone.NextAsync(late.Token);
        await late.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => nothing.WaitAsync(s_limit));
    }
}
