namespace Flows.Contracts.Expressions;

/// <summary>A JSON string of a definition, cut into plain text and the expressions between <c>{{</c> and <c>}}</c>.</summary>
/// <param name="Parts">Text literals and expressions in the order they stand; empty for an empty string.</param>
/// <param name="HasExpressions">False: the string is what it is.</param>
/// <param name="IsOneExpression">The string is one <c>{{ … }}</c> and nothing else: its value keeps its type.</param>
public sealed record TextTemplate(IReadOnlyList<Expression> Parts, bool HasExpressions, bool IsOneExpression)
{
    /// <exception cref="ExpressionSyntaxException">An expression in it is not one. Only the first is reported.</exception>
    public static TextTemplate Parse(string text)
    {
        var open = text.IndexOf("{{", StringComparison.Ordinal);
        if (open < 0)
            return new TextTemplate(text.Length == 0 ? [] : [new TextLiteral(new TextPosition(1, 1), text)], false, false);

        var parts = new List<Expression>();
        var offset = 0;
        // Lines are counted on from one expression to the next: a text may have very many of them.
        var (counted, line, lineStart) = (0, 1, 0);
        for (; open >= 0; open = text.IndexOf("{{", offset, StringComparison.Ordinal))
        {
            if (open > offset)
                parts.Add(new TextLiteral(default, text[offset..open]));
            var between = text.AsSpan(counted, open - counted);
            if (between.LastIndexOf('\n') is var last and >= 0)
                (line, lineStart) = (line + between.Count('\n'), counted + last + 1);
            counted = open;
            parts.Add(Parser.ParseBraced(text, open + 2, line, lineStart, out offset));
        }
        if (offset < text.Length)
            parts.Add(new TextLiteral(default, text[offset..]));
        return new TextTemplate(parts, true, IsOneExpression: parts.Count == 1);
    }
}
