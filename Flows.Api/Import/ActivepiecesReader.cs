using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>
/// Reads a template, an export or a flow version of Activepieces: a linked tree, in which each step names the next. Steps keep their names (<c>step_1</c>),
/// so expressions stay what they are for the most part; <see cref="ActivepiecesActions"/> says what becomes of the pieces.
/// </summary>
internal sealed class ActivepiecesReader
{
    private const int MostSteps = 1_000;
    private const int MostNested = 32;

    private readonly Slugs _slugs = new();
    private readonly HashSet<string> _loops = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);
    private readonly List<ImportNote> _notes = [];
    private readonly ActivepiecesExpressions _expressions;
    private int _steps;

    private ActivepiecesReader() => _expressions = new ActivepiecesExpressions(_loops);

    /// <summary>True for a document of Activepieces.</summary>
    public static bool Knows(JsonObject document) => FlowsOf(document).Any();

    /// <summary>Every flow of the document.</summary>
    /// <exception cref="ImportException">The document is larger than a flow may be.</exception>
    public static IReadOnlyList<ImportedFlow> Read(JsonObject document)
    {
        var name = document.Text("name") ?? document.Text("displayName");
        return [.. FlowsOf(document).Select(flow => new ActivepiecesReader().ReadFlow(flow, flow.Text("displayName") ?? name ?? "Imported flow"))];
    }

    private static IEnumerable<JsonObject> FlowsOf(JsonObject document)
    {
        if (IsFlow(document))
            return [document];
        if (document.Object("version") is { } version && IsFlow(version))
            return [version];
        if (document.Object("template") is { } template)
            return FlowsOf(template);
        return document.Objects("flows").SelectMany(FlowsOf);
    }

    private static bool IsFlow(JsonObject flow) => flow.Object("trigger") is { } trigger && trigger.Text("type") is "EMPTY" or "PIECE_TRIGGER" or "PIECE" or "WEBHOOK" or "SCHEDULE"
        && flow.Object("trigger")!.ContainsKey("settings");

    private ImportedFlow ReadFlow(JsonObject flow, string name)
    {
        var trigger = flow.Object("trigger")!;
        FindLoops(trigger, 0);
        _slugs.Set("trigger", "trigger");
        var definition = new JsonObject
        {
            ["schema"] = 1,
            ["trigger"] = ReadTrigger(trigger),
            ["steps"] = ReadSteps(trigger.Object("nextAction"), 0),
        };
        foreach (var note in flow.Objects("notes"))
        {
            if (note.Text("content") is { Length: > 0 } content)
                _notes.Add(new ImportNote(null, $"A note on the canvas said: {content}"));
        }
        return new ImportedFlow(name, definition, _notes);
    }

    private JsonObject ReadTrigger(JsonObject trigger)
    {
        var settings = trigger.Object("settings");
        var input = settings.Object("input");
        var piece = ActivepiecesActions.NameOf(settings.Text("pieceName"));
        var made = (piece, settings.Text("triggerName")) switch
        {
            ("webhook", _) => Webhook(input),
            ("rss", "new-item") => ForeignTrigger.Feed(input.Text("rss_feed_url") ?? input.Text("url") ?? ""),
            ("manual-trigger", _) => ForeignTrigger.Manual(),
            ("schedule", var kind) => ActivepiecesActions.Schedule(kind, input),
            _ => null,
        };
        if (made is not null)
            return made;
        _notes.Add(new ImportNote(null, trigger.Text("type") == "EMPTY"
            ? "The flow had no trigger: it is started by hand until you choose one."
            : $"The trigger '{settings.Text("triggerName")}' of the piece '{piece}' is not available here: the flow is started by hand, with what the trigger would have given as its input."));
        return ForeignTrigger.Manual();
    }

    private JsonObject Webhook(JsonObject? input)
    {
        _notes.Add(new ImportNote(null, "The flow has an address of its own; whoever called the old one needs the new one."));
        if (input.Text("authType") is { } guard and not "none")
            _notes.Add(new ImportNote(null, $"The webhook was guarded by '{guard}': set the trigger's authentication here, or anybody who knows the address may call."));
        return ForeignTrigger.Webhook();
    }

    private JsonArray ReadSteps(JsonObject? action, int depth)
    {
        if (depth > MostNested)
            throw new ImportException($"Steps are nested more than {MostNested} levels deep.");
        var steps = new JsonArray();
        for (; action is not null; action = action.Object("nextAction"))
        {
            if (++_steps > MostSteps)
                throw new ImportException($"The flow has more than {MostSteps} steps.");
            foreach (var step in ReadStep(action, depth))
                steps.Add(step);
        }
        return steps;
    }

    private IEnumerable<JsonObject> ReadStep(JsonObject action, int depth)
    {
        // Expressions name the first of that name, in the odd document that has two.
        var foreign = action.Text("name") ?? "step";
        var name = _read.Add(foreign) ? _slugs.Of(foreign) : _slugs.New(foreign);
        var settings = action.Object("settings") ?? [];
        JsonObject step;
        var more = new List<JsonObject>();
        switch (action.Text("type"))
        {
            case "CODE":
                step = Code(name, settings);
                break;
            case "LOOP_ON_ITEMS":
                step = new JsonObject
                {
                    ["kind"] = "loop",
                    ["items"] = Translated(settings["items"] ?? settings.Object("input")?["items"]) ?? new JsonArray(),
                    ["steps"] = ReadSteps(action.Object("firstLoopAction"), depth + 1),
                };
                break;
            case "ROUTER":
                step = Router(name, action, settings, depth);
                break;
            case "BRANCH":
                step = Branch(name, action, settings, depth);
                break;
            case "PIECE":
                var input = Translated(settings["input"]) as JsonObject ?? [];
                var made = ActivepiecesActions.Make(settings, input)
                    ?? (ActivepiecesServices.Make(ActivepiecesActions.NameOf(settings.Text("pieceName")), settings.Text("actionName"), input, name, _notes) is { } service ? ActivepiecesActions.Made.One(service) : null);
                if (made is null)
                {
                    step = Unknown(name, action, $"{settings.Text("actionName")} of {settings.Text("pieceName")} {settings.Text("pieceVersion")}", settings);
                    break;
                }
                step = made.Steps[0];
                more.AddRange(made.Steps.Skip(1));
                _notes.AddRange(made.Notes.Select(note => new ImportNote(name, note)));
                break;
            case var type:
                step = Unknown(name, action, $"a step of the type '{type}'", settings);
                break;
        }
        yield return Finished(step, name, action, settings, depth);
        foreach (var next in more)
        {
            next["name"] = _slugs.New(next.Text("name") ?? "step");
            yield return next;
        }
    }

    /// <summary>The fields that every step has, before those of its kind.</summary>
    private JsonObject Finished(JsonObject step, string name, JsonObject action, JsonObject settings, int depth)
    {
        var finished = new JsonObject { ["name"] = name };
        if (action.Text("displayName") is { Length: > 0 and <= 200 } title && title != name)
            finished["title"] = title;
        foreach (var (field, value) in step.ToList())
        {
            if (finished.ContainsKey(field))
                continue;
            step.Remove(field);
            finished[field] = value;
        }
        if (action.Flag("skip"))
            finished["skip"] = true;
        if (finished.Flag("skip"))
            return finished;

        var errors = settings.Object("errorHandlingOptions");
        var failure = errors.Object("continueOnFailureBranches") is { } branches ? branches.Object("onFailure") ?? action.Object("onFailureAction") : null;
        if (failure is not null)
            finished["onError"] = new JsonObject { ["steps"] = ReadSteps(failure, depth + 1) };
        else if (errors.Object("continueOnFailure").Flag("value"))
            finished["onError"] = "continue";
        if (errors.Object("retryOnFailure").Flag("value") && finished.Text("kind") is "action" or "code")
            finished["retry"] = new JsonObject { ["attempts"] = 4, ["delay"] = "00:00:04", ["backoff"] = 2, ["on"] = new JsonArray("any") };
        return finished;
    }

    private JsonObject Code(string name, JsonObject settings)
    {
        var source = settings.Object("sourceCode");
        if (JsonNode.Parse(string.IsNullOrWhiteSpace(source.Text("packageJson")) ? "{}" : Parsable(source.Text("packageJson")!)).Object("dependencies") is { Count: > 0 } packages)
            _notes.Add(new ImportNote(name, $"The code asks for packages from npm ({string.Join(", ", packages.Select(package => package.Key))}), which code steps cannot load here."));
        return new JsonObject
        {
            ["kind"] = "code",
            ["language"] = "javascript",
            ["source"] = ActivepiecesActions.CodeOf(source.Text("code") ?? ""),
            ["input"] = Translated(settings["input"]) as JsonObject ?? [],
            // There the code could reach the network; here it is asked to say what doing it twice would mean.
            ["effect"] = "pure",
        };
    }

    private JsonObject Router(string name, JsonObject action, JsonObject settings, int depth)
    {
        var branches = new JsonArray();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (index, branch) in settings.Objects("branches").Index())
        {
            var made = new JsonObject { ["name"] = ActivepiecesActions.BranchName(branch.Text("branchName"), index, names) };
            if (branch.Text("branchType") == "FALLBACK")
                made["otherwise"] = true;
            else
                made["when"] = ActivepiecesActions.Condition(branch["conditions"], _expressions.Translate, name, _notes);
            made["steps"] = ReadSteps(index < action.List("children").Count ? action.List("children")[index] as JsonObject : null, depth + 1);
            branches.Add(made);
        }
        // The otherwise branch stands last here, wherever it stood there.
        var ordered = branches.Select(branch => branch!.DeepClone()).OrderBy(branch => branch.Flag("otherwise")).ToArray();
        return new JsonObject
        {
            ["kind"] = "router",
            ["mode"] = settings.Text("executionType") == "EXECUTE_ALL_MATCH" ? "all" : "first",
            ["branches"] = new JsonArray(ordered),
        };
    }

    private JsonObject Branch(string name, JsonObject action, JsonObject settings, int depth) => new()
    {
        ["kind"] = "router",
        ["mode"] = "first",
        ["branches"] = new JsonArray(
            new JsonObject
            {
                ["name"] = "True",
                ["when"] = ActivepiecesActions.Condition(settings["conditions"], _expressions.Translate, name, _notes),
                ["steps"] = ReadSteps(action.Object("onSuccessAction"), depth + 1),
            },
            new JsonObject { ["name"] = "False", ["otherwise"] = true, ["steps"] = ReadSteps(action.Object("onFailureAction"), depth + 1) }),
    };

    private JsonObject Unknown(string name, JsonObject action, string what, JsonNode settings)
    {
        _notes.Add(new ImportNote(name, $"{what} is not available here; the step is left out and keeps its old settings in its source.", Skipped: true));
        return Placeholder.Of(name, action.Text("displayName"), what, settings);
    }

    private JsonNode? Translated(JsonNode? node) => node.Translated(_expressions.Translate);

    private static string Parsable(string json)
    {
        try
        {
            using var document = System.Text.Json.JsonDocument.Parse(json);
            return json;
        }
        catch (System.Text.Json.JsonException)
        {
            return "{}";
        }
    }

    private void FindLoops(JsonObject? step, int depth)
    {
        for (; step is not null && depth <= MostNested; step = step.Object("nextAction"))
        {
            if (step.Text("type") == "LOOP_ON_ITEMS" && step.Text("name") is { } name)
                _loops.Add(name);
            foreach (var inside in new[] { step.Object("firstLoopAction"), step.Object("onSuccessAction"), step.Object("onFailureAction") }
                .Concat(step.Objects("children")))
            {
                FindLoops(inside, depth + 1);
            }
        }
    }
}

/// <summary>A document that cannot be imported at all; the message is for its owner.</summary>
internal sealed class ImportException(string message) : Exception(message);
