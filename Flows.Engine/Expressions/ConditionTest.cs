using System.Globalization;
using Flows.Contracts.Definitions;

namespace Flows.Engine.Expressions;

/// <summary>
/// One test of a structured condition. What is missing (null) is an empty text, no number, no date, neither true nor false, and an
/// empty list; a value of a wrong kind is an error.
/// </summary>
internal sealed class ConditionTest(ConditionOperator op, InputTemplate left, InputTemplate? right, bool caseSensitive, string field)
{
    private StringComparison Comparison => caseSensitive ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;

    public bool Holds(Scope scope, EvaluationContext context)
    {
        var a = left.EvaluateWithin(scope, context);
        var b = right?.EvaluateWithin(scope, context) ?? Value.Null;
        return op.Name switch
        {
            "text_contains" => Text(a, "left").Contains(Text(b, "right"), Comparison),
            "text_not_contains" => !Text(a, "left").Contains(Text(b, "right"), Comparison),
            "text_equals" => Text(a, "left").Equals(Text(b, "right"), Comparison),
            "text_not_equals" => !Text(a, "left").Equals(Text(b, "right"), Comparison),
            "text_starts_with" => Text(a, "left").StartsWith(Text(b, "right"), Comparison),
            "text_not_starts_with" => !Text(a, "left").StartsWith(Text(b, "right"), Comparison),
            "text_ends_with" => Text(a, "left").EndsWith(Text(b, "right"), Comparison),
            "text_not_ends_with" => !Text(a, "left").EndsWith(Text(b, "right"), Comparison),
            "number_greater_than" => Number(a, "left") is { } x && Number(b, "right") is { } y && Operators.CompareNumbers(x, y) > 0,
            "number_less_than" => Number(a, "left") is { } x && Number(b, "right") is { } y && Operators.CompareNumbers(x, y) < 0,
            "number_equals" => Number(a, "left") is { } x && Number(b, "right") is { } y && x.Equals(y),
            "boolean_is_true" => Boolean(a) is true,
            "boolean_is_false" => Boolean(a) is false,
            "date_before" => Date(a, "left") < Date(b, "right"),
            "date_equals" => Date(a, "left") is { } x && x == Date(b, "right"),
            "date_after" => Date(a, "left") > Date(b, "right"),
            "list_contains" => Contains(a, b),
            "list_not_contains" => !Contains(a, b),
            "list_is_empty" => List(a).Count == 0,
            "list_is_not_empty" => List(a).Count > 0,
            "exists" => Exists(a),
            _ => !Exists(a),
        };
    }

    private static bool Exists(Value value) => !value.IsNull && !value.Equals(Value.EmptyText);

    private string Text(Value value, string side) => value.Kind switch
    {
        ValueKind.Null => "",
        ValueKind.List or ValueKind.Object => throw Wrong(side, "text", value),
        _ => value.ToString(),
    };

    private Value? Number(Value value, string side) => value.Kind switch
    {
        ValueKind.Null => null,
        ValueKind.Number => value,
        ValueKind.Text when NumberFunctions.TryParse(value.AsText, out var number) => number,
        _ => throw Wrong(side, "a number", value),
    };

    private bool? Boolean(Value value) => value.Kind switch
    {
        ValueKind.Null => null,
        ValueKind.Boolean => value.AsBoolean,
        ValueKind.Text when bool.TryParse(value.AsText, out var parsed) => parsed,
        _ => throw Wrong("left", "true or false", value),
    };

    private DateTimeOffset? Date(Value value, string side)
    {
        if (value.IsNull)
            return null;
        if (value.TryGetText(out var text) && Moments.TryParse(text, TimeZoneInfo.Utc, out var moment))
            return moment;
        return Moments.OfMilliseconds(value) ?? throw Wrong(side, "a date such as '2026-03-01T10:00:00Z'", value);
    }

    private ValueList List(Value value) => value.Kind switch
    {
        ValueKind.Null => ValueList.Empty.AsList,
        ValueKind.List => value.AsList,
        _ => throw Wrong("left", "a list", value),
    };

    private bool Contains(Value list, Value wanted) => wanted.TryGetText(out var text)
        ? List(list).Any(item => item.TryGetText(out var found) && found.Equals(text, Comparison))
        : List(list).Contains(wanted);

    private ExpressionException Wrong(string side, string expected, Value found) =>
        new($"'{op.Name}' expects {expected}, found {Shown.Kind(found)}", field: $"{field}.{side}");
}
