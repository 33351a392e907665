using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Runs;

namespace Flows.Contracts.Definitions;

/// <summary>
/// A flow as its builder wrote it: the document of docs/flow-language.md, version 1, read and checked by
/// <see cref="DefinitionReader"/>. Immutable. Inputs are kept as JSON with their expressions unevaluated.
/// </summary>
public sealed record FlowDefinition(int Schema, FlowTrigger Trigger, IReadOnlyList<Step> Steps)
{
    /// <summary>The only schema version there is.</summary>
    public const int CurrentSchema = 1;

    /// <summary>What people wrote beside the steps; a run knows nothing of it.</summary>
    public IReadOnlyList<FlowNote> Notes { get; init; } = [];
}

/// <summary>What starts the flow. Its output is <c>{{trigger}}</c> whatever its name.</summary>
/// <param name="Piece">A piece of the catalogue, e.g. <c>webhook</c>, <c>manual</c>.</param>
/// <param name="Event">One of that piece's triggers, e.g. <c>catch</c>.</param>
/// <param name="Connection">Key of the connection that it asks its service with; null when it needs none.</param>
public sealed record FlowTrigger(string Name, string Piece, string Event, JsonElement Input, string? Connection = null);

/// <summary>One step. The derived records are the kinds.</summary>
public abstract record Step
{
    /// <summary>A slug, unique within the flow: letters, digits, <c>_</c>; expressions refer to the step by it.</summary>
    public required string Name { get; init; }
    /// <summary>The word in the document: <c>action</c>, <c>code</c> …</summary>
    public abstract string Kind { get; }
    /// <summary>What the editor shows instead of the name; null shows the name.</summary>
    public string? Title { get; init; }
    /// <summary>What people wrote about the step; a run knows nothing of it.</summary>
    public string? Note { get; init; }
    /// <summary>Leaves the step out; its name then evaluates to null.</summary>
    public bool Skip { get; init; }
    public RetryPolicy Retry { get; init; } = RetryPolicy.None;
    /// <summary>Time for one try; null leaves only the run's own limit.</summary>
    public TimeSpan? Timeout { get; init; }
    public OnError OnError { get; init; } = OnError.Stop;
    /// <summary>Null takes the project's.</summary>
    public UncertainPolicy? OnUncertain { get; init; }
}

/// <summary>Calls an action of a piece.</summary>
public sealed record ActionStep : Step
{
    public override string Kind => "action";
    public required string Piece { get; init; }
    public required string Action { get; init; }
    /// <summary>Object of the action's inputs; strings may hold expressions.</summary>
    public JsonElement Input { get; init; }
    /// <summary>Key of the connection whose secret the action uses; null when it needs none.</summary>
    public string? Connection { get; init; }
}

/// <summary>Runs the builder's own code in a process of its own.</summary>
public sealed record CodeStep : Step
{
    public override string Kind => "code";
    /// <summary><c>javascript</c>.</summary>
    public required string Language { get; init; }
    /// <summary>A module whose default export takes the input and returns, or resolves to, the output.</summary>
    public required string Source { get; init; }
    public JsonElement Input { get; init; }
    /// <summary>What the author declares; code without network is Pure.</summary>
    public StepEffect Effect { get; init; } = StepEffect.Pure;
}

/// <summary>Takes one, all matching, or all branches at once.</summary>
public sealed record RouterStep : Step
{
    public override string Kind => "router";
    public RouterMode Mode { get; init; } = RouterMode.First;
    public required IReadOnlyList<Branch> Branches { get; init; }
}

/// <summary>First: the first branch whose condition holds. All: every such branch, in order. Parallel: every such branch at once.</summary>
public enum RouterMode { First, All, Parallel }

/// <param name="Name">Unique within the router; part of the step path.</param>
/// <param name="When">The condition: an expression in a JSON string, a JSON boolean, or the structured form (OR of ANDs); undefined for the otherwise branch.</param>
/// <param name="Otherwise">Taken when no other branch was.</param>
public sealed record Branch(string Name, JsonElement When, bool Otherwise, IReadOnlyList<Step> Steps);

