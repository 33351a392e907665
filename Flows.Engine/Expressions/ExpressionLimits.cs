namespace Flows.Engine.Expressions;

/// <summary>What one evaluation (all the expressions of one input together) may use. Breaking a limit is an <see cref="ExpressionException"/> that names it.</summary>
public sealed record ExpressionLimits
{
    public static ExpressionLimits Default { get; } = new();

    /// <summary>Operators, calls, and items a function goes through. Five million by default.</summary>
    public long Steps { get; init; } = 5_000_000;
    /// <summary>Levels a list or object may nest.</summary>
    public int Depth { get; init; } = Value.MaxDepth;
    /// <summary>Characters of one text. Ten million by default.</summary>
    public int TextLength { get; init; } = 10_000_000;
    /// <summary>Items of one list, properties of one object. A million by default.</summary>
    public int ListItems { get; init; } = 1_000_000;
    /// <summary>Values and characters of everything made on the way, and of one result with its shared parts counted as often as they appear.</summary>
    public long Size { get; init; } = 64_000_000;
    /// <summary>Wall-clock time. Five seconds by default.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(5);
    /// <summary>Time of one search with a pattern that can go back over its text. A quarter of a second by default.</summary>
    public TimeSpan PatternTime { get; init; } = TimeSpan.FromMilliseconds(250);
}
