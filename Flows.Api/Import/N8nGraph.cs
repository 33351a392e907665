using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>The nodes of a workflow and what leads where.</summary>
internal sealed class N8nGraph
{
    private const int MostNodes = 1_000;

    private readonly Dictionary<string, JsonObject> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<List<string>>> _outputs = new(StringComparer.Ordinal);

    /// <exception cref="ImportException">There are more nodes than a flow may have steps.</exception>
    public N8nGraph(JsonObject document)
    {
        foreach (var node in document.Objects("nodes"))
        {
            if (node.Text("name") is { Length: > 0 } name)
                _nodes.TryAdd(name, node);
        }
        if (_nodes.Count > MostNodes)
            throw new ImportException($"The workflow has more than {MostNodes} nodes.");
        foreach (var (from, outputs) in document.Object("connections") ?? [])
        {
            _outputs[from] = [.. outputs.List("main").Select(output =>
                (output as JsonArray ?? []).Select(target => target.Text("node")).OfType<string>().Where(_nodes.ContainsKey).Distinct(StringComparer.Ordinal).ToList())];
        }
    }

    public IReadOnlyCollection<JsonObject> Nodes => _nodes.Values;

    public JsonObject this[string name] => _nodes[name];

    /// <summary>The nodes behind each output.</summary>
    public IReadOnlyList<IReadOnlyList<string>> OutputsOf(string name) => _outputs.GetValueOrDefault(name) ?? [];

    /// <summary>Everything that can be reached from these nodes, themselves included, nearest first; not beyond nodes that are <paramref name="closed"/>.</summary>
    private List<string> Reached(IEnumerable<string> from, Func<string, bool> closed)
    {
        var (order, seen) = (new List<string>(), new HashSet<string>(StringComparer.Ordinal));
        var next = new Queue<string>(from);
        while (next.TryDequeue(out var name))
        {
            if (closed(name) || !seen.Add(name))
                continue;
            order.Add(name);
            foreach (var target in OutputsOf(name).SelectMany(targets => targets))
                next.Enqueue(target);
        }
        return order;
    }

    /// <summary>Where branches that have parted come together again: the nearest node that two or more of them reach. Null: they do not.</summary>
    /// <param name="closed">Nodes behind which nothing is looked at: those that lead back.</param>
    public string? Join(IReadOnlyList<IReadOnlyList<string>> branches, Func<string, bool> closed)
    {
        var reached = branches.Where(branch => branch.Count > 0).Select(branch => Reached(branch, closed)).ToList();
        return reached.Count < 2 ? null : reached
            .SelectMany(nodes => nodes)
            .Distinct(StringComparer.Ordinal)
            .Where(name => reached.Count(nodes => nodes.Contains(name)) >= 2)
            .OrderByDescending(name => reached.Count(nodes => nodes.Contains(name)))
            .ThenBy(name => reached.Sum(nodes => nodes.IndexOf(name) is var at && at < 0 ? 0 : at))
            .FirstOrDefault();
    }
}
