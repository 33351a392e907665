using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Contracts.Expressions;

/// <summary>Where in a JSON value expressions are.</summary>
public static class ExpressionTexts
{
    /// <summary>The texts that hold an expression, however deep they lie, in the order in which they are written. Names of properties are none.</summary>
    public static IEnumerable<string> In(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => value.EnumerateArray().SelectMany(In),
        JsonValueKind.Object => value.EnumerateObject().SelectMany(property => In(property.Value)),
        JsonValueKind.String when JsonText.TryGet(value, out var text) && text.Contains("{{", StringComparison.Ordinal) => [text],
        _ => [],
    };
}
