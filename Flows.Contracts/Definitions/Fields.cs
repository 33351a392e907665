using System.Globalization;
using System.Text.Json;

namespace Flows.Contracts.Definitions;

/// <summary>
/// The fields of one JSON object, asked for one by one. What is missing or of a wrong type is reported and a stand-in is returned, so
/// that reading goes on to the next problem; <see cref="Finish"/> then reports the fields nobody asked for.
/// </summary>
internal sealed class Fields(JsonElement element, string path, string what, ProblemList problems)
{
    private readonly List<string> _known = [];

    public string Path { get; } = path;
    public ProblemList Problems { get; } = problems;

    /// <summary>Null, and a problem, when the element is not an object.</summary>
    /// <param name="what">How messages call the object: <c>a step</c>.</param>
    public static Fields? Of(JsonElement element, string path, string what, ProblemList problems)
    {
        if (element.ValueKind == JsonValueKind.Object)
            return new Fields(element, path, what, problems);
        problems.Error(path, $"Expected {what}, which is a JSON object; found {Found(element)}.");
        return null;
    }

    public string PathOf(string field) => FieldPath.Of(Path, field);

    /// <summary>The field as it is; undefined when it is missing.</summary>
    public JsonElement Any(string field)
    {
        if (!_known.Contains(field))
            _known.Add(field);
        return element.TryGetProperty(field, out var value) ? value : default;
    }

    /// <summary>The field when it is there with that type; undefined otherwise. A missing one is a problem only when it is required.</summary>
    private JsonElement Of(string field, bool required, string expected, params ReadOnlySpan<JsonValueKind> kinds)
    {
        var value = Any(field);
        if (value.ValueKind == JsonValueKind.Undefined)
        {
            if (required)
                Problems.Error(Path, $"'{field}' is missing: {expected} is required in {what}.");
            return default;
        }
        if (kinds.Contains(value.ValueKind))
            return value;
        Problems.Error(PathOf(field), $"'{field}' has to be {expected}; found {Found(value)}.");
        return default;
    }

    public string? Text(string field, bool required = false)
    {
        var value = Of(field, required, "text", JsonValueKind.String);
        if (value.ValueKind != JsonValueKind.String)
            return null;
        if (!JsonText.TryGet(value, out var text))
            Problems.Error(PathOf(field), $"'{field}' holds half a Unicode surrogate pair.");
        else if (required && string.IsNullOrWhiteSpace(text))
            Problems.Error(PathOf(field), $"'{field}' is empty.");
        return text;
    }

    public bool Flag(string field, bool otherwise = false)
    {
        var value = Of(field, false, "true or false", JsonValueKind.True, JsonValueKind.False);
        return value.ValueKind == JsonValueKind.Undefined ? otherwise : value.ValueKind == JsonValueKind.True;
    }

    public int Whole(string field, int otherwise, int least, int most)
    {
        var value = Of(field, false, $"a whole number from {least} to {most}", JsonValueKind.Number);
        if (value.ValueKind == JsonValueKind.Undefined)
            return otherwise;
        if (value.TryGetInt32(out var number) && number >= least && number <= most)
            return number;
        Problems.Error(PathOf(field), $"'{field}' has to be a whole number from {least} to {most}; found {value.GetRawText()}.");
        return otherwise;
    }

    public double Number(string field, double otherwise, double least, double most)
    {
        var expected = string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}");
        var value = Of(field, false, expected, JsonValueKind.Number);
        if (value.ValueKind == JsonValueKind.Undefined)
            return otherwise;
        if (value.TryGetDouble(out var number) && number >= least && number <= most)
            return number;
        Problems.Error(PathOf(field), $"'{field}' has to be {expected}; found {value.GetRawText()}.");
        return otherwise;
    }

    public TimeSpan? Time(string field, TimeSpan least, TimeSpan most)
    {
        var expected = $"a time span written {TimeText.Form}";
        var value = Of(field, false, expected, JsonValueKind.String);
        if (value.ValueKind == JsonValueKind.Undefined)
            return null;
        if (!JsonText.TryGet(value, out var text) || !TimeText.TryParse(text, out var span))
            Problems.Error(PathOf(field), $"'{field}' has to be {expected}, such as 00:00:30; found {Found(value)}.");
        else if (span < least || span > most)
            Problems.Error(PathOf(field), $"'{field}' has to be from {TimeText.Of(least)} to {TimeText.Of(most)}; found {text}.");
        else
            return span;
        return null;
    }

    /// <summary>One of a few words, each standing for a value; the first is the default.</summary>
    public T Choice<T>(string field, params IReadOnlyList<(string Word, T Value)> choices)
    {
        var text = Text(field);
        if (text is null)
            return choices[0].Value;
        foreach (var (word, value) in choices)
        {
            if (word == text)
                return value;
        }
        Problems.Unknown(PathOf(field), $"'{field}' cannot be '{text}'.", text, [.. choices.Select(choice => choice.Word)]);
        return choices[0].Value;
    }

    public IReadOnlyList<JsonElement> List(string field, bool required = false)
    {
        var value = Of(field, required, "a list", JsonValueKind.Array);
        return value.ValueKind == JsonValueKind.Undefined ? [] : [.. value.EnumerateArray()];
    }

    /// <summary>An object, taken as it is; undefined when it is missing.</summary>
    public JsonElement Object(string field) => Of(field, false, "an object", JsonValueKind.Object);

    /// <summary>Reports the fields that were not asked for, and those that are there twice.</summary>
    public void Finish()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (!seen.Add(property.Name))
                Problems.Error(PathOf(property.Name), $"'{property.Name}' is there twice.");
            else if (!_known.Contains(property.Name))
                Problems.Unknown(PathOf(property.Name), $"'{property.Name}' is not a field of {what}.", property.Name, _known);
        }
    }

    /// <summary>What was found, for a message; never more than a glimpse of it.</summary>
    public static string Found(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => JsonText.TryGet(value, out var text) ? text.Length <= 40 ? $"the text '{text}'" : "a text" : "a broken text",
        JsonValueKind.Number => $"the number {value.GetRawText()}",
        JsonValueKind.True or JsonValueKind.False => $"the boolean {value.GetRawText()}",
        JsonValueKind.Null => "null",
        JsonValueKind.Array => "a list",
        JsonValueKind.Object => "an object",
        _ => "nothing",
    };
}

/// <summary>Strings of a JSON document, which may escape half a surrogate pair: such a string has no text.</summary>
internal static class JsonText
{
    public static bool TryGet(JsonElement element, out string text)
    {
        try
        {
            text = element.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            text = "";
            return false;
        }
    }
}
