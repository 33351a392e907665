using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Runs;

namespace Flows.Contracts.Definitions;

/// <summary>Reads the trigger and the steps, one method for each kind, and notes where expressions stand and what they see there.</summary>
internal sealed class StepReader(ProblemList problems, EngineCatalogue? catalogue)
{
    public const int MaxSteps = 1_000;
    public const int MaxNesting = 32;
    public const int MaxSourceBytes = 256 * 1024;

    private readonly StepNames _names = new(problems);
    private readonly SecretCheck? _secrets = catalogue is null ? null : new SecretCheck(problems);
    private readonly CatalogueCheck? _catalogue = catalogue is null ? null : new CatalogueCheck(problems, catalogue);
    private readonly List<ExpressionSite> _sites = [];
    private readonly Dictionary<string, StepContainer> _containers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _waits = new(StringComparer.Ordinal);
    private int _steps;

    /// <summary>Last, when all names are known: reads the expressions.</summary>
    public void CheckExpressions()
    {
        if (catalogue is null)
            return;
        var check = new ReferenceCheck(problems, catalogue, _names.All, _containers, _waits);
        foreach (var site in _sites)
            check.Check(site);
    }

    public FlowTrigger ReadTrigger(JsonElement element)
    {
        var nothing = new FlowTrigger("trigger", "", "", default);
        if (element.ValueKind == JsonValueKind.Undefined)
        {
            problems.Error("$", "'trigger' is missing: what starts the flow is required.");
            return nothing;
        }
        if (Fields.Of(element, "$.trigger", "a trigger", problems) is not { } fields)
            return nothing;
        var name = fields.Text("name") ?? "trigger";
        if (name != "trigger")
            _names.Add(name, fields.PathOf("name"));
        var trigger = new FlowTrigger(name, fields.Text("piece", required: true) ?? "", fields.Text("event", required: true) ?? "", fields.Object("input"), fields.Text("connection"));
        fields.Finish();
        Site(new StepPlace("trigger", []), fields.PathOf("input"), trigger.Input, SiteUse.Trigger);
        _catalogue?.Trigger(fields, trigger);
        return trigger;
    }

    /// <param name="visible">What the first step sees; afterwards, what a step behind the last one would see.</param>
    public IReadOnlyList<Step> ReadSteps(IReadOnlyList<JsonElement> elements, string path, int nesting, StepContainer? container, ref ImmutableHashSet<string> visible)
    {
        if (nesting > MaxNesting)
        {
            problems.Error(path, $"Steps are nested more than {MaxNesting} levels deep.");
            return [];
        }
        var steps = new List<Step>(elements.Count);
        Step? end = null;
        foreach (var (i, element) in elements.Index())
        {
            if (++_steps == MaxSteps + 1)
                problems.Error(path, $"The flow has more than {MaxSteps} steps.");
            if (_steps > MaxSteps)
                break;
            if (Fields.Of(element, FieldPath.Of(path, i), "a step", problems) is not { } fields)
                continue;
            var step = ReadStep(fields, nesting, container, ref visible);
            if (end is not null)
                problems.Warning(fields.Path, $"This step is never reached: '{end.Name}' ends the run.");
            end = step is StopStep { Skip: false } ? step : null;
            if (step is not null)
                steps.Add(step);
        }
        return steps;
    }

    private Step? ReadStep(Fields fields, int nesting, StepContainer? container, ref ImmutableHashSet<string> visible)
    {
        var name = fields.Text("name", required: true) ?? "";
        if (name.Length > 0)
            _names.Add(name, fields.PathOf("name"));
        if (container is not null)
            _containers.TryAdd(name, container);

        var place = new StepPlace(name, visible, nesting);
        var kind = fields.Text("kind", required: true);
        Step? step = kind switch
        {
            "action" => ReadAction(fields, place),
            "code" => ReadCode(fields, place),
            "router" => ReadRouter(fields, place),
            "loop" => ReadLoop(fields, place),
            "wait" => ReadWait(fields, place),
            "call" => ReadCall(fields, place),
            "respond" => ReadRespond(fields, place),
            "stop" => ReadStop(fields, place),
            _ => null,
        };
        if (step is null)
        {
            if (kind is not null)
                problems.Unknown(fields.PathOf("kind"), $"'{kind}' is not a kind of step.", kind, StepKinds.All);
        }
        else
        {
            _catalogue?.Kind(kind!, fields.PathOf("kind"));
            step = ReadShared(fields, step, place);
            fields.Finish();
        }
        if (name.Length > 0)
            visible = visible.Add(name);
        return step;
    }

