using System.Globalization;
using System.Text;

namespace Flows.Contracts.Expressions;

/// <summary>
/// Cuts the text into tokens, one at a time and only when asked, so that the parser decides where an expression ends.
/// A value type: a copy looks ahead without moving the original.
/// </summary>
/* NAME: letter, _ or $, then also digits.   NUMBER: 12  1_000  1.5  .5  2e10  0xff
 * TEXT: '…' or "…" on one line, with \n \r \t \b \f \v \0 \\ \' \" \` \/ \xHH \uHHHH \u{H…}   TEMPLATE: `…${ expression }…` */
internal struct Lexer(string text, int offset, int line, int lineStart)
{
    // Longest first: the first that fits is taken.
    private static readonly string[] s_symbols =
    [
        "===", "!==", "...", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "=>", "**",
        "+", "-", "*", "/", "%", "<", ">", "!", "?", ":", "(", ")", "[", "]", "{", "}", ",", ".",
    ];

    private int _offset = offset;
    private int _line = line;
    private int _lineStart = lineStart;

    /// <summary>The offset behind what was read so far.</summary>
    public readonly int Offset => _offset;

    private readonly TextPosition Here => new(_line, _offset - _lineStart + 1);

    public Token Next()
    {
        SkipSpace();
        if (_offset >= text.Length)
            return new Token(TokenKind.End, "", Here, _offset, _offset);

        var c = text[_offset];
        if (IsNameStart(c))
            return Name();
        if (char.IsAsciiDigit(c) || (c == '.' && char.IsAsciiDigit(At(1))))
            return Number();
        if (c is '\'' or '"')
            return Text(c);
        if (c == '`')
            return Take(TokenKind.Template, 1);

        foreach (var symbol in s_symbols)
        {
            if (!text.AsSpan(_offset).StartsWith(symbol, StringComparison.Ordinal))
                continue;
            // a?.5:1 is a choice, not a chain.
            if (symbol == "?." && char.IsAsciiDigit(At(2)))
                continue;
            return Take(TokenKind.Symbol, symbol.Length, symbol);
        }
        throw new ExpressionSyntaxException(Here, Refusal(c));
    }

    /// <summary>The text up to the next <c>${</c> or the closing back-tick; <paramref name="more"/> says which of the two it was.</summary>
    public string TemplateChunk(TextPosition opened, out bool more)
    {
        var value = new StringBuilder();
        while (_offset < text.Length)
        {
            var c = text[_offset];
            if (c == '`' || (c == '$' && At(1) == '{'))
            {
                more = c == '$';
                _offset += more ? 2 : 1;
                return value.ToString();
            }
            if (c == '\\')
            {
                Escape(value);
                continue;
            }
            value.Append(c);
            Advance();
        }
        throw new ExpressionSyntaxException(opened, "the template text that starts here is not closed with a `");
    }

    private void SkipSpace()
    {
        while (_offset < text.Length && (char.IsWhiteSpace(text[_offset]) || text[_offset] == '\uFEFF'))
            Advance();
    }

    private void Advance()
    {
        if (text[_offset++] != '\n')
            return;
        _line++;
        _lineStart = _offset;
    }

    private readonly char At(int ahead) => _offset + ahead < text.Length ? text[_offset + ahead] : '\0';

    private Token Take(TokenKind kind, int length, string? value = null)
    {
        var token = new Token(kind, value ?? text.Substring(_offset, length), Here, _offset, _offset + length);
        _offset += length;
        return token;
    }

    private Token Name()
    {
        var length = 1;
        while (IsNameStart(At(length)) || char.IsDigit(At(length)))
            length++;
        return Take(TokenKind.Name, length);
    }

