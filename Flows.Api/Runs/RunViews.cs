using System.Text.Json.Serialization;
using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Api.Runs;

/// <summary>A run as the API shows it.</summary>
/// <param name="Version">Number of the published version; null for a test run of the draft.</param>
/// <param name="Trigger">The trigger's output; left out of lists.</param>
/// <param name="Attempt">How often a worker has taken the run up.</param>
/// <param name="Worker">Who holds it while it is Running; who held it last afterwards.</param>
/// <param name="LeaseUntil">Running: when it is taken from its worker unless the worker renews it.</param>
/// <param name="WaitingFor">What a Paused or NeedsDecision run waits for: <c>{ kind, path, until | expires … }</c>, and <c>waits</c> when there are several.</param>
/// <param name="RetriedFrom">The run that this one does again; left out when there is none.</param>
/// <param name="CalledBy">Set when another run has called this one.</param>
/// <param name="LargeTrigger">Set in the place of a large trigger.</param>
/// <param name="LargeOutput">Set in the place of a large output.</param>
public sealed record RunView(
    Guid Id,
    Guid FlowId,
    int? Version,
    RunStatus Status,
    RunEnvironment Environment,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] RawJson? Trigger,
    DateTimeOffset CreatedAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? FinishedAt,
    int Attempt,
    string? Worker,
    DateTimeOffset? LeaseUntil,
    RawJson? WaitingFor,
    string? FailedStep,
    RunErrorView? Error,
    RawJson? Output,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Guid? RetriedFrom = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] CallerView? CalledBy = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] LargeValueView? LargeTrigger = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] LargeValueView? LargeOutput = null)
{
    /// <summary>Words that it is found by; left out when there are none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Tags { get; init; }

    /// <summary>How the run came to be.</summary>
    public RunOrigin Origin { get; init; }

    /// <summary>Set for a test run that takes outputs as given or ends before the end of the flow; left out of lists.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RunTestView? Test { get; init; }
}

/// <summary>What a test run does not do.</summary>
/// <param name="Step">The step behind which it ends; null for the end of the flow.</param>
/// <param name="Only">Nothing but that step was to be done.</param>
/// <param name="Pinned">Names of the steps whose outputs were given.</param>
public sealed record RunTestView(string? Step, bool Only, IReadOnlyList<string> Pinned);

/// <summary>A value that is too large to be shown with the others (<c>Flows__Limits__OutputInlineKiB</c>), and so is null in its own place.</summary>
/// <param name="Size">Bytes of its JSON.</param>
/// <param name="Preview">How its JSON begins: at most 512 bytes.</param>
/// <param name="Url">Where it is.</param>
public sealed record LargeValueView(int Size, string Preview, string Url)
{
    internal Guid Id { get; private init; }

    /// <summary>Null when the column holds the value itself.</summary>
    internal static LargeValueView? Of(Guid runId, RawJson? stored) => Of(runId, ValueReference.Read(stored));

    internal static LargeValueView? Of(Guid runId, ValueReference? value, string? url = null) => value is null
        ? null
        : new LargeValueView(value.Size, value.Preview, url ?? $"/api/v1/runs/{runId}/values/{value.Id}") { Id = value.Id };
}

/// <summary>The run and step that called a run.</summary>
/// <param name="Path">Null when that run does not wait for this one.</param>
public sealed record CallerView(Guid RunId, string? Path);

/// <param name="Step">Path of the step that failed.</param>
public sealed record RunErrorView(string Code, string Message, string? Step);

/// <summary>One line of a run's journal as the API shows it.</summary>
/// <param name="Logs">What a code step wrote to its console; left out when it wrote nothing.</param>
/// <param name="LargeInput">Set in the place of a large input; so are the two below. A large error keeps its code and message, and lacks its detail.</param>
/// <param name="Interrupted">True when the step had not ended by itself when its run was over: status and error are those of the run. Left out otherwise.</param>
public sealed record StepView(
    string Path,
    string Name,
    string Kind,
    StepStatus Status,
    int Attempt,
    DateTimeOffset StartedAt,
    double? DurationMs,
    RawJson? Input,
    RawJson? Output,
    StepError? Error,
    StepEffect Effect,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Logs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Interrupted = false,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] LargeValueView? LargeInput = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] LargeValueView? LargeOutput = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] LargeValueView? LargeError = null)
{
    /// <summary>True for a step that a test run did not do, because its output was given. Left out otherwise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Pinned { get; init; }

    /// <param name="isHistory">Set aside by a retry: the path names another line by now.</param>
    internal static StepView Of(Guid runId, StoredStep stored, bool interrupted, bool isHistory)
    {
        var step = stored.Line;
        string? Url(string part) => isHistory ? null : $"/api/v1/runs/{runId}/steps/{Uri.EscapeDataString(step.Path)}/{part}";
        return new(step.Path, step.Name, step.Kind, step.Status, step.Attempt, step.StartedAt, step.DurationMs,
            step.Input, step.Output, step.Error, step.Effect, step.Logs, interrupted,
            LargeValueView.Of(runId, stored.Input, Url("input")), LargeValueView.Of(runId, stored.Output, Url("output")), LargeValueView.Of(runId, stored.Error, Url("error")));
    }
}

/// <summary>The answer to an asynchronous webhook.</summary>
public sealed record AcceptedRun(Guid RunId);

/// <summary>The answer when a caller's run has not ended in time, or waits for somebody.</summary>
/// <param name="Url">Where the run can be read.</param>
public sealed record PendingRun(Guid RunId, RunStatus Status, string Url);

/// <summary>What a NeedsDecision run waits for: a person's word on the step at this path.</summary>
public sealed record WaitingForDecision(string Path)
{
    public string Kind => "decision";
}

/// <param name="Decision"><c>happened</c>, <c>repeat</c> or <c>stop</c>.</param>
/// <param name="Output">With <c>happened</c>: the step's output.</param>
public sealed record DecideRequest(string Path, string Decision, RawJson? Output = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 128)]
[JsonSerializable(typeof(RunView))]
[JsonSerializable(typeof(Page<RunView>))]
[JsonSerializable(typeof(Page<StepView>))]
[JsonSerializable(typeof(StepError))]
[JsonSerializable(typeof(RunResponse))]
[JsonSerializable(typeof(AcceptedRun))]
[JsonSerializable(typeof(PendingRun))]
[JsonSerializable(typeof(WaitingForDecision))]
[JsonSerializable(typeof(DecideRequest))]
[JsonSerializable(typeof(RetryRequest))]
[JsonSerializable(typeof(CancelManyRequest))]
[JsonSerializable(typeof(RetryManyRequest))]
[JsonSerializable(typeof(ManyRuns))]
[JsonSerializable(typeof(RunChart))]
[JsonSerializable(typeof(Dictionary<string, RawJson>))]
internal sealed partial class RunsJson : JsonSerializerContext;
