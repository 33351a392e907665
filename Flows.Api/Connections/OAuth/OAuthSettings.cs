using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Microsoft.AspNetCore.WebUtilities;

namespace Flows.Api.Connections.OAuth;

/// <summary>
/// The fields of a connection of the kind <c>oauth2</c>: the client's id and secret or the app that has them, and, unless the piece says so, where the
/// tokens come from.
/// </summary>
internal static class OAuthFields
{
    public const string Kind = "oauth2";
    public const string CodeGrant = "authorization_code";
    public const string ClientGrant = "client_credentials";

    private static readonly PropDescription[] s_client =
    [
        Text("app", "App", "Key of one of the project's OAuth apps, instead of id and secret."),
        Text("clientId", "Client id"),
        new("clientSecret", "Client secret", "string", "secret", Required: false, "Left out for a client that has none: then the code is bound to the caller (PKCE)."),
        Text("scope", "Scopes", "What is asked for, separated by blanks."),
    ];

    /// <summary>Without a piece, everything is given by hand.</summary>
    public static AuthDescription ByHand { get; } = new(Kind, "OAuth 2", null,
    [
        .. s_client,
        Choice("grant", "Grant", [CodeGrant, ClientGrant], CodeGrant),
        Text("authorizeUrl", "Address of the sign-in page"),
        new("tokenUrl", "Address for tokens", "string", "text", Required: true),
        Text("revokeUrl", "Address that takes tokens back"),
        Choice("clientAuth", "Client authentication", ["body", "basic"], "body"),
        Choice("pkce", "PKCE", ["yes", "no"], "yes"),
        Text("parameters", "Further parameters of the sign-in page", "As in an address: access_type=offline&prompt=consent."),
    ]);

    /// <summary>The fields of a connection of the piece: the client's, and those the piece adds.</summary>
    public static AuthDescription Of(AuthDescription auth) => auth.OAuth is null ? auth : auth with { Fields = [.. s_client, .. auth.Fields] };

    private static PropDescription Text(string name, string title, string? help = null) => new(name, title, "string", "text", Required: false, help);

    private static PropDescription Choice(string name, string title, string[] options, string otherwise) =>
        new(name, title, "string", "select", Required: false, null, options, JsonSerializer.SerializeToElement(otherwise));
}

/// <summary>How one connection gets its tokens: what its fields, its piece and its app say together.</summary>
/// <param name="ClientSecret">Null for a client that has none.</param>
/// <param name="Scope">As it is sent; empty for none.</param>
internal sealed record OAuthSettings(OAuthDescription Service, string ClientId, string? ClientSecret, string Scope)
{
    /// <summary>Whether a person has to sign in.</summary>
    public bool NeedsPerson => Service.Grant == OAuthFields.CodeGrant;

    /// <summary>Everything that must not be seen in a message.</summary>
    public IEnumerable<string> Secrets => ClientSecret is { Length: > 0 } secret ? [secret] : [];

