using System.Collections.Concurrent;
using Flows.Contracts.Definitions;

namespace Flows.Engine.Steps;

/// <summary>A definition and what executors have made of its steps: each step's templates are compiled once, when it is first walked.</summary>
internal sealed class CompiledFlow(FlowDefinition definition)
{
    // By reference: two steps with the same content are still two steps.
    private readonly ConcurrentDictionary<Step, object> _compiled = new(ReferenceEqualityComparer.Instance);

    public FlowDefinition Definition => definition;

    /// <summary>Where each step stands.</summary>
    public StepPlaces Places { get; } = new(definition);

    /// <exception cref="Expressions.ExpressionException">The step holds an expression that cannot be read.</exception>
    public TCompiled Of<TStep, TCompiled>(TStep step, Func<TStep, TCompiled> compile)
        where TStep : Step
        where TCompiled : class
    {
        if (_compiled.TryGetValue(step, out var compiled))
            return (TCompiled)compiled;
        var made = compile(step);
        return (TCompiled)_compiled.GetOrAdd(step, made);
    }
}

/// <summary>The last few definitions, by version id. Not for concurrent use.</summary>
internal sealed class CompiledFlows(int capacity = 16)
{
    private readonly LinkedList<(Guid Version, CompiledFlow Flow)> _flows = new();

    /// <summary>The flow of that version, now the one used last; null when it is not kept (any more).</summary>
    public CompiledFlow? Find(Guid version)
    {
        for (var node = _flows.First; node is not null; node = node.Next)
        {
            if (node.Value.Version != version)
                continue;
            _flows.Remove(node);
            _flows.AddFirst(node);
            return node.Value.Flow;
        }
        return null;
    }

    public void Keep(Guid version, CompiledFlow flow)
    {
        _flows.AddFirst((version, flow));
        if (_flows.Count > capacity)
            _flows.RemoveLast();
    }
}