    private ActionStep ReadAction(Fields fields, StepPlace place)
    {
        var step = new ActionStep
        {
            Name = place.Step,
            Piece = fields.Text("piece", required: true) ?? "",
            Action = fields.Text("action", required: true) ?? "",
            Input = fields.Object("input"),
            Connection = fields.Text("connection"),
        };
        Site(place, fields.PathOf("input"), step.Input, SiteUse.ActionInput);
        _catalogue?.Action(fields, step);
        return step;
    }

    private CodeStep ReadCode(Fields fields, StepPlace place)
    {
        var step = new CodeStep
        {
            Name = place.Step,
            Language = fields.Text("language", required: true) ?? "",
            Source = fields.Text("source", required: true) ?? "",
            Input = fields.Object("input"),
            Effect = fields.Choice("effect", ("pure", StepEffect.Pure), ("idempotent", StepEffect.Idempotent), ("effect", StepEffect.Effect)),
        };
        if (Encoding.UTF8.GetByteCount(step.Source) > MaxSourceBytes)
            problems.Error(fields.PathOf("source"), $"The source is larger than {MaxSourceBytes / 1024} KiB.");
        _secrets?.Check(step.Source, fields.PathOf("source"));
        _catalogue?.Language(step.Language, fields.PathOf("language"));
        Site(place, fields.PathOf("input"), step.Input);
        return step;
    }

    private RouterStep ReadRouter(Fields fields, StepPlace place)
    {
        var mode = fields.Choice("mode", ("first", RouterMode.First), ("all", RouterMode.All), ("parallel", RouterMode.Parallel));
        var branches = new List<Branch>();
        var conditions = new ConditionCheck(problems, (path, value, use) => Site(place, path, value, use));
        foreach (var (i, element) in fields.List("branches", required: true).Index())
        {
            if (Fields.Of(element, FieldPath.Of(fields.PathOf("branches"), i), "a branch", problems) is not { } branch)
                continue;
            var (name, when, otherwise) = (branch.Text("name", required: true) ?? "", branch.Any("when"), branch.Flag("otherwise"));
            if (!otherwise && when.ValueKind != JsonValueKind.Undefined)
                conditions.Check(when, branch.PathOf("when"));
            branches.Add(new Branch(name, when, otherwise, ReadInside(branch, place, StepContainer.Branch(place.Step, name), place.Visible)));
            branch.Finish();
        }
        BranchCheck.Check(fields, mode, branches, problems);
        return new RouterStep { Name = place.Step, Mode = mode, Branches = branches };
    }

    private LoopStep ReadLoop(Fields fields, StepPlace place)
    {
        var items = fields.Any("items");
        if (items.ValueKind == JsonValueKind.Undefined)
            problems.Error(fields.Path, "'items' is missing: a loop needs a list to go through.");
        else if (items.ValueKind is not (JsonValueKind.String or JsonValueKind.Array))
            problems.Error(fields.PathOf("items"), $"'items' has to be a list or an expression that gives one; found {Fields.Found(items)}.");
        else if (items.ValueKind == JsonValueKind.Array && items.GetArrayLength() == 0)
            problems.Warning(fields.PathOf("items"), "The loop has no items: its steps are never reached.");
        Site(place, fields.PathOf("items"), items, SiteUse.Items);
        return new LoopStep
        {
            Name = place.Step,
            Items = items,
            Parallel = fields.Whole("parallel", 1, 1, 1_000),
            OnItemError = fields.Choice("onItemError", ("stop", ItemError.Stop), ("continue", ItemError.Continue)),
            Steps = ReadInside(fields, place, StepContainer.Loop(place.Step), place.Visible.Add(place.Step)),
        };
    }

    private WaitStep ReadWait(Fields fields, StepPlace place)
    {
        var step = new WaitReader(problems, (path, value) => Site(place, path, value)).Read(fields, place.Step);
        _waits[place.Step] = step.For;
        return step;
    }

