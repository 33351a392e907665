using System.Buffers;
using System.Text.Json;
using Flows.Api.Connections.OAuth;
using Flows.Contracts.Definitions;

namespace Flows.Api.Connections;

/// <summary>The fields a connection must, may and must not have, and which of them are secret.</summary>
internal sealed class ConnectionFields
{
    private const int MostFields = 50;
    private const int LongestText = 64 * 1024;
    private static readonly AuthDescription s_secret = new("secret", "Secret", null, [Secret("token")]);
    private static readonly AuthDescription s_basic = new("basic", "Basic", null, [Plain("username"), Secret("password")]);

    private readonly AuthDescription? _auth;

    private ConnectionFields(string kind, AuthDescription? auth) => (Kind, _auth) = (kind, auth);

    public string Kind { get; }

    /// <param name="piece">The piece the connection is for; null for none.</param>
    /// <param name="kind">Null takes the piece's own.</param>
    /// <returns>The rules, or the field at fault and why.</returns>
    public static (ConnectionFields? Fields, FieldProblem? Problem) For(PieceDescription? piece, string? kind)
    {
        if (piece is not null)
        {
            if (piece.Auth is not { } auth)
                return (null, new FieldProblem("$.piece", $"The piece '{piece.Name}' needs no connection."));
            return kind is null || kind == auth.Kind
                ? (new ConnectionFields(auth.Kind, OAuthFields.Of(auth)), null)
                : (null, new FieldProblem("$.kind", $"A connection of '{piece.Name}' is of the kind '{auth.Kind}'."));
        }
        return kind switch
        {
            "secret" => (new ConnectionFields(kind, s_secret), null),
            "basic" => (new ConnectionFields(kind, s_basic), null),
            "custom" => (new ConnectionFields(kind, null), null),
            OAuthFields.Kind => (new ConnectionFields(kind, OAuthFields.ByHand), null),
            _ => (null, new FieldProblem("$.kind", "Without a piece it must be secret (token), basic (username, password), oauth2 (clientId, tokenUrl, …) or custom (any fields).")),
        };
    }

    /// <summary>Everything that is wrong with the fields.</summary>
    public IReadOnlyList<FieldProblem> Problems(IReadOnlyDictionary<string, JsonElement> value)
    {
        var problems = new List<FieldProblem>();
        if (value.Count is 0 or > MostFields)
            problems.Add(new FieldProblem("$.value", $"It must have 1 to {MostFields} fields."));
        foreach (var (name, field) in value)
        {
            var path = $"$.value.{name}";
            if (_auth is null ? ExpressionKey.Problem(name) is not null : _auth.Fields.All(known => known.Name != name))
                problems.Add(new FieldProblem(path, _auth is null ? ExpressionKey.Problem(name)! : $"There is no such field; known are {string.Join(", ", _auth.Fields.Select(known => known.Name))}."));
            else if (field.ValueKind != JsonValueKind.String)
                problems.Add(new FieldProblem(path, "It must be a text."));
            else if (field.GetString() is not { Length: > 0 and <= LongestText } text)
                problems.Add(new FieldProblem(path, $"It must have 1 to {LongestText} characters."));
            else if (_auth?.Fields.First(known => known.Name == name).Options is { } options && !options.Contains(text))
                problems.Add(new FieldProblem(path, $"It must be one of {string.Join(", ", options)}."));
        }
        foreach (var missing in (_auth?.Fields ?? []).Where(known => known.Required && !value.ContainsKey(known.Name)))
            problems.Add(new FieldProblem($"$.value.{missing.Name}", $"{missing.Title} is required."));
        return problems;
    }

    /// <summary>What may be shown: secret fields as null, the others with their value.</summary>
    public string Shown(IReadOnlyDictionary<string, JsonElement> value) => Write(value, (name, field) =>
        _auth?.Fields.FirstOrDefault(known => known.Name == name) is { Control: not "secret" } ? field : null);

    /// <summary>All of it, as the engine is given it: with the defaults of what is left out.</summary>
    public byte[] Whole(IReadOnlyDictionary<string, JsonElement> value)
    {
        var whole = new Dictionary<string, JsonElement>(value, StringComparer.Ordinal);
        foreach (var field in _auth?.Fields ?? [])
        {
            if (field.Default is { } otherwise)
                whole.TryAdd(field.Name, otherwise);
        }
        return System.Text.Encoding.UTF8.GetBytes(Write(whole, (_, field) => field));
    }

    private static string Write(IReadOnlyDictionary<string, JsonElement> value, Func<string, JsonElement, JsonElement?> of)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (name, field) in value)
            {
                writer.WritePropertyName(name);
                if (of(name, field) is { } shown)
                    shown.WriteTo(writer);
                else
                    writer.WriteNullValue();
            }
            writer.WriteEndObject();
        }
        return System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static PropDescription Secret(string name) => new(name, name, "string", "secret", Required: true);
    private static PropDescription Plain(string name) => new(name, name, "string", "text", Required: true);
}
