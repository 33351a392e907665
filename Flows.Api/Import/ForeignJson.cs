using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Flows.Api.Import;

/// <summary>Reading documents of others, in which anything may be missing or of another type: what does not fit is as if it were not there.</summary>
internal static class ForeignJson
{
    public static JsonObject? Object(this JsonNode? node, string name) => (node as JsonObject)?[name] as JsonObject;

    public static JsonArray List(this JsonNode? node, string name) => (node as JsonObject)?[name] as JsonArray ?? [];

    public static IEnumerable<JsonObject> Objects(this JsonNode? node, string name) => node.List(name).OfType<JsonObject>();

    public static string? Text(this JsonNode? node, string name) => Scalar((node as JsonObject)?[name]);

    public static bool Flag(this JsonNode? node, string name) => (node as JsonObject)?[name] is JsonValue value && value.GetValueKind() == JsonValueKind.True;

    /// <summary>Those of the names that the object has.</summary>
    public static List<string> Names(this JsonNode? node, params ReadOnlySpan<string> names)
    {
        var found = new List<string>();
        foreach (var name in names)
        {
            if ((node as JsonObject)?[name] is not null)
                found.Add(name);
        }
        return found;
    }

    public static JsonNode? Copy(this JsonNode? node, string name) => (node as JsonObject)?[name]?.DeepClone();

    /// <summary>A text, number or boolean as text; null for anything else.</summary>
    public static string? Scalar(JsonNode? node) => node is JsonValue value
        ? value.GetValueKind() switch
        {
            JsonValueKind.String => value.GetValue<string>(),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.ToJsonString(),
            _ => null,
        }
        : null;

    public static int? Number(this JsonNode? node, string name) =>
        double.TryParse(node.Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && Math.Abs(number) < int.MaxValue ? (int)number : null;

    /// <summary>A copy in which every string has gone through <paramref name="translate"/>.</summary>
    public static JsonNode? Translated(this JsonNode? node, Func<string, string> translate) => node switch
    {
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(field.Key, field.Value.Translated(translate)))),
        JsonArray items => new JsonArray([.. items.Select(item => item.Translated(translate))]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => JsonValue.Create(translate(value.GetValue<string>())),
        _ => node?.DeepClone(),
    };
}
