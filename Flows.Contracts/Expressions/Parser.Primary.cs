using System.Globalization;

namespace Flows.Contracts.Expressions;

/// <summary>The parts that stand by themselves: literals, names, calls, arrow functions.</summary>
public sealed partial class Parser
{
    private static readonly HashSet<string> s_notHere = new(StringComparer.Ordinal)
    {
        "new", "function", "typeof", "var", "let", "const", "return", "if", "else", "for", "while", "do", "class", "this", "await", "async",
        "in", "of", "instanceof", "void", "delete", "throw", "try", "catch", "switch", "case", "import", "export", "yield",
    };

    // Parentheses leave no node; what they held is remembered only while it matters to RefuseMixed.
    private readonly HashSet<Expression> _grouped = new(ReferenceEqualityComparer.Instance);

    /// <summary>Words that are not names in an expression, and so cannot be names of steps.</summary>
    public static bool IsReserved(string word) =>
        word is "true" or "false" or "null" or "undefined" or "NaN" or "Infinity" || s_notHere.Contains(word) || FunctionNames.Groups.Contains(word);

    private Expression Primary()
    {
        var token = _token;
        switch (token.Kind)
        {
            case TokenKind.Number:
                Advance();
                return Number(token);
            case TokenKind.Text:
                Advance();
                return new TextLiteral(token.At, token.Text);
            case TokenKind.Template:
                return Template(token);
            case TokenKind.Name:
                return NameOrCall(token);
        }
        return token.Kind == TokenKind.Symbol ? token.Text switch
        {
            "(" => Group(token),
            "[" => List(token),
            "{" => Object(token),
            "/" => throw new ExpressionSyntaxException(token.At, "a pattern is written as a text: match(x, '[a-z]+', 'i')"),
            "..." => throw new ExpressionSyntaxException(token.At, "'...' belongs in a list, an object or the arguments of a function"),
            "=>" => throw new ExpressionSyntaxException(token.At, "an arrow function belongs in the arguments of a function, as in map(list, x => x.name)"),
            _ => throw Unexpected("a value"),
        } : throw Unexpected("a value");
    }

