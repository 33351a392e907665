using System.Globalization;
using System.Text.Json;
using Flows.Contracts.Definitions;

namespace Flows.Engine.Pieces;

/// <summary>Describes the inputs of actions and triggers: one call for each, by the form control it gets.</summary>
internal static class Prop
{
    /// <param name="source">Name of the <see cref="OptionSource"/> that the form asks for what may stand here; null for none.</param>
    public static PropDescription Text(
        string name, string title, bool required = false, string? help = null, string? otherwise = null, string? source = null) =>
        new(name, title, "string", "text", required, help, Default: Of(otherwise), Source: source);

    public static PropDescription Multiline(string name, string title, bool required = false, string? help = null) =>
        new(name, title, "string", "multiline", required, help);

    /// <summary>Shown as dots in the form, and masked in the step's input.</summary>
    public static PropDescription Secret(string name, string title, string? help = null, bool required = false) =>
        new(name, title, "string", "secret", required, help);

    public static PropDescription Select(string name, string title, IReadOnlyList<string> options, string otherwise, string? help = null) =>
        new(name, title, "string", "select", false, help, options, Of(otherwise));

    /// <summary>A whole number.</summary>
    public static PropDescription Integer(string name, string title, bool required = false, string? help = null, long? otherwise = null) =>
        new(name, title, "integer", "number", required, help, Default: otherwise is { } number ? Json(number.ToString(CultureInfo.InvariantCulture)) : null);

    public static PropDescription Number(string name, string title, bool required = false, string? help = null) =>
        new(name, title, "number", "number", required, help);

    /// <summary>A date as ISO text, or as milliseconds since 1970.</summary>
    public static PropDescription Moment(string name, string title, bool required = false, string? help = null) =>
        new(name, title, "any", "datetime", required, help);

    public static PropDescription Flag(string name, string title, bool otherwise, string? help = null) =>
        new(name, title, "boolean", "checkbox", false, help, Default: Json(otherwise ? "true" : "false"));

    /// <summary>A time span such as <c>00:00:30</c>.</summary>
    public static PropDescription Duration(string name, string title, string otherwise, string? help = null) =>
        new(name, title, "string", "duration", false, help, Default: Of(otherwise));

    /// <summary>An object of names and values.</summary>
    public static PropDescription Pairs(string name, string title, bool required = false, string? help = null) =>
        new(name, title, "object", "pairs", required, help);

    public static PropDescription List(string name, string title, bool required = false, string? help = null) =>
        new(name, title, "array", "json", required, help);

    /// <summary>Any JSON value.</summary>
    public static PropDescription Any(string name, string title, bool required = false, string? help = null) =>
        new(name, title, "any", "json", required, help);

    private static JsonElement? Of(string? text) => text is null ? null : Json($"\"{JsonEncodedText.Encode(text)}\"");

    private static JsonElement Json(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }
}
