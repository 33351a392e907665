using System.Numerics;

namespace Flows.Engine.Expressions;

internal enum BinaryOperator { Add, Subtract, Multiply, Divide, Remainder, Power, Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual }

/// <summary>What the operators do. Nothing is converted in silence: the only mixture is text + value, which is the value as text.</summary>
internal static class Operators
{
    public static BinaryOperator Of(string symbol) => symbol switch
    {
        "+" => BinaryOperator.Add,
        "-" => BinaryOperator.Subtract,
        "*" => BinaryOperator.Multiply,
        "/" => BinaryOperator.Divide,
        "%" => BinaryOperator.Remainder,
        "**" => BinaryOperator.Power,
        "===" => BinaryOperator.Equal,
        "!==" => BinaryOperator.NotEqual,
        "<" => BinaryOperator.Less,
        "<=" => BinaryOperator.LessOrEqual,
        ">" => BinaryOperator.Greater,
        _ => BinaryOperator.GreaterOrEqual,
    };

    public static Value Apply(BinaryOperator op, Value a, Value b, Evaluation run) => op switch
    {
        BinaryOperator.Equal => Value.Of(a.Equals(b)),
        BinaryOperator.NotEqual => Value.Of(!a.Equals(b)),
        BinaryOperator.Add when a.IsText || b.IsText => Join(a, b, run),
        >= BinaryOperator.Less => Value.Of(Holds(op, Compare(a, b, Symbol(op), run))),
        _ => a.IsNumber && b.IsNumber ? Calculate(op, a, b) : throw NotNumbers(op, a, b, run),
    };

    /// <summary>A value as it stands inside text. Null is refused: an empty place in a text is a mistake nobody would see.</summary>
    public static string InText(Value value, Evaluation run)
    {
        if (value.TryGetText(out var text))
            return text;
        if (value.IsNull)
            throw new ExpressionException("the value is null and cannot be put into text; write … ?? '' for an empty text, or another default");
        if (value.Kind is ValueKind.List or ValueKind.Object)
            run.Context.Text(value.Weight);
        return value.ToString();
    }

    /// <summary>Below, at or above 0. Numbers by size, texts by character code, false before true.</summary>
    public static int Compare(Value a, Value b, string symbol, Evaluation run)
    {
        if (a.IsNumber && b.IsNumber)
            return CompareNumbers(a, b);
        if (a.IsText && b.IsText)
            return string.CompareOrdinal(a.AsText, b.AsText);
        if (a.Kind == ValueKind.Boolean && b.Kind == ValueKind.Boolean)
            return a.AsBoolean.CompareTo(b.AsBoolean);
        throw new ExpressionException($"'{symbol}' compares two numbers or two texts, found {run.Show(a)} and {run.Show(b)}{NumberHint(a)}");
    }

    /// <summary>Exact, also between an integer past 2^53 and a double.</summary>
    public static int CompareNumbers(Value a, Value b)
    {
        if (a.TryGetInteger(out var x) && b.TryGetInteger(out var y))
            return x.CompareTo(y);
        // A double that is not stored as an integer is beyond all of them, or has a fraction and so is below 2^53, where integers convert exactly.
        if (a.IsInteger && Math.Abs(b.AsDouble) > long.MaxValue / 2)
            return -Math.Sign(b.AsDouble);
        if (b.IsInteger && Math.Abs(a.AsDouble) > long.MaxValue / 2)
            return Math.Sign(a.AsDouble);
        return a.AsDouble.CompareTo(b.AsDouble);
    }

    public static string NumberHint(Value value) =>
        value.IsText && NumberFunctions.TryParse(value.AsText, out _) ? "; number(x) makes a number of text" : "";

    public static Value Add(Value a, Value b) => Calculate(BinaryOperator.Add, a, b);

    public static Value Power(Value number, Value exponent) => Calculate(BinaryOperator.Power, number, exponent);

    private static Value Join(Value a, Value b, Evaluation run)
    {
        var (left, right) = (InText(a, run), InText(b, run));
        run.Context.Text(left.Length + right.Length);
        return Value.Of(left + right);
    }

    private static Value Calculate(BinaryOperator op, Value a, Value b)
    {
        if (a.TryGetInteger(out var x) && b.TryGetInteger(out var y) && OfIntegers(op, x, y) is { } exact)
            return Value.Of(exact);
        var (p, q) = (a.AsDouble, b.AsDouble);
        if (q == 0 && op is BinaryOperator.Divide or BinaryOperator.Remainder)
            throw new ExpressionException("division by zero");
        return Value.Of(op switch
        {
            BinaryOperator.Add => p + q,
            BinaryOperator.Subtract => p - q,
            BinaryOperator.Multiply => p * q,
            BinaryOperator.Divide => p / q,
            BinaryOperator.Remainder => p % q,
            _ => Math.Pow(p, q),
        });
    }

    /// <summary>The exact result, or null when it is no integer of 64 bits.</summary>
    private static long? OfIntegers(BinaryOperator op, long x, long y)
    {
        Int128 wide;
        switch (op)
        {
            case BinaryOperator.Add: wide = (Int128)x + y; break;
            case BinaryOperator.Subtract: wide = (Int128)x - y; break;
            case BinaryOperator.Multiply: wide = (Int128)x * y; break;
            case BinaryOperator.Divide when y != 0 && (Int128)x % y == 0: wide = (Int128)x / y; break;
            case BinaryOperator.Remainder when y != 0: wide = (Int128)x % y; break;
            case BinaryOperator.Power when y is >= 0 and <= 64 || (y > 64 && x is >= -1 and <= 1): return ToPower(x, y);
            default: return null;
        }
        return wide >= long.MinValue && wide <= long.MaxValue ? (long)wide : null;
    }

    private static long? ToPower(long x, long y)
    {
        if (x is 0 or 1)
            return y == 0 ? 1 : x;
        if (x == -1)
            return y % 2 == 0 ? 1 : -1;
        var power = BigInteger.Pow(x, (int)y);
        return power >= long.MinValue && power <= long.MaxValue ? (long)power : null;
    }

    private static bool Holds(BinaryOperator op, int order) => op switch
    {
        BinaryOperator.Less => order < 0,
        BinaryOperator.LessOrEqual => order <= 0,
        BinaryOperator.Greater => order > 0,
        _ => order >= 0,
    };

    private static ExpressionException NotNumbers(BinaryOperator op, Value a, Value b, Evaluation run)
    {
        var wrong = a.IsNumber ? b : a;
        var hint = wrong.IsNull ? "; write … ?? 0 where it may be missing"
            : op == BinaryOperator.Add && a.Kind == ValueKind.List && b.Kind == ValueKind.List ? "; write [...a, ...b] or concat(a, b) to join lists"
            : NumberHint(wrong);
        return new ExpressionException($"'{Symbol(op)}' needs numbers{(op == BinaryOperator.Add ? " or text" : "")}, found {run.Show(a)} and {run.Show(b)}{hint}");
    }

    private static string Symbol(BinaryOperator op) => op switch
    {
        BinaryOperator.Add => "+",
        BinaryOperator.Subtract => "-",
        BinaryOperator.Multiply => "*",
        BinaryOperator.Divide => "/",
        BinaryOperator.Remainder => "%",
        BinaryOperator.Power => "**",
        BinaryOperator.Less => "<",
        BinaryOperator.LessOrEqual => "<=",
        BinaryOperator.Greater => ">",
        BinaryOperator.GreaterOrEqual => ">=",
        BinaryOperator.Equal => "===",
        _ => "!==",
    };
}
