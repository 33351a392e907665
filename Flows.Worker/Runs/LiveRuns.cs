using System.Collections.Concurrent;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Worker.Runs;

/// <summary>The runs this worker holds, from the answer of the claim to the commit of the outcome.</summary>
internal sealed class LiveRuns
{
    private readonly ConcurrentDictionary<HeldRun, LiveRun> _runs = new();

    public int Count => _runs.Count;

    public IReadOnlyList<LiveRun> All => [.. _runs.Values];

    public void Add(LiveRun run) => _runs[run.Held] = run;

    public LiveRun? Find(HeldRun held) => _runs.GetValueOrDefault(held);

    /// <summary>Forgets a run: it is not renewed any more.</summary>
    public void Remove(LiveRun run)
    {
        _runs.TryRemove(run.Held, out _);
        run.Dispose();
    }
}
