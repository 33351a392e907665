namespace Flows.Contracts.Expressions;

/// <summary>A place in the text of one JSON string, braces included; line and column count from 1.</summary>
public readonly record struct TextPosition(int Line, int Column)
{
    public override string ToString() => $"{Line}:{Column}";
}

/// <summary>The text between <c>{{</c> and <c>}}</c> is not an expression. The message begins with the position: <c>1:12: expected a name after '.'</c>.</summary>
/// <param name="at">Where it was noticed.</param>
/// <param name="reason">The sentence without the position.</param>
public sealed class ExpressionSyntaxException(TextPosition at, string reason) : FormatException($"{at}: {reason}")
{
    public TextPosition At { get; } = at;
    public string Reason { get; } = reason;
}
