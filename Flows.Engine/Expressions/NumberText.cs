using System.Globalization;

namespace Flows.Engine.Expressions;

/// <summary>A double as JavaScript writes it: the fewest digits that read back as the same number, plain from 1e-6 to below 1e21.</summary>
internal static class NumberText
{
    public static string Of(double number)
    {
        // The shortest digits are the runtime's; only where the point and the exponent go differs.
        var shortest = number.ToString("R", CultureInfo.InvariantCulture);
        var sign = shortest[0] == '-' ? "-" : "";
        var digits = shortest.AsSpan(sign.Length);
        var exponent = 0;
        var e = digits.IndexOf('E');
        if (e >= 0)
        {
            exponent = int.Parse(digits[(e + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            digits = digits[..e];
        }
        var point = digits.IndexOf('.');
        var whole = point < 0 ? digits : digits[..point];
        var fraction = point < 0 ? "" : digits[(point + 1)..];
        exponent += whole.Length;
        var all = string.Concat(whole, fraction);
        var leading = all.Length - all.AsSpan().TrimStart('0').Length;
        all = all[leading..].TrimEnd('0');
        exponent -= leading;
        if (all.Length == 0)
            return "0";

        // The number is 0.all × 10^exponent.
        if (exponent is > 0 and <= 21)
            return sign + (all.Length <= exponent ? all.PadRight(exponent, '0') : $"{all[..exponent]}.{all[exponent..]}");
        if (exponent is > -6 and <= 0)
            return $"{sign}0.{new string('0', -exponent)}{all}";
        var power = exponent - 1;
        var mantissa = all.Length == 1 ? all : $"{all[..1]}.{all[1..]}";
        return string.Create(CultureInfo.InvariantCulture, $"{sign}{mantissa}e{(power < 0 ? "-" : "+")}{Math.Abs(power)}");
    }
}