    private CallStep ReadCall(Fields fields, StepPlace place)
    {
        var step = new CallStep
        {
            Name = place.Step,
            Flow = fields.Text("flow", required: true) ?? "",
            Input = fields.Object("input"),
            Await = fields.Flag("await", otherwise: true),
        };
        Site(place, fields.PathOf("input"), step.Input);
        return step;
    }

    private RespondStep ReadRespond(Fields fields, StepPlace place)
    {
        var step = new RespondStep { Name = place.Step, Status = fields.Any("status"), Headers = fields.Object("headers"), Body = fields.Any("body") };
        var status = step.Status;
        if (status.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.String) && !(status.ValueKind == JsonValueKind.Number && status.TryGetInt32(out var code) && code is >= 200 and <= 599))
            problems.Error(fields.PathOf("status"), $"'status' has to be a whole number from 200 to 599, or an expression that gives one; found {Fields.Found(status)}.");
        Site(place, fields.PathOf("status"), status);
        Site(place, fields.PathOf("headers"), step.Headers);
        Site(place, fields.PathOf("body"), step.Body);
        return step;
    }

    private StopStep ReadStop(Fields fields, StepPlace place)
    {
        var step = new StopStep { Name = place.Step, AsFailed = fields.Flag("asFailed"), Message = fields.Any("message"), Output = fields.Any("output") };
        Site(place, fields.PathOf("message"), step.Message);
        Site(place, fields.PathOf("output"), step.Output);
        return step;
    }

    /// <summary>The fields of every kind.</summary>
    private Step ReadShared(Fields fields, Step step, StepPlace place)
    {
        var policies = new PolicyReader(problems);
        policies.WarnWithoutEffect(fields, step.Kind);
        step = step with
        {
            Title = fields.Text("title"),
            Note = NoteReader.Text(fields, "note"),
            Skip = fields.Flag("skip"),
            Retry = policies.ReadRetry(fields),
            Timeout = fields.Time("timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)),
            OnUncertain = PolicyReader.ReadUncertain(fields),
        };
        var onError = fields.Any("onError");
        if (onError.ValueKind != JsonValueKind.Object)
            return step with { OnError = fields.Choice("onError", ("stop", OnError.Stop), ("continue", OnError.Continue)) };

        var branch = Fields.Of(onError, fields.PathOf("onError"), "a failure branch", problems)!;
        var steps = ReadInside(branch, place, StepContainer.FailureBranch(place.Step), place.Visible);
        branch.Finish();
        return step with { OnError = new OnError(OnErrorMode.Branch, steps) };
    }

    /// <summary>The steps within a step. From behind it they are not seen: its own output says what they gave.</summary>
    private IReadOnlyList<Step> ReadInside(Fields owner, StepPlace place, StepContainer container, ImmutableHashSet<string> visible) =>
        ReadSteps(owner.List("steps", required: true), owner.PathOf("steps"), place.Nesting + 1, container, ref visible);

    private void Site(StepPlace place, string path, JsonElement value, SiteUse use = SiteUse.Value)
    {
        if (value.ValueKind == JsonValueKind.Undefined)
            return;
        _secrets?.Check(value, path);
        _sites.Add(new ExpressionSite(path, value, use, place.Step, place.Visible));
    }
}

/// <summary>Where a step stands.</summary>
/// <param name="Visible">The steps its own expressions may name.</param>
internal sealed record StepPlace(string Step, ImmutableHashSet<string> Visible, int Nesting = 1);

/// <summary>The step around a step.</summary>
/// <param name="Hint">Follows the name of the step within: how to get at what it gave from behind the owner.</param>
internal sealed record StepContainer(string Owner, string Hint)
{
    /// <summary>True when the step stands there once for each item.</summary>
    public bool IsLoop { get; private init; }

    public static StepContainer Loop(string owner) =>
        new(owner, $"runs once for each item of the loop '{owner}'; what it gave is in {owner}.results") { IsLoop = true };

    public static StepContainer Branch(string owner, string branch) =>
        new(owner, $"runs on a branch of '{owner}'; what that branch gave last is in {FieldPath.Of($"{owner}.results", branch)}, when it was taken");

    public static StepContainer FailureBranch(string owner) => new(owner, $"runs when '{owner}' fails; what that branch gave last is then the output of '{owner}'");
}

internal static class StepKinds
{
    public static IReadOnlyList<string> All { get; } = ["action", "code", "router", "loop", "wait", "call", "respond", "stop"];
}
