using System.Collections.Immutable;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>
/// What a walk knows at one place: immutable all the way down, so that items and branches that are walked at the same time
/// each go on from the same state, and a state once taken never changes. What happens inside an item or a branch stays
/// there, save for its result, the answer to the caller, and the end of the run.
/// </summary>
internal sealed record RunState
{
    private RunState()
    {
    }

    /// <summary>
    /// What stands before a step's name in its path; empty at the top. Paths: <c>fetch</c>; <c>each[3].send</c> in the fourth item of the
    /// loop each; <c>route:VIP.notify</c> in the branch VIP of the router route; <c>order!fix</c> in the failure branch of the
    /// step order; nested as in <c>each[3].route:VIP.notify</c>.
    /// </summary>
    public string Place { get; private init; } = "";

    /// <summary>What the names of steps mean here: outputs, and inside a loop its item and index.</summary>
    public ImmutableDictionary<string, Value> Values { get; private init; } = ImmutableDictionary<string, Value>.Empty;

    /// <summary>Errors the flow went on past, by step name.</summary>
    public ImmutableDictionary<string, StepError> Errors { get; private init; } = ImmutableDictionary<string, StepError>.Empty;

    /// <summary>Output of the last step that was walked; null before the first.</summary>
    public Value Last { get; private init; }

    /// <summary>True when a step was walked at this place, so that <see cref="Last"/> is its output.</summary>
    public bool HasWalked { get; private init; }

    /// <summary>The body a respond step has sent.</summary>
    public Value? Answer { get; private init; }

    /// <summary>True when something around this place goes on past a failure here.</summary>
    public bool IsContained { get; private init; }

    /// <summary>Set when the walk ends before its last step.</summary>
    public RunEnd? End { get; private init; }

    public bool IsRunning => End is null;

    /// <summary>What the caller of the run gets when it ends here.</summary>
    public Value Output => Answer ?? Last;

    /// <summary>The result of an item or a branch: the output of its last step.</summary>
    public Value Result => HasWalked ? Last : Value.Null;

    public static RunState Begin(Value trigger) =>
        new() { Values = ImmutableDictionary.Create<string, Value>(StringComparer.Ordinal).Add("trigger", trigger) };

    public string PathOf(string step) => Place.Length == 0 ? step : Place + step;

    public RunState With(string step, Value output) =>
        this with { Values = Values.SetItem(step, output), Last = output, HasWalked = true };

    /// <summary>The step is left out: its name is null, and the step before it stays the last one.</summary>
    public RunState WithSkipped(string step) => this with { Values = Values.SetItem(step, Value.Null) };

    /// <summary>The walk goes on past a failed step, whose name is then null.</summary>
    public RunState WithError(string step, StepError error) =>
        With(step, Value.Null) with { Errors = Errors.SetItem(step, error) };

    public RunState WithAnswer(Value? answer) => Answer is null && answer is not null ? this with { Answer = answer } : this;

    public RunState Ended(RunEnd end) => this with { End = end };

    /// <summary>The state in which the steps of an item or a branch begin.</summary>
    public RunState Enter(string place, bool contained) =>
        this with { Place = place, HasWalked = false, IsContained = IsContained || contained };

    /// <summary>What a name means inside: a loop's item.</summary>
    public RunState Naming(string name, Value value) => this with { Values = Values.SetItem(name, value) };
}

/// <summary>Why a walk ended before its last step.</summary>
internal abstract record RunEnd
{
    private RunEnd()
    {
    }

    /// <summary>A step failed. A loop or an onError around it may still go on.</summary>
    internal sealed record Failed(StepFailure Failure) : RunEnd;

    /// <summary>A step waits. What is walked at the same time goes on until it has ended or waits as well.</summary>
    internal sealed record Paused : RunEnd;

    /// <summary>The run is over here, whatever is around: stopped, over a limit, or waiting for a decision.</summary>
    internal sealed record Over(RunOutcome Outcome) : RunEnd;
}
