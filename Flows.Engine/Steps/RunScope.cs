using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>The names an expression of a step may use: earlier steps, the trigger, errors, run, flow, vars, and in inputs of actions connections.</summary>
internal sealed class RunScope(RunState state, RunContext run, bool withConnections) : Scope
{
    public override bool TryGet(string name, out Value value)
    {
        if (state.Values.TryGetValue(name, out value))
            return true;
        switch (name)
        {
            case "errors":
                value = ValueObject.Of(state.Errors.Select(error => new KeyValuePair<string, Value>(error.Key, StepFailure.AsValue(error.Value))));
                return true;
            case "connections" when withConnections:
                value = run.Connections.AsValue;
                return true;
        }
        foreach (var (known, meaning) in run.Names)
        {
            if (known != name)
                continue;
            value = meaning;
            return true;
        }
        value = default;
        return false;
    }

    public override IEnumerable<string> Names
    {
        get
        {
            IEnumerable<string> names = [.. state.Values.Keys, "errors", .. run.Names.Select(pair => pair.Key)];
            return withConnections ? names.Append("connections") : names;
        }
    }
}
