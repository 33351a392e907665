using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Flows.Contracts.Definitions;
using Flows.Contracts.Json;

namespace Flows.Api.Triggers;

/// <summary>Reads a call of a service as the piece has described it: which event it is, and whether the flow is started by it.</summary>
internal static class HookEvents
{
    /// <summary>Empty when the service names none.</summary>
    public static string NameOf(HookDescription hook, HttpRequest request, RawJson data) =>
        hook.EventHeader is { } header ? request.Headers[header].ToString() : hook.EventField is { } field ? TextAt(data, field) : "";

    /// <param name="input">Of the trigger.</param>
    public static bool IsAskedFor(HookDescription hook, JsonElement input, string name, RawJson data) =>
        (hook.EventsInput is not { } list || Asked(input, list) is not { ValueKind: JsonValueKind.Array } names || Names(names, name) || Names(names, "*"))
        && (hook.Conditions ?? []).All(condition => Holds(condition, input, TextAt(data, condition.Field)));

    private static bool Holds(HookCondition condition, JsonElement input, string found)
    {
        if (condition.Values is { } values)
            return values.Contains(found);
        if (condition.Unless is { } flag)
            return found.Length == 0 || Asked(input, flag) is { ValueKind: JsonValueKind.True };
        return condition.Input is not { } name || Asked(input, name) switch
        {
            { ValueKind: JsonValueKind.String } text => text.ValueEquals("") || text.ValueEquals(found),
            { ValueKind: JsonValueKind.Array } list => list.GetArrayLength() == 0 || Names(list, found),
            _ => true,
        };
    }

    private static JsonElement? Asked(JsonElement input, string name) =>
        input.ValueKind == JsonValueKind.Object && input.TryGetProperty(name, out var value) ? value : null;

    private static bool Names(JsonElement list, string name) => list.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.ValueEquals(name));

    /// <summary>What stands at a path with dots; empty where there is nothing, and a word for an object or a list that is there.</summary>
    private static string TextAt(RawJson data, string path)
    {
        var at = data.ToElement();
        foreach (var name in path.Split('.'))
        {
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(name, out at))
                return "";
        }
        return at.ValueKind switch
        {
            JsonValueKind.String => TextOf(at),
            JsonValueKind.Null => "",
            JsonValueKind.Object or JsonValueKind.Array => at.ValueKind.ToString(),
            _ => at.GetRawText(),
        };
    }

    // Half of a surrogate pair is no text: nobody has asked for it, and it names nothing.
    private const string NoText = "\uFFFD";

    private static string TextOf(JsonElement text)
    {
        try
        {
            return text.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return NoText;
        }
    }

    /// <summary>Null when it has none.</summary>
    public static string? IdOf(HookDescription hook, HttpRequest request, RawJson data)
    {
        if (hook.IdHeader is { } header)
            return request.Headers[header].ToString() is { Length: > 0 and <= 255 } id ? id : null;
        if (hook.IdField is not { } field || data.ToElement() is not { ValueKind: JsonValueKind.Object } body || !body.TryGetProperty(field, out var value))
            return null;
        return value.ValueKind switch
        {
            JsonValueKind.String => TextOf(value) is { Length: > 0 and <= 255 } text && text != NoText ? text : null,
            JsonValueKind.Number when value.TryGetInt64(out var number) => number.ToString(CultureInfo.InvariantCulture),
            _ => null,
        };
    }

    /// <summary>The trigger's output.</summary>
    public static RawJson OutputOf(string name, string? id, RawJson data)
    {
        var buffer = new ArrayBufferWriter<byte>(data.Length + 256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("event", name.Length == 0 ? null : name);
            writer.WriteString("id", id);
            writer.WritePropertyName("data");
            writer.WriteRawValue(data.Utf8.Span, skipInputValidation: true);
            writer.WriteEndObject();
        }
        return RawJson.FromUtf8(buffer.WrittenMemory);
    }
}
