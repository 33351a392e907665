using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>
/// Walks the loop's steps once for each item, up to <c>parallel</c> at the same time. Inside, the loop's name is <c>{ item, index }</c>;
/// after it, <c>{ results, errors }</c>: the last output of each item in item order, null for a failed one, and for each failed
/// one <c>{ index, step, code, message, detail }</c>. When an item ends the loop, items already begun are finished and none is begun.
/// An item that waits keeps its turn; the loop waits when there is none left that can go on.
/// </summary>
internal sealed class LoopExecutor : StepExecutor<LoopStep>
{
    public override bool HoldsSteps => true;

    protected override async Task<StepResult> ExecuteAsync(LoopStep loop, StepAttempt attempt, FlowRunner runner)
    {
        var test = attempt.Run.Test;
        var given = test?.ItemOf(loop);
        var items = given is { } one ? new ValueList([one]) : ItemsOf(loop, attempt);
        attempt.Run.Meter.Items(items.Count);
        if (test?.TakesOneItem(loop) == true)
        {
            if (items.Count == 0)
                throw StepException.Input("'items' is an empty list, so that there is no item to test with.");
            items = new ValueList([items[0]]);
        }
        attempt.Show(ValueObject.Of([new("count", Value.Of(items.Count))]));
        await attempt.IntendAsync(StepEffect.Pure);

        var ends = await WalkAsync(loop, items, given, attempt, runner);
        return Merge(loop, ends);
    }

    private static ValueList ItemsOf(LoopStep loop, StepAttempt attempt)
    {
        var template = attempt.Run.Flow.Of(loop, step => InputTemplate.Compile(step.Items, "$.items"));
        var value = attempt.Evaluate(template);
        return value.Kind == ValueKind.List ? value.AsList : throw StepException.Input($"'items' must be a list; found {ValueText.Of(value)}.");
    }

    /// <param name="given">What the loop's name means in its one item, in a test; null makes it of the item and its number.</param>
    /// <returns>The state at the end of each item; null for one that was not begun.</returns>
    private static async Task<RunState?[]> WalkAsync(LoopStep loop, ValueList items, Value? given, StepAttempt attempt, FlowRunner runner)
    {
        var ends = new RunState?[items.Count];
        var next = -1;
        var stopped = false;
        var goesOn = loop.OnItemError == ItemError.Continue;
        var lanes = attempt.Run.Test?.LeadsThrough(loop) == true ? 1 : loop.Parallel;

        async Task LaneAsync()
        {
            while (!Volatile.Read(ref stopped) && Interlocked.Increment(ref next) is var index && index < items.Count)
            {
                var inside = attempt.Enter($"[{index}].", contained: goesOn).Naming(loop.Name, given ?? ValueObject.Of(
                    [new("item", items[index]), new("index", Value.Of(index))]));
                var end = await runner.RunAsync(loop.Steps, inside, attempt.Cancel);
                ends[index] = end;
                if (end.End is RunEnd.Paused)
                    return; // it is still being walked: no other item takes its turn
                if (end.End is RunEnd.Over || (end.End is RunEnd.Failed && !goesOn))
                    Volatile.Write(ref stopped, true);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, Math.Min(lanes, items.Count)).Select(_ => LaneAsync()));
        return ends;
    }

    // By item order, whatever order the items ended in.
    private static StepResult Merge(LoopStep loop, RunState?[] ends)
    {
        var answer = ends.Select(end => end?.Answer).FirstOrDefault(found => found is not null);
        if (ends.FirstOrDefault(end => end?.End is RunEnd.Over) is { End: { } over })
            return StepResult.Inside(over, answer);
        if (loop.OnItemError == ItemError.Stop && ends.FirstOrDefault(end => end?.End is RunEnd.Failed) is { End: { } failed })
            return StepResult.Inside(failed, answer);
        if (ends.FirstOrDefault(end => end?.End is RunEnd.Paused) is { End: { } paused })
            return StepResult.Inside(paused, answer);

        var results = new Value[ends.Length];
        var errors = new List<Value>();
        for (var index = 0; index < ends.Length; index++)
        {
            if (ends[index] is { End: RunEnd.Failed { Failure: var failure } })
                errors.Add(ErrorOf(index, failure));
            else
                results[index] = ends[index]?.Result ?? Value.Null;
        }
        var output = ValueObject.Of([new("results", ValueList.Of(results)), new("errors", ValueList.Of(errors))]);
        return StepResult.Of(output) with { Answer = answer };
    }

    private static Value ErrorOf(int index, StepFailure failure) => ValueObject.Of(
    [
        new("index", Value.Of(index)),
        new("step", Value.Of(failure.Path)),
        .. StepFailure.AsValue(failure.Error).AsObject,
    ]);
}
