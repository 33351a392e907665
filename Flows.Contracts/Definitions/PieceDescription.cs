using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Runs;

namespace Flows.Contracts.Definitions;

/// <summary>
/// Everything a flow may name, as data: what <c>Flows.Engine --describe</c> prints. The API holds it to validate definitions and
/// to serve the editor, and so never loads piece code.
/// </summary>
/// <param name="Engine">Version of the engine that described itself.</param>
/// <param name="Pieces">Alphabetical by name.</param>
/// <param name="Kinds">The step kinds this engine can walk.</param>
/// <param name="Languages">The languages a code step may use.</param>
/// <param name="Functions">The functions an expression may call.</param>
public sealed record EngineCatalogue(
    string Engine,
    IReadOnlyList<PieceDescription> Pieces,
    IReadOnlyList<string> Kinds,
    IReadOnlyList<string> Languages,
    IReadOnlyList<FunctionDescription> Functions);

/// <param name="Name">lower_snake, unique.</param>
/// <param name="Auth">Null when the piece needs no connection.</param>
public sealed record PieceDescription(
    string Name, string Title, string Description, AuthDescription? Auth,
    IReadOnlyList<ActionDescription> Actions, IReadOnlyList<TriggerDescription> Triggers);

/// <param name="Effect">The effect, or null when it depends on the input (HTTP: on the method).</param>
public sealed record ActionDescription(
    string Name, string Title, string Description, StepEffect? Effect, IReadOnlyList<PropDescription> Props);

/// <param name="Kind"><c>webhook</c>, <c>manual</c>, <c>schedule</c> or <c>polling</c>.</param>
public sealed record TriggerDescription(
    string Name, string Title, string Description, string Kind, IReadOnlyList<PropDescription> Props, JsonElement? Sample = null);

/// <param name="Kind"><c>secret</c>, <c>basic</c>, <c>custom</c> or <c>oauth2</c>.</param>
public sealed record AuthDescription(string Kind, string Title, string? Help, IReadOnlyList<PropDescription> Fields);

/// <summary>One input of an action or trigger, and the form control for it.</summary>
/// <param name="Name">camelCase, as in the definition.</param>
/// <param name="Type">The JSON it takes: <c>string</c>, <c>number</c>, <c>integer</c>, <c>boolean</c>, <c>object</c>, <c>array</c> or <c>any</c>.</param>
/// <param name="Control">The form control: <c>text</c>, <c>multiline</c>, <c>number</c>, <c>checkbox</c>, <c>select</c>, <c>json</c>, <c>pairs</c>, <c>secret</c>, <c>datetime</c>, <c>duration</c>, <c>code</c>.</param>
/// <param name="Options">The allowed values of a select; null when free.</param>
/// <param name="Default">What is used when it is left out; null for none.</param>
public sealed record PropDescription(
    string Name, string Title, string Type, string Control, bool Required,
    string? Help = null, IReadOnlyList<string>? Options = null, JsonElement? Default = null);

/// <param name="Signature">As shown in the editor: <c>slice(list, start, end?)</c>.</param>
public sealed record FunctionDescription(string Name, string Group, string Signature, string Help);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EngineCatalogue))]
public sealed partial class CatalogueJson : JsonSerializerContext;
