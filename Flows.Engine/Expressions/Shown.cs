namespace Flows.Engine.Expressions;

/// <summary>Values as messages show them: short, and never more than a glimpse of the data.</summary>
internal static class Shown
{
    private const int Glimpse = 30;

    /// <summary><c>a number</c>, <c>null</c>, <c>a list</c> …</summary>
    public static string Kind(Value value) => Kind(value.Kind);

    public static string Kind(ValueKind kind) => kind switch
    {
        ValueKind.Null => "null",
        ValueKind.Boolean => "a boolean",
        ValueKind.Number => "a number",
        ValueKind.Text => "text",
        ValueKind.List => "a list",
        _ => "an object",
    };

    /// <summary><c>the number 12</c>, <c>the text 'abc'</c>, <c>a list of 3</c>.</summary>
    public static string Of(Value value) => value.Kind switch
    {
        ValueKind.Null => "null",
        ValueKind.Boolean => $"the boolean {value}",
        ValueKind.Number => $"the number {value}",
        ValueKind.Text => $"the text '{Cut(value.AsText)}'",
        ValueKind.List => $"a list of {value.AsList.Count}",
        _ => value.AsObject.Count == 0 ? "an empty object" : $"an object with {Keys(value.AsObject)}",
    };

    public static string Cut(string text) => text.Length <= Glimpse ? text : text[..Glimpse] + "…";

    public static string Keys(ValueObject value) =>
        string.Join(", ", value.Keys.Take(8).Select(Cut)) + (value.Count > 8 ? " …" : "");
}
