namespace Flows.Contracts.Expressions;

/// <summary>
/// A parsed expression, as data. The API reads names and calls off it (<see cref="References"/>); the engine compiles it.
/// The kinds are the sealed records below.
/// </summary>
public abstract record Expression
{
    private protected Expression(TextPosition at, params IReadOnlyList<Expression> children)
    {
        At = at;
        Children = children;
        foreach (var child in children)
            Depth = Math.Max(Depth, child.Depth);
        Depth++;
    }

    /// <summary>Where a message about this expression points: its operator, name or first character.</summary>
    public TextPosition At { get; }
    /// <summary>The direct parts, in the order they are written.</summary>
    public IReadOnlyList<Expression> Children { get; }
    /// <summary>Levels of the tree, 1 for a leaf. The parser keeps it under <see cref="Parser.MaxDepth"/>, so walking it by recursion is safe.</summary>
    public int Depth { get; }
}

public sealed record NullLiteral(TextPosition Place) : Expression(Place);
public sealed record BooleanLiteral(TextPosition Place, bool Value) : Expression(Place);
/// <summary>A whole number that fits 64 bits, kept exactly.</summary>
public sealed record IntegerLiteral(TextPosition Place, long Value) : Expression(Place);
public sealed record NumberLiteral(TextPosition Place, double Value) : Expression(Place);
public sealed record TextLiteral(TextPosition Place, string Value) : Expression(Place);
/// <summary>Back-tick text: text literals and expressions in turn.</summary>
public sealed record TemplateLiteral(TextPosition Place, IReadOnlyList<Expression> Parts) : Expression(Place, Parts);
public sealed record ListLiteral(TextPosition Place, IReadOnlyList<Expression> Items) : Expression(Place, Items);
/// <summary>Entries are <see cref="ObjectEntry"/> or <see cref="Spread"/>.</summary>
public sealed record ObjectLiteral(TextPosition Place, IReadOnlyList<Expression> Entries) : Expression(Place, Entries);
public sealed record ObjectEntry(TextPosition Place, Expression Key, Expression Value) : Expression(Place, Key, Value);
/// <summary><c>...x</c> in a list, an object or the arguments of a call.</summary>
public sealed record Spread(TextPosition Place, Expression Operand) : Expression(Place, Operand);

/// <summary>A name that stands alone: a step, <c>trigger</c>, or the parameter of an arrow function.</summary>
public sealed record Name(TextPosition Place, string Text) : Expression(Place);
/// <summary><c>target.name</c>, or <c>target?.name</c> when optional.</summary>
public sealed record Member(TextPosition Place, Expression Target, string Property, bool Optional) : Expression(Place, Target);
/// <summary><c>target[key]</c>, or <c>target?.[key]</c> when optional.</summary>
public sealed record Element(TextPosition Place, Expression Target, Expression Key, bool Optional) : Expression(Place, Target, Key);
/// <summary>The end of a chain that holds a <c>?.</c>: where it finds null, everything up to here is null.</summary>
public sealed record OptionalChain(TextPosition Place, Expression Chain) : Expression(Place, Chain);

/// <summary>
/// A call of a function of the library. <c>x.f(y)</c> is <c>f(x, y)</c> with <see cref="IsMethod"/>; <c>Math.floor(x)</c> is a
/// function of that whole name.
/// </summary>
/// <param name="Optional">Written <c>x?.f(y)</c>: null when x is.</param>
public sealed record Call(TextPosition Place, string Function, IReadOnlyList<Expression> Arguments, bool IsMethod, bool Optional)
    : Expression(Place, Arguments);
/// <summary><c>(a, b) => body</c>; only as an argument of a call.</summary>
public sealed record Arrow(TextPosition Place, IReadOnlyList<Parameter> Parameters, Expression Body) : Expression(Place, Body);
/// <summary>A parameter of an arrow function: one name, or the names that take a list <c>[k, v]</c> or object <c>{ a, b }</c> apart.</summary>
public sealed record Parameter(ParameterShape Shape, IReadOnlyList<string> Names);
public enum ParameterShape { Name, ListParts, ObjectParts }

/// <summary><c>!</c>, <c>-</c> or <c>+</c> before its operand.</summary>
public sealed record Unary(TextPosition Place, string Operator, Expression Operand) : Expression(Place, Operand);
/// <summary>An operator that needs both sides. <c>==</c> and <c>!=</c> are stored as <c>===</c> and <c>!==</c>.</summary>
public sealed record Binary(TextPosition Place, string Operator, Expression Left, Expression Right) : Expression(Place, Left, Right);
/// <summary><c>&amp;&amp;</c>, <c>||</c> or <c>??</c>: the right side is evaluated only when it is needed.</summary>
public sealed record Logical(TextPosition Place, string Operator, Expression Left, Expression Right) : Expression(Place, Left, Right);
public sealed record Conditional(TextPosition Place, Expression Test, Expression Then, Expression Else) : Expression(Place, Test, Then, Else);
