using System.Globalization;

namespace Flows.Engine.Expressions;

internal static class NumberFunctions
{
    public static IReadOnlyList<Function> All { get; } =
    [
        new("number(value)", "A number from text such as ' 12.50 ' or '1e3'; true is 1 and false 0. What is no number is an error.", ToNumber, "Number", "parseFloat", "toNumber"),
        new("parseInt(text, base?)", "The whole number written in a text, in base 10 unless given.", ParseInt, "Number.parseInt"),
        new("isNumeric(value)", "Whether number(value) would give a number.", call => Value.Of(call[0].IsNumber || (call[0].TryGetText(out var text) && TryParse(text, out _)))),
        new("round(number, digits?)", "Rounded to that many digits behind the point (0 unless given; below 0 before it); halves go away from 0.", Round, "Math.round"),
        new("floor(number)", "The next whole number below.", call => Whole(call, Math.Floor), "Math.floor"),
        new("ceil(number)", "The next whole number above.", call => Whole(call, Math.Ceiling), "Math.ceil"),
        new("trunc(number)", "Without the digits behind the point.", call => Whole(call, Math.Truncate), "Math.trunc"),
        new("abs(number)", "Without its sign.", call => call.NumberValue(0) is var n && n.TryGetInteger(out var i) && i != long.MinValue ? Value.Of(Math.Abs(i)) : Value.Of(Math.Abs(n.AsDouble)), "Math.abs"),
        new("sign(number)", "-1, 0 or 1.", call => Value.Of(Math.Sign(call.Number(0))), "Math.sign"),
        new("sqrt(number)", "The square root.", call => Value.Of(Math.Sqrt(call.Number(0))), "Math.sqrt"),
        new("pow(number, exponent)", "The number to a power, as **.", call => Operators.Power(call.NumberValue(0), call.NumberValue(1)), "Math.pow"),
        new("exp(number)", "e to a power.", call => Value.Of(Math.Exp(call.Number(0))), "Math.exp"),
        new("log(number, base?)", "The logarithm, the natural one unless a base is given.", call => Value.Of(call.Has(1) ? Math.Log(call.Number(0), call.Number(1)) : Math.Log(call.Number(0))), "Math.log"),
        new("log10(number)", "The logarithm to base 10.", call => Value.Of(Math.Log10(call.Number(0))), "Math.log10"),
        new("log2(number)", "The logarithm to base 2.", call => Value.Of(Math.Log2(call.Number(0))), "Math.log2"),
        new("clamp(number, least, most)", "The number, or the nearer end when it is outside of least and most.", Clamp),
        new("isInteger(value)", "Whether it is a whole number.", call => Value.Of(call[0].IsNumber && call[0].AsDouble == Math.Floor(call[0].AsDouble)), "Number.isInteger"),
        new("isEven(number)", "Whether it is a whole number that 2 divides.", call => Value.Of(call.Integer(0) % 2 == 0)),
        new("isOdd(number)", "Whether it is a whole number that 2 does not divide.", call => Value.Of(call.Integer(0) % 2 != 0)),
        new("toFixed(number, digits?)", "As text with exactly that many digits behind the point.", call => call.Result(Fixed(call, call.Has(1) ? Digits(call, 1) : 0))),
        new("formatNumber(number, digits?, thousands?, point?)", "As text with digits grouped: 2 digits, ',' and '.' unless given.", FormatNumber),
        new("toBase(number, base)", "A whole number written in a base from 2 to 36.", ToBase),
    ];

