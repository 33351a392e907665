using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Worker.Runs;

/// <summary>What became of a run's last word.</summary>
internal enum ReportResult
{
    Committed,
    /// <summary>The run is no longer ours.</summary>
    Lost,
    /// <summary>The API will never take it.</summary>
    Refused,
}

/// <summary>One run's share of a report call.</summary>
/// <param name="DurableSequence">When this is committed, every journal line up to this number is.</param>
/// <param name="IsAwaited">The engine stands still until it hears of that.</param>
/// <param name="Finished">Set with the outcome.</param>
internal sealed record ReportPart(
    LiveRun Run, RunReport Report, long Bytes, long DurableSequence, bool IsAwaited, TaskCompletionSource<ReportResult>? Finished);

/// <summary>What one run has to tell. Guarded by the lock of its <see cref="ReportBuffer"/>.</summary>
internal sealed class PendingReport
{
    private readonly Dictionary<string, int> _byPath = [];
    private readonly List<Line> _lines = []; // by the number that first named the path
    private readonly List<long> _barriers = [];
    private long _lastSequence;

    public RunResponse? Response { get; set; }
    public RunOutcome? Outcome { get; set; }
    public TaskCompletionSource<ReportResult>? Finished { get; set; }
    public bool IsUrgent { get; set; }
    public long Bytes { get; private set; }
    public bool IsEmpty => _lines.Count == 0 && _barriers.Count == 0 && Response is null && Outcome is null;

    /// <returns>The bytes by which this has grown, which may be negative.</returns>
    public long Add(JournalLines journal)
    {
        var before = Bytes;
        foreach (var step in journal.Steps)
        {
            var size = SizeOf(step);
            Bytes += size;
            if (_byPath.TryGetValue(step.Path, out var index))
            {
                // It keeps its place: nothing from there on is durable before this line is.
                Bytes -= _lines[index].Bytes;
                _lines[index] = _lines[index] with { Step = step, Bytes = size };
                continue;
            }
            _byPath[step.Path] = _lines.Count;
            _lines.Add(new Line(journal.Sequence, step, size));
        }
        _lastSequence = Math.Max(_lastSequence, journal.Sequence);
        if (journal.Barrier)
            _barriers.Add(journal.Sequence);
        return Bytes - before;
    }

    /// <summary>Takes lines up to a size, at least one; response and outcome go with the last of them, never before.</summary>
    public ReportPart Take(LiveRun run, long mostBytes)
    {
        var count = 0;
        long bytes = 0;
        while (count < _lines.Count && (count == 0 || bytes + _lines[count].Bytes <= mostBytes))
            bytes += _lines[count++].Bytes;

        var isAll = count == _lines.Count;
        var durable = isAll ? _lastSequence : _lines[count].Sequence - 1;
        var part = new ReportPart(
            run,
            new RunReport(run.Held.RunId, run.Held.Attempt, [.. _lines.Take(count).Select(line => line.Step)],
                isAll ? Response : null, isAll ? Outcome : null, run.Claim.IsOnItsOwn),
            bytes, durable, _barriers.RemoveAll(sequence => sequence <= durable) > 0, isAll ? Finished : null);

        _lines.RemoveRange(0, count);
        _byPath.Clear();
        for (var i = 0; i < _lines.Count; i++)
            _byPath[_lines[i].Step.Path] = i;
        Bytes -= bytes;
        if (isAll)
            (Response, Outcome, Finished, IsUrgent) = (null, null, null, false);
        return part;
    }

    /// <summary>About what the line takes in memory and on the wire.</summary>
    public static long SizeOf(StepRecord step) =>
        256 + step.Path.Length + (step.Input?.Length ?? 0) + (step.Output?.Length ?? 0) + (step.Logs?.Length ?? 0)
        + (step.Error is { } error ? error.Message.Length + (error.Detail?.Length ?? 0) : 0);

    private readonly record struct Line(long Sequence, StepRecord Step, long Bytes);
}
