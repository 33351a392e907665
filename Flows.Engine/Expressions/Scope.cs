namespace Flows.Engine.Expressions;

/// <summary>The names an expression may use: steps, <c>trigger</c>, <c>run</c> and so on. Arrow parameters come first.</summary>
public abstract class Scope
{
    public abstract bool TryGet(string name, out Value value);

    /// <summary>Every name there is, for the suggestion when one is misspelt.</summary>
    public abstract IEnumerable<string> Names { get; }
}
