using System.Text.Json;
using Flows.Contracts.Runs;

namespace Flows.Contracts.Definitions;

/// <summary>Reads the trigger and the steps.</summary>
internal sealed class StepReader(ProblemList problems, EngineCatalogue? catalogue)
{
    public const int MaxSteps = 1_000;
    public const int MaxNesting = 32;
    public const int MaxSourceBytes = 256 * 1024;

    private static readonly string[] s_kinds = ["action", "code", "router", "loop", "wait", "call", "respond", "stop"];
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(3650);

    private readonly StepNames _names = new(problems);
    private int _steps;

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
        var trigger = new FlowTrigger(name, fields.Text("piece", required: true) ?? "", fields.Text("event", required: true) ?? "", fields.Object("input"));
        fields.Finish();
        return trigger;
    }

    public IReadOnlyList<Step> ReadSteps(IReadOnlyList<JsonElement> elements, string path, int nesting)
    {
        if (nesting > MaxNesting)
        {
            problems.Error(path, $"Steps are nested more than {MaxNesting} levels deep.");
            return [];
        }
        var steps = new List<Step>(elements.Count);
        for (var i = 0; i < elements.Count; i++)
        {
            if (++_steps == MaxSteps + 1)
                problems.Error(path, $"The flow has more than {MaxSteps} steps.");
            if (_steps > MaxSteps)
                break;
            if (Fields.Of(elements[i], FieldPath.Of(path, i), "a step", problems) is { } fields && ReadStep(fields, nesting) is { } step)
                steps.Add(step);
        }
        return steps;
    }

    private Step? ReadStep(Fields fields, int nesting)
    {
        var name = fields.Text("name", required: true) ?? "";
        if (name.Length > 0)
            _names.Add(name, fields.PathOf("name"));
        var kind = fields.Text("kind", required: true);
        if (kind is null)
            return null;
        if (!s_kinds.Contains(kind))
        {
            problems.Unknown(fields.PathOf("kind"), $"'{kind}' is not a kind of step.", kind, s_kinds);
            return null;
        }
        if (catalogue is not null && !catalogue.Kinds.Contains(kind))
            problems.Error(fields.PathOf("kind"), $"Steps of the kind '{kind}' are not available in this version.");

        Step step = kind switch
        {
            "action" => new ActionStep
            {
                Name = name,
                Piece = fields.Text("piece", required: true) ?? "",
                Action = fields.Text("action", required: true) ?? "",
                Input = fields.Object("input"),
                Connection = fields.Text("connection"),
            },
            "code" => new CodeStep
            {
                Name = name,
                Language = fields.Text("language", required: true) ?? "",
                Source = fields.Text("source", required: true) ?? "",
                Input = fields.Object("input"),
                Effect = fields.Choice("effect", ("pure", StepEffect.Pure), ("idempotent", StepEffect.Idempotent), ("effect", StepEffect.Effect)),
            },
            "router" => new RouterStep
            {
                Name = name,
                Mode = fields.Choice("mode", ("first", RouterMode.First), ("all", RouterMode.All), ("parallel", RouterMode.Parallel)),
                Branches = ReadBranches(fields, nesting),
            },
            "loop" => new LoopStep
            {
                Name = name,
                Items = fields.Any("items"),
                Parallel = fields.Whole("parallel", 1, 1, 1_000),
                OnItemError = fields.Choice("onItemError", ("stop", ItemError.Stop), ("continue", ItemError.Continue)),
                Steps = ReadSteps(fields.List("steps", required: true), fields.PathOf("steps"), nesting + 1),
            },
            "wait" => new WaitStep
            {
                Name = name,
                For = fields.Choice("for", ("", ""), ("delay", "delay"), ("until", "until"), ("webhook", "webhook"), ("approval", "approval")),
                Value = fields.Any("value"),
                Approvers = fields.Whole("approvers", 1, 1, 100),
                Expires = fields.Time("expires", TimeSpan.FromSeconds(1), s_longest),
                Message = fields.Any("message"),
            },
            "call" => new CallStep
            {
                Name = name,
                Flow = fields.Text("flow", required: true) ?? "",
                Input = fields.Object("input"),
                Await = fields.Flag("await", otherwise: true),
            },
            "respond" => new RespondStep { Name = name, Status = fields.Any("status"), Headers = fields.Object("headers"), Body = fields.Any("body") },
            _ => new StopStep { Name = name, AsFailed = fields.Flag("asFailed"), Message = fields.Any("message"), Output = fields.Any("output") },
        };
        step = step with
        {
            Title = fields.Text("title"),
            Skip = fields.Flag("skip"),
            OnError = ReadOnError(fields, nesting),
            Retry = ReadRetry(fields.Any("retry"), fields.PathOf("retry")),
            Timeout = fields.Time("timeout", TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1)),
            OnUncertain = fields.Choice("onUncertain", ("ask", UncertainPolicy.Ask), ("retry", UncertainPolicy.Retry), ("fail", UncertainPolicy.Fail)),
        };
        fields.Finish();
        return step;
    }

    private List<Branch> ReadBranches(Fields router, int nesting)
    {
        var branches = new List<Branch>();
        foreach (var (i, element) in router.List("branches", required: true).Index())
        {
            if (Fields.Of(element, FieldPath.Of(router.PathOf("branches"), i), "a branch", problems) is not { } fields)
                continue;
            var branch = new Branch(
                fields.Text("name", required: true) ?? "",
                fields.Any("when"),
                fields.Flag("otherwise"),
                ReadSteps(fields.List("steps", required: true), fields.PathOf("steps"), nesting + 1));
            fields.Finish();
            branches.Add(branch);
        }
        return branches;
    }

    private RetryPolicy ReadRetry(JsonElement element, string path)
    {
        if (element.ValueKind == JsonValueKind.Undefined || Fields.Of(element, path, "a retry policy", problems) is not { } fields)
            return RetryPolicy.None;
        var on = new List<string>();
        foreach (var (i, word) in fields.List("on").Index())
        {
            if (word.ValueKind == JsonValueKind.String && JsonText.TryGet(word, out var text))
                on.Add(text);
            else
                problems.Error(FieldPath.Of(fields.PathOf("on"), i), $"An error to retry on is a text such as 'timeout'; found {Fields.Found(word)}.");
        }
        var policy = new RetryPolicy(
            fields.Whole("attempts", 3, 1, 20),
            fields.Time("delay", TimeSpan.Zero, TimeSpan.FromDays(1)) ?? RetryPolicy.None.Delay,
            fields.Number("backoff", RetryPolicy.None.Backoff, 1, 10),
            on);
        fields.Finish();
        return policy;
    }

    private OnError ReadOnError(Fields step, int nesting)
    {
        var element = step.Any("onError");
        if (element.ValueKind != JsonValueKind.Object)
            return step.Choice("onError", ("stop", OnError.Stop), ("continue", OnError.Continue));
        var fields = Fields.Of(element, step.PathOf("onError"), "a failure branch", problems)!;
        var steps = ReadSteps(fields.List("steps", required: true), fields.PathOf("steps"), nesting + 1);
        fields.Finish();
        return new OnError(OnErrorMode.Branch, steps);
    }
}
