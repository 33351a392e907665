using Flows.Contracts.Json;

namespace Flows.Api.Connections;

/// <summary>What a flow needs to enter a service: a row whose secrets only a run's engine sees.</summary>
internal sealed class Connection
{
    public required Guid Id { get; init; }
    public required Guid ProjectId { get; init; }
    /// <summary>What definitions call it by; unique in the project, never changed.</summary>
    public required string Key { get; init; }
    public required string Name { get; set; }
    /// <summary>The piece it is for; null for one that inputs take fields from by hand.</summary>
    public string? Piece { get; init; }
    /// <summary><c>secret</c>, <c>basic</c>, <c>custom</c> or <c>oauth2</c>.</summary>
    public required string Kind { get; init; }
    /// <summary>All fields as a JSON object, sealed by <see cref="SecretEnvelope"/>.</summary>
    public required byte[] Sealed { get; set; }
    /// <summary>Names of the fields that are set, and the values of those that are no secret: a JSON object.</summary>
    public required string Shown { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
    public required DateTimeOffset UpdatedAt { get; set; }
    public ConnectionStatus Status { get; set; }
    /// <summary>Why it needs a sign-in, or why its token could not be renewed the last time; null when all is well.</summary>
    public string? Problem { get; set; }
    /// <summary>Of the kind <c>oauth2</c>: see OAuth/OAuthTokens. Null before the first.</summary>
    public byte[]? Tokens { get; set; }
    /// <summary>When the access token runs out; null when nobody knows.</summary>
    public DateTimeOffset? ExpiresAt { get; set; }
    public DateTimeOffset? RenewAt { get; set; }
    public int Failures { get; set; }

    public static string PlaceOf(Guid projectId, Guid id) => $"connection:{projectId:N}:{id:N}";
}

/// <summary>Whether runs can use a connection. The numbers are stored.</summary>
internal enum ConnectionStatus : short
{
    Ready = 0,
    /// <summary>Of the kind <c>oauth2</c>: a person has to sign in, for the first time or again, or put the client right.</summary>
    NeedsSignIn = 1,
}

/// <summary>A value of the project that flows may use as <c>{{vars.key}}</c>. Not for secrets.</summary>
internal sealed class Variable
{
    public required Guid ProjectId { get; init; }
    public required string Key { get; init; }
    /// <summary>JSON text.</summary>
    public required string Value { get; set; }
    public required DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>The keys of connections and variables: what can stand after a dot in an expression.</summary>
internal static class ExpressionKey
{
    public const int MaximumLength = 64;

    /// <summary>Null when the key is fine.</summary>
    public static string? Problem(string key) =>
        key.Length is 0 or > MaximumLength || !(char.IsAsciiLetter(key[0]) || key[0] == '_') || !key.All(c => char.IsAsciiLetterOrDigit(c) || c == '_')
            ? $"It needs a letter or _ first, then letters, digits or _, {MaximumLength} characters at most: expressions name it."
            : null;
}
