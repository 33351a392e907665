using System.Collections.Immutable;
using Flows.Contracts.Definitions;

namespace Flows.Engine.Steps;

/// <summary>Where each step of a flow stands, and so what its path is, seen from a place of a walk.</summary>
internal sealed class StepPlaces
{
    private readonly Dictionary<string, (Step Step, ImmutableList<Container> Around)> _steps = new(StringComparer.Ordinal);

    public StepPlaces(FlowDefinition definition) => Add(definition.Steps, []);

    /// <summary>The step of that name; null when there is none.</summary>
    public Step? Find(string name) => _steps.TryGetValue(name, out var found) ? found.Step : null;

    /// <summary>The steps around one, the outermost first, and how the way goes on inside each: <c>:VIP.</c> into a branch, <c>!</c> into a failure branch, null into a loop's item.</summary>
    public IEnumerable<(string Owner, string? Then)> Around(string name) =>
        _steps.TryGetValue(name, out var found) ? found.Around.Select(container => (container.Owner, container.Then)) : [];

    /// <summary>The names of all steps inside one, at any depth.</summary>
    public IEnumerable<string> Inside(string name) =>
        _steps.Where(step => step.Value.Around.Any(container => container.Owner == name)).Select(step => step.Key);

    /// <summary>The path of a step of this flow as a walk at <paramref name="place"/> will meet it.</summary>
    /// <param name="place">As in <see cref="RunState.Place"/>.</param>
    /// <param name="loop">Set when there is no one path: the loop around the step that is not around the place.</param>
    public string? PathFrom(string place, string name, out string? loop)
    {
        var path = "";
        loop = null;
        foreach (var container in _steps[name].Around)
        {
            path += container.Owner;
            if (container.Then is { } then)
            {
                path += then;
                continue;
            }
            var end = place.StartsWith(path + "[", StringComparison.Ordinal) ? place.IndexOf("].", path.Length, StringComparison.Ordinal) : -1;
            if (end < 0)
            {
                loop = container.Owner;
                return null;
            }
            path = place[..(end + 2)];
        }
        return path + name;
    }

    private void Add(IReadOnlyList<Step> steps, ImmutableList<Container> around)
    {
        foreach (var step in steps)
        {
            _steps[step.Name] = (step, around);
            if (step is LoopStep loop)
                Add(loop.Steps, around.Add(new Container(step.Name, Then: null)));
            if (step is RouterStep router)
            {
                foreach (var branch in router.Branches)
                    Add(branch.Steps, around.Add(new Container(step.Name, $":{branch.Name}.")));
            }
            Add(step.OnError.Steps, around.Add(new Container(step.Name, "!")));
        }
    }

    /// <param name="Then">What follows the owner's name in a path; null for a loop, where it is the item.</param>
    private sealed record Container(string Owner, string? Then);
}
