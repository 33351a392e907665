using System.Globalization;
using System.Text;
using System.Text.Json;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Postgres;

/// <summary>Makes values of what the server prints. What has no JSON of its own stays the text that it is, so nothing is lost.</summary>
internal static class PgValues
{
    public static Value[] Row(PgReader row, IReadOnlyList<(string Name, int Type)> columns)
    {
        var count = row.Int16();
        if (count != columns.Count)
            throw PieceException.Final("the server sent a row that does not fit its columns.", "postgres_protocol");
        var values = new Value[count];
        for (var i = 0; i < count; i++)
        {
            var length = row.Int32();
            values[i] = length < 0 ? Value.Null : Of(Encoding.UTF8.GetString(row.Take(length)), columns[i].Type);
        }
        return values;
    }

    // Numbers of types: pg_type.dat in the sources of PostgreSQL; they never change.
    private static Value Of(string text, int type) => type switch
    {
        16 => Value.Of(text == "t"),
        20 or 21 or 23 or 26 => Value.Of(long.Parse(text, CultureInfo.InvariantCulture)),
        700 or 701 => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? Value.Of(number) : Value.Of(text),
        // A sum of money must not change by a rounding: whole numbers are numbers, all others are text.
        1700 => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? Value.Of(whole) : Value.Of(text),
        114 or 3802 => Json(text),
        17 => text.StartsWith("\\x", StringComparison.Ordinal) ? Value.Of(Convert.ToBase64String(Convert.FromHexString(text.AsSpan(2)))) : Value.Of(text),
        1114 => Value.Of(text.Replace(' ', 'T')),
        1184 => Value.Of(text.EndsWith("+00", StringComparison.Ordinal) ? $"{text[..^3].Replace(' ', 'T')}Z" : text),
        _ => Value.Of(text),
    };

    private static Value Json(string text)
    {
        try
        {
            return Value.FromJson(Encoding.UTF8.GetBytes(text));
        }
        catch (JsonException)
        {
            return Value.Of(text); // deeper, or with larger numbers, than a value may be
        }
    }
}
