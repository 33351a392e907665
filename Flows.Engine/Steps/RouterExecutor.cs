using Flows.Contracts.Definitions;
using Flows.Contracts.Expressions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>
/// Takes the first branch whose condition holds, or all of them in order, or all at the same time; the otherwise branch when there is none.
/// Output: <c>{ branch, branches, results }</c>: the name of the first branch taken (null for none), the names of all, and by
/// name the last output of each. Parallel branches that have begun are finished also when one of them fails.
/// </summary>
internal sealed class RouterExecutor : StepExecutor<RouterStep>
{
    public override bool HoldsSteps => true;

    protected override async Task<StepResult> ExecuteAsync(RouterStep router, StepAttempt attempt, FlowRunner runner)
    {
        var taken = TakenBefore(router, attempt) ?? Taken(router, attempt);
        if (attempt.Run.Test is { } test)
            taken = test.Narrow(router, taken);
        // The choice is in the line that begins the step: a resumed run goes on in the branches it was in, whatever the conditions say by then.
        attempt.Show(ValueObject.Of([new("branches", Names(taken))]));
        await attempt.IntendAsync(StepEffect.Pure);

        var ends = new RunState?[taken.Count];
        if (router.Mode == RouterMode.Parallel)
        {
            await Task.WhenAll(taken.Select(async (branch, index) => ends[index] = await WalkAsync(branch, attempt, runner)));
        }
        else
        {
            for (var index = 0; index < taken.Count && (index == 0 || ends[index - 1]!.IsRunning); index++)
                ends[index] = await WalkAsync(taken[index], attempt, runner);
        }
        return Merge(taken, ends);
    }

    private static Task<RunState> WalkAsync(Branch branch, StepAttempt attempt, FlowRunner runner) =>
        runner.RunAsync(branch.Steps, attempt.Enter($":{branch.Name}."), attempt.Cancel);

    private static List<Branch> Taken(RouterStep router, StepAttempt attempt)
    {
        if (attempt.Run.Test is { } test && test.TakesOneBranch(router))
            return [];
        var conditions = attempt.Run.Flow.Of(router, Compile);
        var taken = new List<Branch>();
        for (var index = 0; index < router.Branches.Count; index++)
        {
            if (conditions[index] is not { } condition || !attempt.Holds(condition))
                continue;
            taken.Add(router.Branches[index]);
            if (router.Mode == RouterMode.First)
                break;
        }
        if (taken.Count == 0)
            taken.AddRange(router.Branches.Where(branch => branch.Otherwise));
        return taken;
    }

    private static List<Branch>? TakenBefore(RouterStep router, StepAttempt attempt)
    {
        if (attempt.Intent?.Input is not { } line || !Value.FromJson(line).AsObject.TryGet("branches", out var names))
            return null;
        return [.. router.Branches.Where(branch => names.AsList.Contains(Value.Of(branch.Name)))];
    }

    private static Condition?[] Compile(RouterStep router) =>
        [.. router.Branches.Select((branch, index) => branch.Otherwise ? null : Condition.Compile(branch.When, $"$.branches[{index}].when"))];

    // By branch order, whatever order the branches ended in.
    private static StepResult Merge(List<Branch> taken, RunState?[] ends)
    {
        var answer = ends.Select(end => end?.Answer).FirstOrDefault(found => found is not null);
        // What ends the run comes before what fails it, and that before what only waits.
        if ((Ended<RunEnd.Over>(ends) ?? Ended<RunEnd.Failed>(ends) ?? Ended<RunEnd.Paused>(ends)) is { } end)
            return StepResult.Inside(end, answer);

        var output = ValueObject.Of(
        [
            new("branch", taken.Count > 0 ? Value.Of(taken[0].Name) : Value.Null),
            new("branches", Names(taken)),
            new("results", ValueObject.Of(taken.Select((branch, index) => new KeyValuePair<string, Value>(branch.Name, ends[index]!.Result)))),
        ]);
        return StepResult.Of(output) with { Answer = answer };
    }

    private static RunEnd? Ended<T>(RunState?[] ends) where T : RunEnd => ends.FirstOrDefault(end => end?.End is T)?.End;

    private static Value Names(List<Branch> branches) => ValueList.Of(branches.Select(branch => Value.Of(branch.Name)));
}