    /// <param name="fields">Of the connection, checked by <see cref="ConnectionFields"/>.</param>
    /// <param name="piece">Null when the connection is for none.</param>
    /// <param name="app">What the field <c>app</c> names; null when it names nothing.</param>
    /// <returns>The settings, or the field at fault and why.</returns>
    public static (OAuthSettings? Settings, FieldProblem? Problem) Of(IReadOnlyDictionary<string, JsonElement> fields, PieceDescription? piece, OAuthAppSecret? app)
    {
        string Field(string name) => fields.TryGetValue(name, out var value) ? value.GetString() ?? "" : "";
        FieldProblem Wrong(string name, string message) => new($"$.value.{name}", message);

        if (Field("app").Length > 0 && app is null)
            return (null, Wrong("app", $"The project has no OAuth app '{Field("app")}'."));
        if (app is not null && (Field("clientId").Length > 0 || Field("clientSecret").Length > 0))
            return (null, Wrong("app", "The app has a client id and secret: leave those of the connection out."));
        var clientId = app?.ClientId ?? Field("clientId");
        if (clientId.Length == 0)
            return (null, Wrong("clientId", "A client id is required, or an 'app' that has one."));
        var secret = app?.ClientSecret ?? (Field("clientSecret") is { Length: > 0 } own ? own : null);

        var service = piece?.Auth?.OAuth ?? new OAuthDescription(
            Field("authorizeUrl"), Field("tokenUrl"), [], Field("revokeUrl") is { Length: > 0 } revoke ? revoke : null,
            Field("grant") is { Length: > 0 } grant ? grant : OAuthFields.CodeGrant, Field("pkce") != "no",
            Field("clientAuth") is { Length: > 0 } clientAuth ? clientAuth : "body", Field("parameters"));
        if (service.Grant == OAuthFields.CodeGrant && AddressProblem(service.AuthorizeUrl) is { } badAuthorize)
            return (null, Wrong("authorizeUrl", badAuthorize));
        if (AddressProblem(service.TokenUrl) is { } badToken)
            return (null, Wrong("tokenUrl", badToken));
        if (service.RevokeUrl is { } revokeUrl && AddressProblem(revokeUrl) is { } badRevoke)
            return (null, Wrong("revokeUrl", badRevoke));
        if (secret is null && (service.Grant == OAuthFields.ClientGrant || service.ClientAuth == "basic" || !service.Pkce))
            return (null, Wrong("clientSecret", "A client secret is required: without one a client signs in with PKCE and nothing else."));
        if (QueryHelpers.ParseQuery(service.Parameters).Keys.FirstOrDefault(s_ours.Contains) is { } taken)
            return (null, Wrong("parameters", $"'{taken}' is set by Flows itself."));
        return (new OAuthSettings(service, clientId, secret, Field("scope") is { Length: > 0 } scope ? scope : string.Join(' ', service.Scopes)), null);
    }

    private static readonly HashSet<string> s_ours = new(StringComparer.Ordinal)
        { "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method", "client_secret" };

    private static string? AddressProblem(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0 && url.Fragment.Length == 0
            ? null
            : "It must be a full address that begins with https:// or http://.";
}

/// <summary>The client that a service knows the project as.</summary>
internal sealed record OAuthAppSecret(string ClientId, string? ClientSecret);

/// <summary>What a connection holds of tokens; it is sealed and never leaves the API as a whole.</summary>
/// <param name="RefreshToken">Null when the service gave none.</param>
internal sealed record OAuthTokens(string AccessToken, string? RefreshToken, DateTimeOffset ObtainedAt, DateTimeOffset? ExpiresAt)
{
    /// <summary>A fifth of its life before the end, and five minutes at most: then it is renewed without being asked for. Null when nobody knows its end.</summary>
    public DateTimeOffset? DueAt => ExpiresAt - Ahead(TimeSpan.FromMinutes(5));

    public bool IsDue(DateTimeOffset now) => DueAt <= now;

    /// <summary>Too near for a run to begin with it.</summary>
    public bool IsNearItsEnd(DateTimeOffset now) => ExpiresAt - Ahead(TimeSpan.FromMinutes(1)) <= now;

    private TimeSpan? Ahead(TimeSpan most) => (ExpiresAt - ObtainedAt) / 5 is { } fifth && fifth < most ? fifth : most;

    /// <summary>What a step may have of it.</summary>
    public byte[] ForEngine() => JsonSerializer.SerializeToUtf8Bytes(new EngineConnection(OAuthFields.Kind, AccessToken), OAuthJson.Default.EngineConnection);

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, OAuthJson.Default.OAuthTokens);

    public static OAuthTokens From(byte[] bytes) => JsonSerializer.Deserialize(bytes, OAuthJson.Default.OAuthTokens)!;

    internal sealed record EngineConnection(string Kind, string AccessToken);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(OAuthTokens))]
[JsonSerializable(typeof(OAuthTokens.EngineConnection))]
[JsonSerializable(typeof(SignInTerms))]
internal sealed partial class OAuthJson : JsonSerializerContext;