    private Token Number()
    {
        var length = 0;
        if (At(0) == '0' && At(1) is 'x' or 'X')
        {
            length = 2;
            while (char.IsAsciiHexDigit(At(length)) || At(length) == '_')
                length++;
        }
        else
        {
            length = Digits(0);
            if (At(length) == '.' && char.IsAsciiDigit(At(length + 1)))
                length = Digits(length + 1);
            if (At(length) is 'e' or 'E')
            {
                var sign = At(length + 1) is '+' or '-' ? 2 : 1;
                if (char.IsAsciiDigit(At(length + sign)))
                    length = Digits(length + sign);
            }
        }
        if (IsNameStart(At(length)))
            throw new ExpressionSyntaxException(Here, $"'{text.AsSpan(_offset, length + 1)}' is neither a number nor a name");
        return Take(TokenKind.Number, length);
    }

    private readonly int Digits(int from)
    {
        while (char.IsAsciiDigit(At(from)) || (At(from) == '_' && char.IsAsciiDigit(At(from + 1))))
            from++;
        return from;
    }

    private Token Text(char quote)
    {
        var (at, start) = (Here, _offset);
        var value = new StringBuilder();
        _offset++;
        while (_offset < text.Length && text[_offset] is not '\n')
        {
            var c = text[_offset];
            if (c == quote)
            {
                _offset++;
                return new Token(TokenKind.Text, value.ToString(), at, start, _offset);
            }
            if (c == '\\')
            {
                Escape(value);
                continue;
            }
            value.Append(c);
            _offset++;
        }
        throw new ExpressionSyntaxException(at, $"the text that starts here is not closed with a {quote}");
    }

    private void Escape(StringBuilder value)
    {
        var at = Here;
        var c = At(1);
        _offset += 2;
        switch (c)
        {
            case 'n': value.Append('\n'); break;
            case 'r': value.Append('\r'); break;
            case 't': value.Append('\t'); break;
            case 'b': value.Append('\b'); break;
            case 'f': value.Append('\f'); break;
            case 'v': value.Append('\v'); break;
            case '0' when !char.IsAsciiDigit(At(0)): value.Append('\0'); break;
            case '\\' or '\'' or '"' or '`' or '/' or '$' or '{' or '}': value.Append(c); break;
            case 'x': value.Append((char)Hex(2, at)); break;
            case 'u' when At(0) == '{': CodePoint(value, at); break;
            case 'u': value.Append((char)Hex(4, at)); break;
            default: throw new ExpressionSyntaxException(at, $"'\\{c}' is not an escape; write '\\\\{c}' for a backslash and '{c}'");
        }
    }

    private int Hex(int digits, TextPosition at)
    {
        if (_offset + digits <= text.Length
            && int.TryParse(text.AsSpan(_offset, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
        {
            _offset += digits;
            return code;
        }
        throw new ExpressionSyntaxException(at, $"expected {digits} hexadecimal digits in this escape");
    }

    private void CodePoint(StringBuilder value, TextPosition at)
    {
        var end = text.IndexOf('}', _offset);
        if (end < 0 || end - _offset > 8
            || !int.TryParse(text.AsSpan(_offset + 1, end - _offset - 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code)
            || !Rune.IsValid(code))
            throw new ExpressionSyntaxException(at, "expected a Unicode code point such as \\u{1F600}");
        value.Append(new Rune(code).ToString());
        _offset = end + 1;
    }

    private static bool IsNameStart(char c) => char.IsLetter(c) || c is '_' or '$';

    private static string Refusal(char c) => c switch
    {
        '=' => "'=' does not compare; write '==='. Nothing can be assigned in an expression",
        '&' => "'&' is not an operator here; write '&&' for and",
        '|' => "'|' is not an operator here; write '||' for or, and call functions as f(x) or x.f()",
        ';' => "an expression has no ';': it is one value",
        '^' or '~' => $"'{c}' is not an operator here; '**' raises to a power",
        '\\' => "a backslash belongs inside a quoted text",
        _ => char.IsControl(c) || char.IsSurrogate(c) ? $"the character U+{(int)c:X4} does not belong here" : $"the character '{c}' does not belong here",
    };
}
