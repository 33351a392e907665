using Flows.Contracts.Runs;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Tests.Engine;

public sealed class RunStateTests
{
    [Fact]
    public void A_state_once_taken_never_changes()
    {
        var kept = RunState.Begin(Value.Of("trigger")).With("a", Value.Of(1)).WithError("b", new StepError("broken", "It broke."));
        var before = Shown(kept);

        var inside = kept.Enter("each[0].", contained: true).Naming("each", Value.Of("item")).With("a", Value.Of(2)).With("c", Value.Of(3));
        var changed = inside.WithError("a", new StepError("x", "y")).WithAnswer(Value.Of(4)).WithSkipped("a")
            .Ended(new RunEnd.Over(new RunOutcome(RunStatus.Succeeded)));

        Assert.Equal(before, Shown(kept));
        Assert.NotEqual(before, Shown(changed));
        Assert.Equal("2", inside.Values["a"].ToString());
        Assert.True(inside.IsContained && !kept.IsContained);
    }

    [Fact]
    public void Forks_of_one_state_do_not_see_each_other()
    {
        var from = RunState.Begin(Value.Null).With("a", Value.Of(0));
        var forks = Enumerable.Range(0, 50).AsParallel().Select(i =>
            Enumerable.Range(0, 100).Aggregate(from.Enter($"each[{i}].", false), (state, n) => state.With("a", Value.Of(i)).With($"s{n}", Value.Of(n)))).ToArray();
        Assert.All(forks, fork => Assert.Equal(102, fork.Values.Count));
        Assert.Equal(50, forks.Select(fork => fork.Values["a"].ToString()).Distinct().Count());
        Assert.Equal(2, from.Values.Count);
    }

    [Fact]
    public void The_first_answer_stays()
    {
        var state = RunState.Begin(Value.Null).With("a", Value.Of(1)).WithAnswer(Value.Of(2)).WithAnswer(Value.Of(3)).With("b", Value.Of(4));
        Assert.Equal("2", state.Output.ToString());
    }

    private static string Shown(RunState state) =>
        $"{state.Place} {state.Last} {state.Answer} {state.IsContained} {state.End} "
        + string.Join(',', state.Values.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={pair.Value}"))
        + string.Join(',', state.Errors.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={pair.Value}"));
}