    private static Expression Number(Token token)
    {
        var digits = token.Text.Replace("_", "", StringComparison.Ordinal);
        if (digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return long.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) && hex >= 0
                ? new IntegerLiteral(token.At, hex)
                : throw new ExpressionSyntaxException(token.At, $"'{token.Text}' is not a hexadecimal number of at most 63 bits");
        }
        if (long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var integer))
            return new IntegerLiteral(token.At, integer);
        var number = Floating(digits);
        return double.IsFinite(number)
            ? new NumberLiteral(token.At, number)
            : throw new ExpressionSyntaxException(token.At, $"the number {token.Text} is too large");
    }

    private Expression NameOrCall(Token token)
    {
        Advance();
        switch (token.Text)
        {
            case "true": return new BooleanLiteral(token.At, true);
            case "false": return new BooleanLiteral(token.At, false);
            case "null" or "undefined": return new NullLiteral(token.At);
            case "NaN" or "Infinity": throw new ExpressionSyntaxException(token.At, $"there is no {token.Text} here: a number is always finite");
            case "typeof": throw new ExpressionSyntaxException(token.At, "write type(x) instead of typeof x");
            case "new": throw new ExpressionSyntaxException(token.At, "'new' makes nothing here; for a date write date('2026-01-31')");
        }
        if (s_notHere.Contains(token.Text))
            throw new ExpressionSyntaxException(token.At, $"'{token.Text}' is not part of an expression, which is one value without statements");
        if (_token.Is("("))
            return Built(new Call(token.At, token.Text, Arguments([]), IsMethod: false, Optional: false));
        if (_token.Is("=>"))
            throw new ExpressionSyntaxException(_token.At, "an arrow function belongs in the arguments of a function, as in map(list, x => x.name)");
        return new Name(token.At, token.Text);
    }

    private Expression Group(Token open)
    {
        Advance();
        var inner = Choice();
        if (_token.Is(","))
            throw Unexpected($"')' for the '(' at {open.At}");
        Expect(")", $"')' for the '(' at {open.At}");
        if (_token.Is("=>"))
            throw new ExpressionSyntaxException(_token.At, "an arrow function belongs in the arguments of a function, as in map(list, x => x.name)");
        if (inner is Logical or Unary)
            _grouped.Add(inner);
        return inner;
    }

    private ListLiteral List(Token open)
    {
        Advance();
        var items = new List<Expression>();
        while (!_token.Is("]"))
        {
            items.Add(Item());
            if (!_token.Is("]"))
                Expect(",", $"',' or ']' for the '[' at {open.At}");
        }
        Advance();
        return Built(new ListLiteral(open.At, items));
    }

    private Expression Item()
    {
        if (!_token.Is("..."))
            return Choice();
        var at = _token.At;
        Advance();
        return Built(new Spread(at, Choice()));
    }

    private ObjectLiteral Object(Token open)
    {
        Advance();
        var entries = new List<Expression>();
        while (!_token.Is("}"))
        {
            entries.Add(Entry(open));
            if (!_token.Is("}"))
                Expect(",", $"',' or '}}' for the '{{' at {open.At}");
        }
        Advance();
        return Built(new ObjectLiteral(open.At, entries));
    }

    private Expression Entry(Token open)
    {
        var token = _token;
        if (token.Is("..."))
            return Item();
        Expression key;
        if (token.Is("["))
        {
            Advance();
            key = Choice();
            Expect("]", $"']' for the '[' at {token.At}");
        }
        else if (token.Kind is TokenKind.Name or TokenKind.Text or TokenKind.Number)
        {
            Advance();
            key = new TextLiteral(token.At, token.Text);
            if (token.Kind == TokenKind.Name && (_token.Is(",") || _token.Is("}")))
                return Built(new ObjectEntry(token.At, key, IsReserved(token.Text) ? throw Unexpected($"':' and a value for '{token.Text}'") : new Name(token.At, token.Text)));
            if (token.Kind == TokenKind.Name && token.Text == "return")
                throw new ExpressionSyntaxException(token.At, "an arrow function is one expression: leave out '{', 'return' and '}'");
        }
        else
            throw Unexpected($"a key or '}}' for the '{{' at {open.At}");
        Expect(":", "':' and a value");
        return Built(new ObjectEntry(token.At, key, Choice()));
    }

    private TemplateLiteral Template(Token open)
    {
        var parts = new List<Expression>();
        while (true)
        {
            var chunk = _lexer.TemplateChunk(open.At, out var more);
            if (chunk.Length > 0)
                parts.Add(new TextLiteral(open.At, chunk));
            if (!more)
                break;
            var at = _previous.At;
            Advance();
            parts.Add(Choice());
            // Not Expect: what follows the brace is text again, and not the next token.
            if (!_token.Is("}"))
                throw Unexpected($"'}}' for the '${{' of the template text at {open.At}");
        }
        Advance();
        return Built(new TemplateLiteral(open.At, parts));
    }

    private List<Expression> Arguments(List<Expression> arguments)
    {
        var open = _token.At;
        Advance();
        while (!_token.Is(")"))
        {
            arguments.Add(IsArrow() ? ArrowFunction() : Item());
            if (!_token.Is(")"))
                Expect(",", $"',' or ')' for the '(' at {open}");
        }
        Advance();
        return arguments;
    }

    /// <summary>Looks ahead, on a copy of the lexer, for a parameter list and its <c>=></c>.</summary>
    private bool IsArrow()
    {
        if (_token.Kind != TokenKind.Name && !_token.Is("("))
            return false;
        var ahead = _lexer;
        if (_token.Kind == TokenKind.Name)
            return ahead.Next().Is("=>");

        for (var token = ahead.Next(); token.Kind != TokenKind.End; token = ahead.Next())
        {
            if (token.Is(")"))
                return ahead.Next().Is("=>");
            if (token.Kind != TokenKind.Name && !(token.Kind == TokenKind.Symbol && token.Text is "," or "[" or "]" or "{" or "}"))
                return false;
        }
        return false;
    }

    private Arrow ArrowFunction()
    {
        var at = _token.At;
        var parameters = new List<Parameter>();
        if (_token.Kind == TokenKind.Name)
            parameters.Add(OneParameter());
        else
        {
            Advance();
            while (!_token.Is(")"))
            {
                parameters.Add(OneParameter());
                if (!_token.Is(")"))
                    Expect(",", "',' or ')' in the parameters of the arrow function");
            }
            Advance();
        }
        Expect("=>", "'=>' after the parameters");
        var twice = parameters.SelectMany(p => p.Names).GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.Key;
        return twice is null
            ? Built(new Arrow(at, parameters, Choice()))
            : throw new ExpressionSyntaxException(at, $"the parameter '{twice}' is there twice");
    }

    private Parameter OneParameter()
    {
        if (_token.Kind == TokenKind.Name)
            return new Parameter(ParameterShape.Name, [ParameterName()]);
        var (shape, close) = _token.Is("[") ? (ParameterShape.ListParts, "]") : _token.Is("{") ? (ParameterShape.ObjectParts, "}") : throw Unexpected("the name of a parameter");
        Advance();
        var names = new List<string>();
        while (!_token.Is(close))
        {
            names.Add(ParameterName());
            if (!_token.Is(close))
                Expect(",", $"',' or '{close}' in the parameter");
        }
        Advance();
        return new Parameter(shape, names);
    }

    private string ParameterName()
    {
        if (_token.Kind != TokenKind.Name)
            throw Unexpected("the name of a parameter");
        if (IsReserved(_token.Text))
            throw new ExpressionSyntaxException(_token.At, $"'{_token.Text}' cannot be the name of a parameter");
        var name = _token.Text;
        Advance();
        return name;
    }
}
