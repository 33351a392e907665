namespace Flows.Contracts.Expressions;

/// <summary>What the parser has to know of functions: the first words of names such as <c>Math.floor</c>.</summary>
public static class FunctionNames
{
    /// <summary>A call on one of these words names a function, and not a method of a value of that name.</summary>
    public static IReadOnlySet<string> Groups { get; } =
        new HashSet<string>(StringComparer.Ordinal) { "Math", "JSON", "Object", "Array", "Number", "String", "Date", "Boolean" };
}
