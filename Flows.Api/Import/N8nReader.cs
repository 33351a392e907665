using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>
/// Reads a workflow of n8n: a graph, in which nodes pass lists of items on. It becomes a tree: where a node has several ways out a router, where ways come
/// together again the steps behind that router. <see cref="N8nNodes"/> says what becomes of single nodes.
/// </summary>
internal sealed class N8nReader
{
    private const int MostNested = 30;

    private readonly N8nGraph _graph;
    private readonly Slugs _slugs = new();
    private readonly List<ImportNote> _notes = [];
    private readonly HashSet<string> _placed = new(StringComparer.Ordinal);

    private N8nReader(N8nGraph graph) => _graph = graph;

    /// <summary>True for a document of n8n.</summary>
    public static bool Knows(JsonObject document) => document["nodes"] is JsonArray && document["connections"] is JsonObject;

    /// <exception cref="ImportException">The document is larger than a flow may be.</exception>
    public static ImportedFlow Read(JsonObject document) => new N8nReader(new N8nGraph(document)).ReadFlow(
        document.Text("name") ?? "Imported flow", document.Object("settings").Text("timezone") is { Length: > 0 } zone and not "DEFAULT" ? zone : null);

    private ImportedFlow ReadFlow(string name, string? zone)
    {
        var triggers = _graph.Nodes.Where(N8nNodes.IsTrigger).ToList();
        var start = triggers.FirstOrDefault();
        var trigger = start is null ? null : N8nTriggers.Make(start, zone, _notes);
        if (start is null)
            _notes.Add(new ImportNote(null, "The workflow had no trigger: the flow is started by hand until you choose one."));
        else if (trigger is null)
            _notes.Add(new ImportNote(null, $"The trigger '{start.Text("name")}' ({start.Text("type")}) is not available here: the flow is started by hand, with what the trigger would have given as its input."));
        foreach (var other in triggers.Skip(1))
            _notes.Add(new ImportNote(null, $"A flow has one trigger; '{other.Text("name")}' was left out. Import the workflow once more for it, or call this flow from another."));

        if (start is not null)
            _slugs.Set(start.Text("name")!, "trigger");
        // Every node has its name before expressions are translated: they may speak of each other.
        foreach (var node in _graph.Nodes.Where(node => !triggers.Contains(node) && !N8nNodes.IsNote(node)))
            _slugs.Of(node.Text("name")!);

        var steps = new JsonArray();
        var first = start?.Text("name");
        if (first is not null)
        {
            _placed.Add(first);
            Follow(_graph.OutputsOf(first), "trigger", stop: null, steps, depth: 0, "trigger");
        }
        foreach (var node in _graph.Nodes)
        {
            if (N8nNodes.IsNote(node))
            {
                if (node.Object("parameters").Text("content") is { Length: > 0 } content)
                    _notes.Add(new ImportNote(null, $"A note on the canvas said: {content}"));
            }
            else if (!_placed.Contains(node.Text("name")!) && !triggers.Contains(node))
                _notes.Add(new ImportNote(null, $"The node '{node.Text("name")}' is not connected to the trigger and was left out."));
        }
        return new ImportedFlow(name, new JsonObject { ["schema"] = 1, ["trigger"] = trigger ?? ForeignTrigger.Manual(), ["steps"] = steps }, _notes);
    }

    /// <summary>Walks from node to node and adds their steps, up to <paramref name="stop"/>.</summary>
    /// <param name="before">What <c>$json</c> means at the first of them.</param>
    private void Walk(string? name, string before, string? stop, JsonArray steps, int depth)
    {
        if (depth > MostNested)
            throw new ImportException($"Nodes are nested more than {MostNested} levels deep.");
        while (name is not null && name != stop)
        {
            if (!_placed.Add(name))
            {
                _notes.Add(new ImportNote(null, $"A connection leads back to '{_graph[name].Text("name")}', which a flow cannot do: use a loop, or call the flow again."));
                return;
            }
            var node = _graph[name];
            var outputs = _graph.OutputsOf(name);
            var step = _slugs.Of(name);
            switch (N8nNodes.KindOf(node))
            {
                case N8nKind.Loop:
                    Loop(node, step, before, steps, depth);
                    (name, before) = (One(outputs.Count > 0 ? outputs[0] : []), step);
                    continue;
                case N8nKind.If or N8nKind.Switch:
                    var mode = node.Object("parameters").Object("options").Flag("allMatchingOutputs") ? "all" : "first";
                    name = Fork(outputs, new N8nConditions(Expressions(before), step, _notes).Branches(node), mode, step, node, before, stop, steps, depth);
                    continue;
                case N8nKind.Nothing:
                    if (node.Object("parameters").Text("mode") is { } merging and not ("append" or "passThrough"))
                        _notes.Add(new ImportNote(null, $"'{name}' put what came from several ways together ('{merging}'), which is not done here: name the steps whose outputs are meant."));
                    break;
                default:
                    var came = before;
                    foreach (var made in N8nNodes.Make(node, step, Expressions(before), before, _notes))
                        steps.Add(made);
                    before = step;
                    if (node.Text("onError") == "continueErrorOutput" && outputs.Count > 1 && outputs[1].Count > 0)
                    {
                        // There the second way out is for what failed: then the first is not gone.
                        JsonNode failed = new JsonObject { ["any"] = new JsonArray(new JsonObject { ["all"] = new JsonArray(new JsonObject { ["left"] = $"{{{{errors.{step}}}}}", ["operator"] = "exists" }) }) };
                        name = Fork([outputs[1], outputs[0]], [("Failed", failed), ("Went well", null)], "first", _slugs.New(step + "_outcome"), node: null, before, stop, steps, depth, came);
                        continue;
                    }
                    break;
            }
            if (outputs.Count == 0 || outputs[0].Count == 0)
                return;
            if (outputs[0].Count == 1)
                name = outputs[0][0];
            else
            {
                Follow(outputs, before, stop, steps, depth, step);
                return;
            }
        }
    }

