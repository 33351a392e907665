using System.Globalization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Crypto;

/// <summary>JSON web tokens. https://www.rfc-editor.org/rfc/rfc7519</summary>
internal sealed partial class CryptoPiece
{
    private static readonly string[] s_algorithms = ["HS256", "RS256", "ES256"];

    internal sealed record JwtSignInput(Value Claims, string Algorithm, string Key, string KeyForm, string? ExpiresIn, string? KeyId);
    internal sealed record JwtVerifyInput(string Token, string Algorithm, string Key, string KeyForm, string? Issuer, string? Audience, string Tolerance);
    internal sealed record JwtOutput(Value Header, Value Claims);

    private static PropDescription JwtKeyForm() => Prop.Select("keyForm", "The key is", s_forms, "text", help: "Only for HS256. A PEM is always text.");

    private static TimeSpan Span(string field, string text) =>
        TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var span) && span >= TimeSpan.Zero && span <= TimeSpan.FromDays(3660)
            ? span
            : throw PieceException.Input($"'{field}' must be a time such as 01:00:00 or 30.00:00:00; found \"{Shown.Cut(text)}\".");

    private sealed class JwtSign() : PieceAction<JwtSignInput, Value>(
        "jwt_sign", "Make a JSON web token", "A signed token with claims; iat is added, and exp when it expires.", StepEffect.Pure, CryptoJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Pairs("claims", "Claims", required: true, help: "Such as sub, iss and aud. An iat or exp of your own stays."),
            Prop.Select("algorithm", "Algorithm", s_algorithms, "HS256"),
            Prop.Secret("key", "Key", required: true, help: "HS256: at least 32 bytes. RS256 and ES256: the private key as PEM."), JwtKeyForm(),
            Prop.Text("expiresIn", "Expires after", help: "A time such as 01:00:00; left out, it does not."),
            Prop.Text("keyId", "Key id", help: "Put into the header as kid."),
        ];

        protected override Task<Value> RunAsync(JwtSignInput input, PieceContext context, CancellationToken cancel)
        {
            var now = context.Clock.GetUtcNow();
            var header = new ValueObject.Builder();
            header.Set("alg", Value.Of(input.Algorithm));
            header.Set("typ", Value.Of("JWT"));
            if (input.KeyId is not null)
                header.Set("kid", Value.Of(input.KeyId));
            var claims = new ValueObject.Builder();
            claims.Set("iat", Value.Of(now.ToUnixTimeSeconds()));
            if (input.ExpiresIn is not null)
                claims.Set("exp", Value.Of(now.Add(Span("expiresIn", input.ExpiresIn)).ToUnixTimeSeconds()));
            claims.SetAll(input.Claims.AsObject);
            using var key = JwtKey.Read(input.Algorithm, input.Key, input.KeyForm, signs: true);
            return Task.FromResult(Value.Of(JsonWebToken.Write(Value.Of(header.ToObject()), Value.Of(claims.ToObject()), key)));
        }
    }

    private sealed class JwtVerify() : PieceAction<JwtVerifyInput, JwtOutput>(
        "jwt_verify", "Check a JSON web token", "Header and claims of a token, when signature, times, issuer and audience are right; otherwise the step fails.", StepEffect.Pure, CryptoJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Text("token", "Token", required: true),
            Prop.Select("algorithm", "Algorithm", s_algorithms, "HS256", help: "The only one that is accepted, whatever the token says."),
            Prop.Secret("key", "Key", required: true, help: "HS256: the shared key. RS256 and ES256: the public key or certificate as PEM."), JwtKeyForm(),
            Prop.Text("issuer", "Issuer", help: "What iss has to be."),
            Prop.Text("audience", "Audience", help: "What aud has to be or hold."),
            Prop.Duration("tolerance", "Tolerance", "00:01:00", help: "How far clocks may be apart, for exp and nbf."),
        ];

        protected override Task<JwtOutput> RunAsync(JwtVerifyInput input, PieceContext context, CancellationToken cancel)
        {
            using var key = JwtKey.Read(input.Algorithm, input.Key, input.KeyForm, signs: false);
            var token = JsonWebToken.Read(input.Token, key);
            token.CheckTimes(context.Clock.GetUtcNow(), Span("tolerance", input.Tolerance));
            token.CheckIssuer(input.Issuer);
            token.CheckAudience(input.Audience);
            return Task.FromResult(new JwtOutput(Value.Of(token.Header), Value.Of(token.Claims)));
        }
    }
}
