using Flows.Engine.Expressions;

namespace Flows.Engine.Steps;

/// <summary>A value as messages show it: kind and, when it is short, content.</summary>
internal static class ValueText
{
    private const int Longest = 60;

    public static string Of(Value value) => value.Kind switch
    {
        ValueKind.Null => "null",
        ValueKind.Boolean or ValueKind.Number => value.ToString(),
        ValueKind.Text when value.AsText.Length <= Longest => $"the text \"{value.AsText}\"",
        ValueKind.Text => $"a text of {value.AsText.Length} characters",
        ValueKind.List => $"a list of {value.AsList.Count}",
        _ => "an object",
    };
}