/// <summary>Walks its steps once for each item.</summary>
public sealed record LoopStep : Step
{
    public override string Kind => "loop";
    /// <summary>An expression in a JSON string that gives a list, or a JSON array.</summary>
    public required JsonElement Items { get; init; }
    /// <summary>How many items are walked at the same time, from 1.</summary>
    public int Parallel { get; init; } = 1;
    /// <summary>What a failed item does to the loop: stop it, or go on with the next item.</summary>
    public ItemError OnItemError { get; init; } = ItemError.Stop;
    public required IReadOnlyList<Step> Steps { get; init; }
}

public enum ItemError { Stop, Continue }

/// <summary>Pauses the run, holding no process, until something happens.</summary>
public sealed record WaitStep : Step
{
    public override string Kind => "wait";
    /// <summary><c>delay</c>, <c>until</c>, <c>webhook</c> or <c>approval</c>.</summary>
    public required string For { get; init; }
    /// <summary>For a delay: how long; an expression or a literal time span. For until: a date and time.</summary>
    public JsonElement Value { get; init; }
    /// <summary>Approvals needed, from 1.</summary>
    public int Approvers { get; init; } = 1;
    /// <summary>How long to wait at most; null waits as long as the installation allows.</summary>
    public TimeSpan? Expires { get; init; }
    /// <summary>Text for the approver; may hold expressions.</summary>
    public JsonElement Message { get; init; }
}

/// <summary>Starts another flow and, when awaited, takes its output.</summary>
public sealed record CallStep : Step
{
    public override string Kind => "call";
    /// <summary>Id or key of the flow.</summary>
    public required string Flow { get; init; }
    public JsonElement Input { get; init; }
    public bool Await { get; init; } = true;
}

/// <summary>Answers the waiting caller; the flow goes on.</summary>
public sealed record RespondStep : Step
{
    public override string Kind => "respond";
    /// <summary>A JSON number 200–599, or an expression that gives one; undefined is 200.</summary>
    public JsonElement Status { get; init; }
    /// <summary>Object of header names and values; values may hold expressions.</summary>
    public JsonElement Headers { get; init; }
    public JsonElement Body { get; init; }
}

/// <summary>Ends the run here.</summary>
public sealed record StopStep : Step
{
    public override string Kind => "stop";
    /// <summary>True ends the run as Failed, with <see cref="Message"/> as the reason.</summary>
    public bool AsFailed { get; init; }
    public JsonElement Message { get; init; }
    /// <summary>The run's output; undefined leaves it as it is.</summary>
    public JsonElement Output { get; init; }
}

/// <summary>How often a failed step is tried again, and after how long.</summary>
/// <param name="Attempts">Tries in all, 1–20; 1 never tries again.</param>
/// <param name="Delay">Before the second try.</param>
/// <param name="Backoff">The delay is multiplied by this after each try, 1–10; a jitter of ±20 % is added.</param>
/// <param name="On">Which errors: <c>timeout</c>, <c>network</c>, <c>5xx</c>, a status such as <c>429</c>, an error code, or <c>any</c>; empty means any that may get better.</param>
public sealed record RetryPolicy(int Attempts, TimeSpan Delay, double Backoff, IReadOnlyList<string> On)
{
    public static RetryPolicy None { get; } = new(1, TimeSpan.FromSeconds(2), 2, []);
}

/// <summary>What a failed step does to the flow.</summary>
/// <param name="Mode">Stop the run, go on, or walk <paramref name="Steps"/> and then go on.</param>
/// <param name="Steps">The failure branch; empty unless the mode is Branch.</param>
public sealed record OnError(OnErrorMode Mode, IReadOnlyList<Step> Steps)
{
    public static OnError Stop { get; } = new(OnErrorMode.Stop, []);
    public static OnError Continue { get; } = new(OnErrorMode.Continue, []);
}

public enum OnErrorMode { Stop, Continue, Branch }

/// <summary>What becomes of an effect step that a crash has left with an intent and no result. The numbers are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<UncertainPolicy>))]
public enum UncertainPolicy
{
    [JsonStringEnumMemberName("ask")] Ask = 0,
    [JsonStringEnumMemberName("retry")] Retry = 1,
    [JsonStringEnumMemberName("fail")] Fail = 2,
}