    /// <summary>A number written in a text, white space around it left out.</summary>
    public static bool TryParse(string text, out Value number)
    {
        number = default;
        var trimmed = text.AsSpan().Trim();
        if (long.TryParse(trimmed, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
            number = Value.Of(integer);
        else if (double.TryParse(trimmed, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real))
            number = Value.Of(real);
        else
            return false;
        return true;
    }

    private static Value ToNumber(FunctionCall call) => call[0].Kind switch
    {
        ValueKind.Number => call[0],
        ValueKind.Boolean => Value.Of(call[0].AsBoolean ? 1L : 0L),
        ValueKind.Text when TryParse(call[0].AsText, out var number) => number,
        _ => throw call.Wrong(0, "a number or a text that is one"),
    };

    private static Value ParseInt(FunctionCall call)
    {
        if (call[0].IsNumber)
            return Whole(call, Math.Truncate);
        var (text, radix) = (call.Text(0).Trim(), call.Has(1) ? call.Integer(1, 2, 36) : 10);
        var negative = text.StartsWith('-');
        var digits = text.AsSpan(text.StartsWith('-') || text.StartsWith('+') ? 1 : 0);
        if (radix == 16 && digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            digits = digits[2..];
        Int128 number = 0;
        var used = 0;
        for (; used < digits.Length && DigitOf(digits[used]) is var digit && digit >= 0 && digit < radix; used++)
        {
            number = number * radix + digit;
            if (number > long.MaxValue)
                throw call.Fail($"'{Shown.Cut(text)}' has more than 63 bits");
        }
        return used > 0 ? Value.Of(negative ? -(long)number : (long)number) : throw call.Wrong(0, $"a text that begins with a number in base {radix}");
    }

    private static int DigitOf(char c) => char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : -1;

    private static Value Whole(FunctionCall call, Func<double, double> rounded) =>
        call.NumberValue(0).IsInteger ? call[0] : Value.Of(rounded(call.Number(0)));

    private static int Digits(FunctionCall call, int index) => call.Integer(index, 0, 20);

    private static Value Round(FunctionCall call)
    {
        var digits = call.Has(1) ? call.Integer(1, -18, 20) : 0;
        var number = call.NumberValue(0);
        if (digits >= 0 && number.IsInteger)
            return number;
        if (Math.Abs(number.AsDouble) >= 1e15)
            return digits >= 0 ? number : Value.Of(Scaled(number.AsDouble, digits));
        // In decimal, where 1.005 is 1.005: rounded as a person does it, and not as its double is stored.
        if (digits >= 0)
            return Value.Of((double)Math.Round((decimal)number.AsDouble, Math.Min(digits, 20), MidpointRounding.AwayFromZero));
        return Value.Of(Scaled(number.AsDouble, digits));
    }

    private static double Scaled(double number, int digits)
    {
        var unit = Math.Pow(10, -digits);
        return Math.Round(number / unit, MidpointRounding.AwayFromZero) * unit;
    }

    private static Value Clamp(FunctionCall call)
    {
        var (number, least, most) = (call.NumberValue(0), call.NumberValue(1), call.NumberValue(2));
        if (Operators.CompareNumbers(least, most) > 0)
            throw call.Fail($"least is {least} and above most, {most}");
        return Operators.CompareNumbers(number, least) < 0 ? least : Operators.CompareNumbers(number, most) > 0 ? most : number;
    }

    private static string Fixed(FunctionCall call, int digits)
    {
        var number = call.NumberValue(0);
        var form = "F" + digits.ToString(CultureInfo.InvariantCulture);
        if (number.TryGetInteger(out var integer))
            return ((decimal)integer).ToString(form, CultureInfo.InvariantCulture);
        return Math.Abs(number.AsDouble) < 1e15
            ? Math.Round((decimal)number.AsDouble, digits, MidpointRounding.AwayFromZero).ToString(form, CultureInfo.InvariantCulture)
            : number.AsDouble.ToString(form, CultureInfo.InvariantCulture);
    }

    private static Value FormatNumber(FunctionCall call)
    {
        var (thousands, point) = (call.Text(2, ","), call.Text(3, "."));
        var text = Fixed(call, call.Has(1) ? Digits(call, 1) : 2);
        var sign = text.StartsWith('-') ? "-" : "";
        var dot = text.IndexOf('.', StringComparison.Ordinal);
        var whole = text[sign.Length..(dot < 0 ? text.Length : dot)];
        call.Context.Text(text.Length + (long)whole.Length * thousands.Length + point.Length);
        for (var at = whole.Length - 3; at > 0; at -= 3)
            whole = whole.Insert(at, thousands);
        return Value.Of(sign + whole + (dot < 0 ? "" : point + text[(dot + 1)..]));
    }

    private static Value ToBase(FunctionCall call)
    {
        var (number, radix) = ((Int128)call.Integer(0), call.Integer(1, 2, 36));
        var (text, rest) = ("", Int128.Abs(number));
        do
        {
            text = "0123456789abcdefghijklmnopqrstuvwxyz"[(int)(rest % radix)] + text;
            rest /= radix;
        }
        while (rest > 0);
        return Value.Of(number < 0 ? "-" + text : text);
    }
}
