using Flows.Contracts.Expressions;

namespace Flows.Engine.Expressions;

/// <summary>
/// An expression could not be read or evaluated: the builder's mistake or unexpected data, in one sentence for the builder.
/// The message is <c>field:line:column: reason</c>, as far as they are known: <c>$.body.sku:1:12: expected a name after '.'</c>.
/// </summary>
public sealed class ExpressionException : Exception
{
    public ExpressionException(string reason, TextPosition? at = null, string? field = null, Exception? inner = null)
        : base(Sentence(reason, at, field), inner) => (Reason, At, Field) = (reason, at, field);

    /// <summary>What was expected and found, without the place.</summary>
    public string Reason { get; }
    /// <summary>The place in the JSON string that holds the expression.</summary>
    public TextPosition? At { get; }
    /// <summary>JSON path of that string in the step's input, e.g. <c>$.body.sku</c>.</summary>
    public string? Field { get; }
    /// <summary>True when a limit of <see cref="ExpressionLimits"/> was broken; the reason names it.</summary>
    public bool IsLimit { get; init; }

    internal ExpressionException With(TextPosition at, string? field) =>
        new(Reason, At ?? at, Field ?? field, InnerException) { IsLimit = IsLimit };

    private static string Sentence(string reason, TextPosition? at, string? field) =>
        (field, at) switch
        {
            (null, null) => reason,
            (null, { } place) => $"{place}: {reason}",
            ({ } path, null) => $"{path}: {reason}",
            ({ } path, { } place) => $"{path}:{place}: {reason}",
        };
}
