using Flows.Contracts.Definitions;
using Flows.Contracts.Expressions;
using Flows.Contracts.Json;
using Flows.Engine.Expressions;
using Flows.Engine.Steps;

namespace Flows.Engine.Pieces;

/// <summary>Checks an evaluated input against the props of its action, so that every action says the same of the same mistake.</summary>
internal static class ActionInput
{
    private const string Mask = "••••••";

    /// <summary>The input with defaults filled in, and null taken as left out.</summary>
    /// <exception cref="PieceException">An input is unknown, missing or of the wrong type; the message names it.</exception>
    public static RawJson Bind(IReadOnlyList<PropDescription> props, Value input)
    {
        if (input.Kind is not (ValueKind.Object or ValueKind.Null))
            throw PieceException.Input($"the input must be an object; found {ValueText.Of(input)}.");
        var given = input.IsNull ? ValueObject.Empty : input.AsObject;
        foreach (var name in given.Keys)
        {
            if (!props.Any(prop => prop.Name == name))
                throw Unknown(name, props);
        }

        var bound = new ValueObject.Builder();
        foreach (var prop in props)
        {
            if (given.TryGet(prop.Name, out var value) && !value.IsNull)
                bound.Set(prop.Name, Checked(prop, value));
            else if (prop.Required)
                throw PieceException.Input($"'{prop.Name}' is required; found {(given.TryGet(prop.Name, out _) ? "null" : "nothing")}.");
            else if (prop.Default is { } otherwise)
                bound.Set(prop.Name, Value.FromJson(otherwise));
        }
        return Value.Of(bound.ToObject()).ToRawJson();
    }

    /// <summary>The input as the journal shows it: secret props masked.</summary>
    public static Value Shown(IReadOnlyList<PropDescription> props, Value input)
    {
        if (input.Kind != ValueKind.Object || !props.Any(prop => prop.Control == "secret"))
            return input;
        var shown = new ValueObject.Builder();
        foreach (var (name, value) in input.AsObject)
            shown.Set(name, !value.IsNull && props.Any(prop => prop.Name == name && prop.Control == "secret") ? Value.Of(Mask) : value);
        return Value.Of(shown.ToObject());
    }

    private static Value Checked(PropDescription prop, Value value)
    {
        var fits = prop.Type switch
        {
            "string" => value.IsText,
            "number" => value.IsNumber,
            "integer" => value.IsInteger,
            "boolean" => value.Kind == ValueKind.Boolean,
            "object" => value.Kind == ValueKind.Object,
            "array" => value.Kind == ValueKind.List,
            _ => true,
        };
        if (!fits)
            throw PieceException.Input($"'{prop.Name}' must be {Expected(prop.Type)}; found {Found(prop, value)}.");
        if (prop.Options is { } options && value.TryGetText(out var text) && !options.Contains(text))
            throw PieceException.Input($"'{prop.Name}' must be one of {string.Join(", ", options)}; found {Found(prop, value)}.");
        return value;
    }

    private static string Found(PropDescription prop, Value value) => prop.Control == "secret" ? "another kind of value" : ValueText.Of(value);

    private static string Expected(string type) => type switch
    {
        "string" => "a text",
        "integer" => "a whole number",
        "array" => "a list",
        "object" => "an object",
        _ => $"a {type}",
    };

    private static PieceException Unknown(string name, IReadOnlyList<PropDescription> props)
    {
        var names = string.Join(", ", props.Select(prop => prop.Name));
        return PieceException.Input($"there is no input '{name}'; known are {(names.Length == 0 ? "none" : names)}.");
    }
}
