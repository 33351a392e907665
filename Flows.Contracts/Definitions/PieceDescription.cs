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
/// <param name="CanTest">A connection can be tested.</param>
public sealed record PieceDescription(
    string Name, string Title, string Description, AuthDescription? Auth,
    IReadOnlyList<ActionDescription> Actions, IReadOnlyList<TriggerDescription> Triggers, bool CanTest = false);

/// <param name="Effect">The effect, or null when it depends on the input (HTTP: on the method).</param>
public sealed record ActionDescription(
    string Name, string Title, string Description, StepEffect? Effect, IReadOnlyList<PropDescription> Props);

/// <param name="Kind"><c>webhook</c>, <c>manual</c>, <c>schedule</c>, <c>polling</c> or <c>hook</c>: a webhook that is registered at its service.</param>
/// <param name="Sample">An output as it looks.</param>
/// <param name="Hook">Set for the kind <c>hook</c>.</param>
public sealed record TriggerDescription(
    string Name, string Title, string Description, string Kind, IReadOnlyList<PropDescription> Props, JsonElement? Sample = null, HookDescription? Hook = null);

/// <summary>How requests of a service are read. The trigger's output is <c>{ event, id, data }</c>: the event's name, its id, and the body.</summary>
/// <param name="Proof"><c>hmac</c>: the header holds an HMAC of the body under the hook's secret; <c>header</c>: it holds the secret itself.</param>
/// <param name="Header">Of the proof.</param>
/// <param name="Prefix">What stands before the signature.</param>
/// <param name="Algorithm">Of the signature: <c>sha1</c>, <c>sha256</c> or <c>sha512</c>.</param>
/// <param name="IdHeader">Holds the id of the event, which starts one run however often it comes; null: see <paramref name="IdField"/>.</param>
/// <param name="IdField">The property of the body that holds it; null for none.</param>
/// <param name="EventHeader">Holds the name of the event; null for none.</param>
/// <param name="TimestampHeader">Holds the time of the call, which is signed with it; null for none. It may be <paramref name="Header"/> itself.</param>
/// <param name="TimestampPrefix">What stands before the time; of several parts with commas between, the first that begins with it counts.</param>
/// <param name="ToleranceSeconds">How far that time may be from ours, in either direction.</param>
/// <param name="Signed">What is signed: a text with <c>{body}</c>, and <c>{timestamp}</c> when there is a time.</param>
/// <param name="Encoding">Of the signature: <c>hex</c> or <c>base64</c>.</param>
/// <param name="EventsInput">The input that lists the names which start the flow; others are answered and start nothing. Null: all do.</param>
/// <param name="EventField">Where in the body the name of the event stands, as a path with dots, when it is in no header.</param>
/// <param name="Conditions">What must hold of a body for it to start the flow; others are answered and start nothing.</param>
/// <param name="Handshake"><c>slack</c>: the service asks first, signed as everything, and its <c>challenge</c> is sent back; null for none.</param>
/// <param name="SecretField">
/// The field of the connection with which the service signs, for one that nobody can register an address at but a person, by hand; the address then
/// stays the same as long as there is the flow. Null: the hook has a secret of its own, which the piece gives to the service.
/// </param>
public sealed record HookDescription(
    string Proof, string Header, string Prefix = "", string Algorithm = "sha256", string? IdHeader = null, string? IdField = null,
    string? EventHeader = null, string? EventsInput = null,
    string? TimestampHeader = null, string TimestampPrefix = "", int ToleranceSeconds = 300, string Signed = "{body}", string Encoding = "hex",
    string? EventField = null, IReadOnlyList<HookCondition>? Conditions = null, string? Handshake = null, string? SecretField = null);

/// <summary>A condition on the body of a call: of <paramref name="Input"/>, <paramref name="Values"/> and <paramref name="Unless"/> one is given.</summary>
/// <param name="Field">A path with dots; what is not there is as an empty text.</param>
/// <param name="Input">The field must be what this input says, or what one of its list says; an input that is empty asks for nothing.</param>
/// <param name="Values">The field must be one of these; an empty text stands for a field that is not there.</param>
/// <param name="Unless">The field must not be there, unless this input is true.</param>
public sealed record HookCondition(string Field, string? Input = null, IReadOnlyList<string>? Values = null, string? Unless = null);

/// <param name="Kind"><c>secret</c>, <c>basic</c>, <c>custom</c> or <c>oauth2</c>.</param>
/// <param name="OAuth">Set for <c>oauth2</c>: where its tokens come from. The client's own id and secret are fields of every such connection.</param>
public sealed record AuthDescription(string Kind, string Title, string? Help, IReadOnlyList<PropDescription> Fields, OAuthDescription? OAuth = null);

/// <summary>How a service gives out tokens (RFC 6749). What a connection holds of them stays in the API; a step sees the access token alone.</summary>
/// <param name="AuthorizeUrl">Where a person signs in; empty for a service that knows client credentials only.</param>
/// <param name="TokenUrl">Where codes and refresh tokens are exchanged.</param>
/// <param name="Scopes">What is asked for unless the connection says otherwise.</param>
/// <param name="RevokeUrl">Where a token is given back when its connection is deleted (RFC 7009); null where there is none.</param>
/// <param name="Grant"><c>authorization_code</c> or <c>client_credentials</c>.</param>
/// <param name="Pkce">Whether a code is bound to the caller (RFC 7636, S256).</param>
/// <param name="ClientAuth">How the client shows its secret: in the <c>body</c>, or as <c>basic</c> authentication.</param>
/// <param name="Parameters">Further parameters of the sign-in page's address, such as <c>access_type=offline&amp;prompt=consent</c>.</param>
public sealed record OAuthDescription(
    string AuthorizeUrl, string TokenUrl, IReadOnlyList<string> Scopes, string? RevokeUrl = null, string Grant = "authorization_code",
    bool Pkce = true, string ClientAuth = "body", string Parameters = "");

/// <summary>One input of an action or trigger, and the form control for it.</summary>
/// <param name="Name">camelCase, as in the definition.</param>
/// <param name="Type">The JSON it takes: <c>string</c>, <c>number</c>, <c>integer</c>, <c>boolean</c>, <c>object</c>, <c>array</c> or <c>any</c>.</param>
/// <param name="Control">The form control: <c>text</c>, <c>multiline</c>, <c>number</c>, <c>checkbox</c>, <c>select</c>, <c>json</c>, <c>pairs</c>, <c>secret</c>, <c>datetime</c>, <c>duration</c>, <c>code</c>.</param>
/// <param name="Options">The allowed values of a select; null when free.</param>
/// <param name="Default">What is used when it is left out; null for none.</param>
/// <param name="Source">What may stand here can be asked for under this name (<c>POST /pieces/{name}/options</c>); null when there is no such list.</param>
public sealed record PropDescription(
    string Name, string Title, string Type, string Control, bool Required,
    string? Help = null, IReadOnlyList<string>? Options = null, JsonElement? Default = null, string? Source = null);

/// <param name="Signature">As shown in the editor: <c>slice(list, start, end?)</c>.</param>
public sealed record FunctionDescription(string Name, string Group, string Signature, string Help);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EngineCatalogue))]
public sealed partial class CatalogueJson : JsonSerializerContext;
