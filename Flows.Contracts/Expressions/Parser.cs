using System.Globalization;

namespace Flows.Contracts.Expressions;

/* Lowest precedence first. "x*" is any number of x, "x?" one or none.
 *   expression => choice
 *   choice     => binary ( "?" choice ":" choice )? ;
 *   binary     => unary ( OPERATOR unary )* ;           by the table below; "**" to the right, all others to the left
 *   unary      => ( "!" | "-" | "+" ) unary | chain ;
 *   chain      => primary ( "." NAME | "[" choice "]" | "?." NAME | "?.[" choice "]" | "(" arguments ")" )* ;
 *   primary    => NUMBER | TEXT | TEMPLATE | "true" | "false" | "null" | "undefined" | NAME
 *               | "(" choice ")" | "[" ( item ( "," item )* ","? )? "]" | "{" ( entry ( "," entry )* ","? )? "}" ;
 *   item       => choice | "..." choice ;
 *   entry      => ( NAME | TEXT | NUMBER | "[" choice "]" ) ":" choice | NAME | "..." choice ;
 *   arguments  => ( argument ( "," argument )* ","? )? ;    argument => arrow | item ;
 *   arrow      => ( parameter | "(" ( parameter ( "," parameter )* )? ")" ) "=>" choice ;
 *   parameter  => NAME | "[" NAME ( "," NAME )* "]" | "{" NAME ( "," NAME )* "}" ;                                  */

/// <summary>Reads one expression out of a text. Precedence and meaning follow JavaScript; docs/expressions.md tells where not.</summary>
public sealed partial class Parser
{
    /// <summary>Levels an expression may nest, counting operators in a row. Keeps every walk over the tree off the end of the stack.</summary>
    public const int MaxDepth = 200;
    /// <summary>Characters one expression may have.</summary>
    public const int MaxLength = 32 * 1024;

    private const int MaxNesting = 60;
    private const int UnaryPrecedence = 10;

    private Lexer _lexer;
    private Token _token;
    private Token _previous;
    private int _nesting;

    private Parser(string text, int offset, int line, int lineStart)
    {
        _lexer = new Lexer(text, offset, line, lineStart);
        _previous = new Token(TokenKind.Symbol, "{{", default, offset, offset);
        _token = _lexer.Next();
    }

    /// <summary>Reads a text that is one bare expression, without braces.</summary>
    /// <exception cref="ExpressionSyntaxException">It is not one.</exception>
    public static Expression Parse(string text)
    {
        var parser = new Parser(text, 0, 1, 0);
        var expression = parser.Choice();
        parser.LimitLength(0);
        return parser._token.Kind == TokenKind.End ? expression : throw parser.Unexpected("an operator or the end");
    }

    /// <summary>Reads an expression that ends with <c>}}</c>; <paramref name="end"/> is the offset behind that.</summary>
    /// <param name="line">The line that the expression begins on, from 1, and <paramref name="lineStart"/> where that line begins.</param>
    internal static Expression ParseBraced(string text, int offset, int line, int lineStart, out int end)
    {
        var parser = new Parser(text, offset, line, lineStart);
        if (parser._token.Is("}"))
            throw new ExpressionSyntaxException(parser._token.At, "there is nothing between '{{' and '}}'");
        var expression = parser.Choice();
        parser.LimitLength(offset);
        end = parser._token.End + 1;
        if (parser._token.Is("}") && end <= text.Length && text[end - 1] == '}')
            return expression;
        throw parser.Unexpected("an operator or '}}'");
    }

    private void LimitLength(int start)
    {
        if (_token.Start - start > MaxLength)
            throw new ExpressionSyntaxException(_token.At, $"an expression may have {MaxLength} characters");
    }

    private Expression Choice()
    {
        // The limit holds here and in Signed, the two places through which every recursion goes.
        Enter();
        var test = BinaryFrom(0);
        if (_token.Is("?"))
        {
            var at = _token.At;
            Advance();
            var then = Choice();
            Expect(":", $"':' for the '?' at {at}");
            test = Built(new Conditional(at, test, then, Choice()));
        }
        _nesting--;
        return test;
    }

    private Expression BinaryFrom(int lowest)
    {
        var left = Signed();
        while (_token.Kind is TokenKind.Symbol && PrecedenceOf(_token.Text) is var precedence && precedence > 0 && precedence >= lowest)
        {
            var (op, at) = (_token.Text, _token.At);
            RefuseMixed(op, left);
            if (op == "**" && left is Unary && !_grouped.Contains(left))
                throw new ExpressionSyntaxException(left.At, "put parentheses around the sign and its number before '**'");
            Advance();
            var right = op == "**" ? BinaryFrom(precedence) : BinaryFrom(precedence + 1);
            RefuseMixed(op, right);
            left = Built<Expression>(op is "&&" or "||" or "??"
                ? new Logical(at, op, left, right)
                : new Binary(at, op switch { "==" => "===", "!=" => "!==", _ => op }, left, right));
        }
        return left;
    }

