namespace Flows.Contracts.Expressions;

internal enum TokenKind
{
    End,
    Name,
    Number,
    /// <summary>A quoted text; <see cref="Token.Text"/> is its value, escapes resolved.</summary>
    Text,
    /// <summary>A back-tick: the parser goes on with <see cref="Lexer.TemplateChunk"/>.</summary>
    Template,
    Symbol,
}

/// <param name="Text">The symbol, name or digits as written, or the value of a text.</param>
/// <param name="Start">Offset of the first character in the whole string.</param>
/// <param name="End">Offset behind the last character.</param>
internal readonly record struct Token(TokenKind Kind, string Text, TextPosition At, int Start, int End)
{
    public bool Is(string symbol) => Kind == TokenKind.Symbol && Text == symbol;

    /// <summary>The token as a message shows it.</summary>
    public string Shown => Kind switch
    {
        TokenKind.End => "the end",
        TokenKind.Text => Text.Length <= 20 ? $"the text '{Text}'" : $"the text '{Text[..20]}…'",
        TokenKind.Number => $"the number {Text}",
        _ => $"'{Text}'",
    };
}
