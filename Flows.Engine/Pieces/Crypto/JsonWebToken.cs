using System.Text;
using System.Text.Json;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Crypto;

/// <summary>A token whose signature has been checked: <c>base64url(header).base64url(claims).base64url(signature)</c>.</summary>
internal sealed class JsonWebToken
{
    private const int MaxLength = 64 * 1024;

    private JsonWebToken(ValueObject header, ValueObject claims) => (Header, Claims) = (header, claims);

    public ValueObject Header { get; }
    public ValueObject Claims { get; }

    public static string Write(Value header, Value claims, JwtKey key)
    {
        var signed = $"{Encoded(header)}.{Encoded(claims)}";
        return $"{signed}.{Bytes.Encode(key.Sign(Encoding.ASCII.GetBytes(signed)), "base64url")}";

        static string Encoded(Value value) => Bytes.Encode(value.ToRawJson().Utf8.Span, "base64url");
    }

    /// <summary>Nothing in the token is believed before its signature is: not the algorithm it names, no key or address in its header.</summary>
    /// <exception cref="PieceException">It is no token, names another algorithm, or its signature is wrong.</exception>
    public static JsonWebToken Read(string token, JwtKey key)
    {
        var parts = token.Length <= MaxLength ? token.Split('.') : [];
        if (parts.Length != 3 || !Bytes.TryDecode(parts[2], "base64url", out var signature) || ObjectOf(parts[0]) is not { } header)
            throw PieceException.Final("'token' is not a signed JSON web token.", "jwt_malformed");
        if (!header.TryGet("alg", out var algorithm) || !algorithm.Equals(Value.Of(key.Algorithm)))
            throw PieceException.Final($"'token' is not signed with {key.Algorithm}.", "jwt_algorithm");
        // RFC 7515, 4.1.11: what is marked critical and not understood makes the token invalid.
        if (header.TryGet("crit", out _))
            throw PieceException.Final("'token' has critical extensions in its header, and none are understood.", "jwt_malformed");
        if (!key.Verifies(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), signature))
            throw PieceException.Final("'token' was not signed with this key, or was changed since.", "bad_signature");
        return new JsonWebToken(header, ObjectOf(parts[1]) ?? throw PieceException.Final("'token' holds no claims.", "jwt_malformed"));
    }

    public void CheckTimes(DateTimeOffset now, TimeSpan tolerance)
    {
        if (Time("exp") is { } end && now.ToUnixTimeSeconds() >= end + tolerance.TotalSeconds)
            throw PieceException.Final("'token' has expired.", "jwt_expired");
        if (Time("nbf") is { } start && now.ToUnixTimeSeconds() < start - tolerance.TotalSeconds)
            throw PieceException.Final("'token' is not valid yet.", "jwt_not_yet");
    }

    public void CheckIssuer(string? issuer)
    {
        if (issuer is not null && !(Claims.TryGet("iss", out var claim) && claim.Equals(Value.Of(issuer))))
            throw PieceException.Final("'token' is from another issuer.", "jwt_issuer");
    }

    public void CheckAudience(string? audience)
    {
        if (audience is null)
            return;
        var expected = Value.Of(audience);
        if (!Claims.TryGet("aud", out var claim) || !(claim.Kind == ValueKind.List ? claim.AsList.Contains(expected) : claim.Equals(expected)))
            throw PieceException.Final("'token' is for another audience.", "jwt_audience");
    }

    private double? Time(string name)
    {
        if (!Claims.TryGet(name, out var claim))
            return null;
        return claim.IsNumber ? claim.AsDouble : throw PieceException.Final($"'token' has a claim '{name}' that is no time.", "jwt_malformed");
    }

    private static ValueObject? ObjectOf(string part)
    {
        try
        {
            return Bytes.TryDecode(part, "base64url", out var json) && Value.FromJson(json) is { Kind: ValueKind.Object } value ? value.AsObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