    // As in JavaScript: the reader could not know which of the two comes first.
    private void RefuseMixed(string op, Expression side)
    {
        if (side is Logical inner && inner.Operator != op && (op == "??" || inner.Operator == "??") && !_grouped.Contains(side))
            throw new ExpressionSyntaxException(side.At, $"put parentheses around one of '{inner.Operator}' and '{op}': they do not mix without");
    }

    /// <summary>0: not a binary operator.</summary>
    private static int PrecedenceOf(string symbol) => symbol switch
    {
        "??" => 1,
        "||" => 2,
        "&&" => 3,
        "===" or "!==" or "==" or "!=" => 5,
        "<" or "<=" or ">" or ">=" => 6,
        "+" or "-" => 7,
        "*" or "/" or "%" => 8,
        "**" => 9,
        _ => 0,
    };

    private Expression Signed()
    {
        if (_token.Kind != TokenKind.Symbol || _token.Text is not ("!" or "-" or "+"))
            return Chain();

        Enter();
        var (op, at) = (_token.Text, _token.At);
        Advance();
        var operand = BinaryFrom(UnaryPrecedence);
        _nesting--;
        return Built(op == "-" ? Negated(at, operand) : new Unary(at, op, operand));
    }

    // The smallest 64-bit number has no positive twin, so its sign belongs to the literal.
    private static Expression Negated(TextPosition at, Expression operand) =>
        operand is NumberLiteral { Value: 9223372036854775808d } ? new IntegerLiteral(at, long.MinValue) : new Unary(at, "-", operand);

    private Expression Chain()
    {
        var chain = Primary();
        var optional = false;
        while (_token.Kind == TokenKind.Symbol)
        {
            var at = _token.At;
            if (_token.Is("."))
            {
                Advance();
                chain = AfterDot(chain, at, optional: false);
            }
            else if (_token.Is("?."))
            {
                Advance();
                optional = true;
                chain = _token.Is("[") ? Bracket(chain, at, optional: true) : AfterDot(chain, at, optional: true);
            }
            else if (_token.Is("["))
                chain = Bracket(chain, at, optional: false);
            else if (_token.Is("("))
                throw new ExpressionSyntaxException(at, "only a function can be called: f(x), or x.f()");
            else
                break;
        }
        return optional ? Built(new OptionalChain(chain.At, chain)) : chain;
    }

    private Element Bracket(Expression target, TextPosition at, bool optional)
    {
        var opened = _token.At;
        Advance();
        var key = Choice();
        Expect("]", $"']' for the '[' at {opened}");
        return Built(new Element(at, target, key, optional));
    }

    private Expression AfterDot(Expression target, TextPosition dot, bool optional)
    {
        if (_token.Kind != TokenKind.Name)
            throw After($"a name after '{(optional ? "?." : ".")}'");
        var name = _token;
        Advance();
        if (!_token.Is("("))
            return Built(new Member(name.At, target, name.Text, optional));

        // Math.floor(x): the first name is part of the function's name, and not a value.
        if (target is Name { Text: var group } && FunctionNames.Groups.Contains(group))
            return Built(new Call(target.At, $"{group}.{name.Text}", Arguments([]), IsMethod: false, optional));
        return Built(new Call(name.At, name.Text, Arguments([target]), IsMethod: true, optional));
    }

    private static T Built<T>(T expression) where T : Expression =>
        expression.Depth <= MaxDepth ? expression : throw TooDeep(expression.At);

    private void Enter()
    {
        if (++_nesting > MaxNesting)
            throw TooDeep(_token.At);
    }

    private static ExpressionSyntaxException TooDeep(TextPosition at) =>
        new(at, "the expression is nested too deeply; do part of it in a step of its own");

    private void Advance()
    {
        _previous = _token;
        _token = _lexer.Next();
    }

    private void Expect(string symbol, string expected)
    {
        if (!_token.Is(symbol))
            throw Unexpected(expected);
        Advance();
    }

    private ExpressionSyntaxException Unexpected(string expected) =>
        new(_token.At, $"expected {expected}, found {(_token.Is("}") ? "'}'" : _token.Shown)}");

    /// <summary>An error right behind the last token that fitted.</summary>
    private ExpressionSyntaxException After(string expected) =>
        new(_previous.At with { Column = _previous.At.Column + _previous.End - _previous.Start }, $"expected {expected}");

    private static double Floating(string digits) => double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
}
