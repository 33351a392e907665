namespace Flows.LocalHosting.Dashboard.Traces;

/// <summary>
/// The newest traces, in memory: so many of them, so many spans of each and in all. What does not fit pushes out the trace that has been quiet for the longest.
/// </summary>
internal sealed class TraceMemory(int mostTraces = 300, int mostSpansOfOne = 1_000, int mostSpans = 30_000)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Trace>> _byId = new(StringComparer.Ordinal);
    private readonly LinkedList<Trace> _byNews = new(); // that with the newest word first
    private int _spans;

    public void Add(IEnumerable<Span> spans)
    {
        lock (_lock)
        {
            foreach (var span in spans)
                Add(span);
        }
    }

    /// <summary>Those that have a run in them, or all; the newest first.</summary>
    public IReadOnlyList<Trace> Newest(int most, bool onlyRuns)
    {
        lock (_lock)
            return [.. _byNews.Where(trace => !onlyRuns || trace.HasRun).Select(trace => trace.Copy()).OrderByDescending(trace => trace.Start).Take(most)];
    }

    public Trace? Find(string id)
    {
        lock (_lock)
            return _byId.TryGetValue(id, out var node) ? node.Value.Copy() : null;
    }

    private void Add(Span span)
    {
        if (_byId.TryGetValue(span.TraceId, out var node))
            _byNews.Remove(node);
        else
            _byId[span.TraceId] = node = new LinkedListNode<Trace>(new Trace(span.TraceId, mostSpansOfOne));
        _byNews.AddFirst(node);
        if (node.Value.TryAdd(span))
            _spans++;
        while (_byId.Count > mostTraces || (_spans > mostSpans && _byId.Count > 1))
        {
            var oldest = _byNews.Last!;
            _byNews.RemoveLast();
            _byId.Remove(oldest.Value.Id);
            _spans -= oldest.Value.Spans.Count;
        }
    }
}

/// <summary>What is known of one trace.</summary>
internal sealed class Trace(string id, int mostSpans)
{
    private readonly List<Span> _spans = [];

    public string Id => id;
    public IReadOnlyList<Span> Spans => _spans;
    /// <summary>Spans that were left out because there were too many.</summary>
    public int LeftOut { get; private set; }
    public bool HasRun => _spans.Exists(span => span.Tag("flows.run.id") is not null);
    public DateTimeOffset Start => _spans.Min(span => span.Start);
    public DateTimeOffset End => _spans.Max(span => span.End);

    public bool TryAdd(Span span)
    {
        if (_spans.Count >= mostSpans)
        {
            LeftOut++;
            return false;
        }
        _spans.Add(span);
        return true;
    }

    public Trace Copy()
    {
        var copy = new Trace(id, mostSpans) { LeftOut = LeftOut };
        copy._spans.AddRange(_spans);
        return copy;
    }

    /// <summary>Every span with its depth, a parent before its children and these by their start. A span whose parent is not known stands at the top.</summary>
    public IEnumerable<(Span Span, int Depth)> InOrder()
    {
        var known = _spans.Select(span => span.Id).ToHashSet(StringComparer.Ordinal);
        var children = _spans.ToLookup(span => known.Contains(span.ParentId) && span.ParentId != span.Id ? span.ParentId : "", StringComparer.Ordinal);
        var told = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<(Span Span, int Depth)>(children[""].OrderByDescending(span => span.Start).Select(span => (span, 0)));
        while (open.TryPop(out var next))
        {
            if (!told.Add(next.Span.Id))
                continue; // sent twice
            yield return next;
            foreach (var child in children[next.Span.Id].OrderByDescending(span => span.Start))
                open.Push((child, next.Depth + 1));
        }
    }
}
