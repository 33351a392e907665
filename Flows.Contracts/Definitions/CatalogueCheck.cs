using System.Text.Json;
using Flows.Contracts.Expressions;

namespace Flows.Contracts.Definitions;

/// <summary>Compares steps with what the engine offers: pieces, their actions and triggers, and the inputs of these.</summary>
internal sealed class CatalogueCheck(ProblemList problems, EngineCatalogue catalogue)
{
    public void Kind(string kind, string path)
    {
        if (!catalogue.Kinds.Contains(kind))
            problems.Error(path, $"Steps of the kind '{kind}' are not available in this version.");
    }

    public void Language(string language, string path)
    {
        if (language.Length > 0 && !catalogue.Languages.Contains(language))
            problems.Unknown(path, $"Code in '{language}' cannot be run here.", language, [.. catalogue.Languages]);
    }

    public void Trigger(Fields fields, FlowTrigger trigger)
    {
        if (Piece(fields, trigger.Piece) is not { } piece || trigger.Event.Length == 0)
            return;
        if (piece.Triggers.FirstOrDefault(known => known.Name == trigger.Event) is not { } found)
        {
            problems.Unknown(fields.PathOf("event"), $"The piece '{piece.Name}' has no trigger '{trigger.Event}'.", trigger.Event, [.. piece.Triggers.Select(known => known.Name)]);
            return;
        }
        Inputs(trigger.Input, fields.PathOf("input"), found.Props, $"the trigger '{found.Name}' of '{piece.Name}'");
        var asksService = found.Kind is "polling" or "hook" && piece.Auth is not null;
        if (asksService && trigger.Connection is null)
            problems.Error(fields.Path, $"The trigger '{found.Name}' of '{piece.Name}' needs a connection ({piece.Auth!.Title}): 'connection' is missing.");
        else if (!asksService && trigger.Connection is not null)
            problems.Warning(fields.PathOf("connection"), $"The trigger '{found.Name}' of '{piece.Name}' uses no connection.");
    }

    public void Action(Fields fields, ActionStep step)
    {
        if (Piece(fields, step.Piece) is not { } piece)
            return;
        if (piece.Auth is null && step.Connection is not null)
            problems.Warning(fields.PathOf("connection"), $"The piece '{piece.Name}' uses no connection.");
        else if (piece.Auth is { } auth && step.Connection is null)
            problems.Error(fields.Path, $"The piece '{piece.Name}' needs a connection ({auth.Title}): 'connection' is missing.");
        if (step.Action.Length == 0)
            return;
        if (piece.Actions.FirstOrDefault(known => known.Name == step.Action) is { } found)
            Inputs(step.Input, fields.PathOf("input"), found.Props, $"the action '{found.Name}' of '{piece.Name}'");
        else
            problems.Unknown(fields.PathOf("action"), $"The piece '{piece.Name}' has no action '{step.Action}'.", step.Action, [.. piece.Actions.Select(known => known.Name)]);
    }

    private PieceDescription? Piece(Fields fields, string name)
    {
        if (name.Length == 0)
            return null;
        var piece = catalogue.Pieces.FirstOrDefault(known => known.Name == name);
        if (piece is null)
            problems.Unknown(fields.PathOf("piece"), $"There is no piece '{name}'.", name, [.. catalogue.Pieces.Select(known => known.Name)]);
        return piece;
    }

    private void Inputs(JsonElement input, string path, IReadOnlyList<PropDescription> props, string what)
    {
        var given = new HashSet<string>(StringComparer.Ordinal);
        if (input.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in input.EnumerateObject())
            {
                given.Add(property.Name);
                var at = FieldPath.Of(path, property.Name);
                if (props.FirstOrDefault(known => known.Name == property.Name) is { } prop)
                    Input(prop, property.Value, at);
                else
                    problems.Unknown(at, $"'{property.Name}' is not an input of {what}.", property.Name, [.. props.Select(known => known.Name)]);
            }
        }
        foreach (var prop in props)
        {
            if (prop is { Required: true, Default: null } && !given.Contains(prop.Name))
                problems.Error(path, $"The input '{prop.Name}' ({prop.Title}) of {what} is missing.");
        }
    }

    private void Input(PropDescription prop, JsonElement value, string path)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            if (prop is { Required: true, Default: null })
                problems.Error(path, $"'{prop.Name}' ({prop.Title}) is required; found null.");
            return;
        }
        var text = value.ValueKind == JsonValueKind.String && JsonText.TryGet(value, out var found) ? found : null;
        // What an expression gives is known only when it runs; one that does not parse is reported elsewhere.
        if (text?.Contains("{{", StringComparison.Ordinal) == true && (IsOneExpression(text) || prop.Type is "string" or "any"))
            return;
        if (prop.Control == "secret" && text is not null && SecretCheck.IsWrittenOut(text) && !SecretCheck.IsNameOfSecret(prop.Name))
            problems.Warning(path, $"'{prop.Name}' ({prop.Title}) is a secret, and stands here where everybody who may see the flow can read it. {SecretCheck.Advice}");
        if (!Fits(prop.Type, value))
            problems.Error(path, $"'{prop.Name}' ({prop.Title}) has to be {Described(prop.Type)}; found {(text?.Contains("{{", StringComparison.Ordinal) == true ? "text with an expression in it" : Fields.Found(value))}.");
        else if (prop.Required && text is not null && text.Length == 0)
            problems.Error(path, $"'{prop.Name}' ({prop.Title}) is required and is empty.");
        else if (prop.Options is { Count: > 0 } options && text is not null && !options.Contains(text))
            problems.Unknown(path, $"'{prop.Name}' ({prop.Title}) cannot be '{text}'.", text, [.. options]);
    }

    private static bool IsOneExpression(string text)
    {
        try
        {
            return TextTemplate.Parse(text).IsOneExpression;
        }
        catch (ExpressionSyntaxException)
        {
            return true;
        }
    }

    private static bool Fits(string type, JsonElement value) => type switch
    {
        "string" => value.ValueKind == JsonValueKind.String,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        _ => true,
    };

    private static string Described(string type) => type switch
    {
        "string" => "text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        _ => "a number",
    };
}