    /// <summary>One way on, or several from one output: then each is a branch that is taken.</summary>
    private void Follow(IReadOnlyList<IReadOnlyList<string>> outputs, string before, string? stop, JsonArray steps, int depth, string from)
    {
        var targets = outputs.Count > 0 ? outputs[0] : [];
        if (targets.Count <= 1)
        {
            Walk(One(targets), before, stop, steps, depth);
            return;
        }
        var branches = targets.Select(target => (target, (JsonNode?)JsonValue.Create(true))).ToList();
        var join = Fork([.. targets.Select(target => (IReadOnlyList<string>)[target])], branches, "all", _slugs.New(from + "_ways"), node: null, before, stop, steps, depth);
        Walk(join, before, stop, steps, depth);
    }

    /// <param name="beforeFirst">What <c>$json</c> means in the first branch, where it is another thing than in the others.</param>
    /// <returns>The node at which the branches come together again, to be walked next.</returns>
    private string? Fork(
        IReadOnlyList<IReadOnlyList<string>> outputs, IReadOnlyList<(string Name, JsonNode? When)> branches, string mode, string step, JsonObject? node,
        string before, string? stop, JsonArray steps, int depth, string? beforeFirst = null)
    {
        var join = _graph.Join(outputs, name => name == stop || _placed.Contains(name));
        var made = new JsonArray();
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, (name, when)) in branches.Index())
        {
            var branch = new JsonObject { ["name"] = ActivepiecesActions.BranchName(name, index, taken) };
            if (when is null)
                branch["otherwise"] = true;
            else
                branch["when"] = when.DeepClone();
            var inside = new JsonArray();
            var meant = index == 0 ? beforeFirst ?? before : before;
            if (index < outputs.Count && outputs[index].Count > 0)
            {
                if (outputs[index].Count == 1)
                    Walk(outputs[index][0], meant, join ?? stop, inside, depth + 1);
                else
                    Follow([outputs[index]], meant, join ?? stop, inside, depth + 1, step);
            }
            branch["steps"] = inside;
            made.Add(branch);
        }
        var router = new JsonObject { ["name"] = step };
        if (node is not null)
            N8nNodes.AddTitle(router, node);
        router["kind"] = "router";
        router["mode"] = mode;
        router["branches"] = made;
        steps.Add(router);
        return join;
    }

    private void Loop(JsonObject node, string step, string before, JsonArray steps, int depth)
    {
        var outputs = _graph.OutputsOf(node.Text("name")!);
        var inside = new JsonArray();
        // The body comes back to the loop; there the walk stops.
        Walk(One(outputs.Count > 1 ? outputs[1] : []), step + ".item", node.Text("name"), inside, depth + 1);
        var loop = new JsonObject { ["name"] = step };
        N8nNodes.AddTitle(loop, node);
        loop["kind"] = "loop";
        loop["items"] = $"{{{{ isList({before}) ? {before} : [{before}] }}}}";
        loop["steps"] = inside;
        steps.Add(loop);
        if (node.Object("parameters").Number("batchSize") is > 1 and var size)
            _notes.Add(new ImportNote(step, $"Batches of {size} items became single items."));
    }

    private N8nExpressions Expressions(string before) => new(before, _slugs.Find);

    private static string? One(IReadOnlyList<string> targets) => targets.Count > 0 ? targets[0] : null;
}
