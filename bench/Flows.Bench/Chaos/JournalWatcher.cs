using System.Collections.Concurrent;

namespace Flows.Bench.Chaos;

/// <summary>
/// Looks at journals while runs are under way, and tells when the finished line of an effect has changed or gone. Results of pure steps are
/// not held to that: a killed Postgres may forget the last of them, and they are computed again.
/// </summary>
internal sealed class JournalWatcher(CampaignDatabase database, ConcurrentQueue<StartedRun> started, TimeProvider clock)
{
    private const int AtATime = 50;
    private readonly Dictionary<(Guid, string), LineRow> _finished = [];
    private readonly HashSet<string> _violations = [];

    /// <summary>Finished lines that were seen and are held against every later look.</summary>
    public int Seen => _finished.Count;
    public IReadOnlyCollection<string> Violations => _violations;

    public async Task WorkAsync(CancellationToken over)
    {
        try
        {
            while (true)
            {
                Compare(await database.LinesOfAsync([.. started.TakeLast(AtATime).Select(run => run.Id)], over));
                await Task.Delay(TimeSpan.FromMilliseconds(300), clock, over);
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The campaign is over.
        }
    }

    /// <summary>Holds these lines against what was seen. Only lines that were committed are seen, so nothing may take them back.</summary>
    public void Compare(IReadOnlyList<LineRow> lines)
    {
        foreach (var line in lines.Where(line => line.Effect > 0))
        {
            if (_finished.TryGetValue((line.Run, line.Path), out var before))
            {
                if (before != line)
                    _violations.Add($"run {line.Run}: the finished line {line.Path} was {before} and is {line}");
            }
            else if (line.FinishedAt is not null)
                _finished[(line.Run, line.Path)] = line;
        }
    }

    /// <summary>Every line of the campaign: what was seen finished must be there.</summary>
    public void CompareAll(IReadOnlyList<LineRow> lines)
    {
        Compare(lines);
        var there = lines.Select(line => (line.Run, line.Path)).ToHashSet();
        foreach (var (run, path) in _finished.Keys.Where(key => !there.Contains(key)))
            _violations.Add($"run {run}: the finished line {path} has gone");
    }
}
