using System.Threading.Channels;

namespace Flows.Api.Runs.Events;

/// <summary>
/// Tells the streams of this instance that a report of their run was written here, so that they look at once. What another replica has written
/// is found by their next look; nothing depends on a word of this.
/// </summary>
internal sealed class RunListeners
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Guid, List<RunListener>> _ofRuns = [];

    /// <summary>Dispose it when the stream is over.</summary>
    public RunListener Listen(Guid runId)
    {
        var listener = new RunListener(this, runId);
        lock (_lock)
        {
            if (!_ofRuns.TryGetValue(runId, out var listeners))
                _ofRuns[runId] = listeners = [];
            listeners.Add(listener);
        }
        return listener;
    }

    /// <summary>Call it after the commit.</summary>
    public void Tell(IEnumerable<Guid> runs)
    {
        lock (_lock)
        {
            if (_ofRuns.Count == 0)
                return;
            foreach (var run in runs)
            {
                if (_ofRuns.TryGetValue(run, out var listeners))
                    listeners.ForEach(listener => listener.Hear());
            }
        }
    }

    internal void Leave(RunListener listener, Guid runId)
    {
        lock (_lock)
        {
            if (_ofRuns.TryGetValue(runId, out var listeners) && listeners.Remove(listener) && listeners.Count == 0)
                _ofRuns.Remove(runId);
        }
    }
}

/// <summary>Hears of one run. Word that comes while nobody waits is kept, once.</summary>
internal sealed class RunListener(RunListeners owner, Guid runId) : IDisposable
{
    private readonly Channel<bool> _word = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void Hear() => _word.Writer.TryWrite(true);

    /// <summary>Ends with the next word, or with the one that was kept.</summary>
    public async Task NextAsync(CancellationToken cancel) => await _word.Reader.ReadAsync(cancel);

    public void Dispose() => owner.Leave(this, runId);
}
