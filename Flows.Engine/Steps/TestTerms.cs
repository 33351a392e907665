using System.Collections.Frozen;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>
/// What a test run takes as given and where it ends, seen from the steps it meets. It is walked as every run is: a step that is given has a line in
/// the journal as if an earlier attempt had done it, and behind the step that is tested the run is over as behind a stop.
/// </summary>
internal sealed class TestTerms
{
    private readonly string? _target;
    private readonly bool _isAlone;
    private readonly IReadOnlyDictionary<string, RawJson> _given;
    private readonly Dictionary<string, Value> _items;
    // The steps around the one that is tested, and how the way goes on inside each of them.
    private readonly FrozenDictionary<string, string?> _around;
    private readonly FrozenSet<string> _inside;

    /// <exception cref="System.Text.Json.JsonException">What is given cannot be taken in: it nests too deeply, or holds too large a number.</exception>
    public TestTerms(TestPlan plan, StepPlaces places)
    {
        _target = plan.Step;
        _isAlone = plan.Only && plan.Step is not null;
        _given = plan.Outputs ?? new Dictionary<string, RawJson>();
        foreach (var output in _given.Values)
            Value.FromJson(output); // here, where a refusal is the run's and not a fault
        _items = (plan.Items ?? new Dictionary<string, RawJson>()).ToDictionary(item => item.Key, item => Value.FromJson(item.Value), StringComparer.Ordinal);
        _around = (_target is null ? [] : places.Around(_target)).ToFrozenDictionary(place => place.Owner, place => place.Then, StringComparer.Ordinal);
        _inside = (_target is null ? [] : places.Inside(_target)).ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>The output that the step has without being done; null when it is to be done.</summary>
    public RawJson? OutputOf(Step step) => step is not StopStep && !_around.ContainsKey(step.Name) && _given.TryGetValue(step.Name, out var output) ? output : null;

    /// <summary>True for the step behind which the run ends.</summary>
    public bool IsTarget(Step step) => step.Name == _target;

    /// <summary>True when the step that is tested lies somewhere inside this one.</summary>
    public bool IsAround(Step step) => _around.ContainsKey(step.Name);

    /// <summary>True for a step that is passed over because one alone is tested.</summary>
    public bool LeavesOut(Step step) => _isAlone && !IsTarget(step) && !IsInside(step) && !IsAround(step) && OutputOf(step) is null;

    /// <summary>True when the step is not done but its failure branch is walked, because the step that is tested lies there and is tested alone.</summary>
    public bool GoesToFailureBranch(Step step) => _isAlone && LiesInFailureBranch(step);

    public bool LiesInFailureBranch(Step step) => _around.TryGetValue(step.Name, out var then) && then == "!";

    /// <summary>Of the branches taken the one that leads to the step that is tested; all of them when it is elsewhere.</summary>
    public List<Branch> Narrow(RouterStep router, List<Branch> taken)
    {
        if (!_around.TryGetValue(router.Name, out var then) || then == "!")
            return taken;
        return [.. (_isAlone ? router.Branches : taken).Where(branch => $":{branch.Name}." == then)];
    }

    /// <summary>True when nobody asks the router's conditions, because the way inside is known.</summary>
    public bool TakesOneBranch(RouterStep router) => _isAlone && _around.TryGetValue(router.Name, out var then) && then is not (null or "!");

    /// <summary>True when the loop is walked for one item alone.</summary>
    public bool TakesOneItem(LoopStep loop) => _isAlone && LeadsThrough(loop);

    /// <summary>True when the loop's items lead to the step that is tested: they are walked one after the other, and the run ends at the first that gets there.</summary>
    public bool LeadsThrough(LoopStep loop) => _around.TryGetValue(loop.Name, out var then) && then is null;

    /// <summary>What the loop's name means in the one item, where that is given.</summary>
    public Value? ItemOf(LoopStep loop) => _items.TryGetValue(loop.Name, out var item) ? item : null;

    /// <summary>How the run ends when the flow has gone another way than to the step that is tested.</summary>
    /// <param name="step">The outermost step around it.</param>
    public RunOutcome NotReached(Step step) => new(RunStatus.Failed, Error: new StepError(StepErrorCodes.NotReached,
        $"The step '{_target}' was not reached: {(_around.Count > 1 ? $"no way inside '{step.Name}' led to it" : _around[step.Name] switch
        {
            null => $"no item of the loop '{step.Name}' came to it",
            "!" => $"the step '{step.Name}' did not fail",
            _ => $"the router '{step.Name}' took another branch",
        })}."), FailedStep: step.Name);

    // Whatever is tested is done with all that is inside it.
    private bool IsInside(Step step) => _inside.Contains(step.Name);
}
