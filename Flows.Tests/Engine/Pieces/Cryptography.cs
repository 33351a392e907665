using System.Security.Cryptography;
using System.Text.Json;
using Flows.Engine.Pieces;

namespace Flows.Tests.Engine.Pieces;

public sealed class Cryptography
{
    private const string Key32 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    private const string Shared = "0123456789abcdef0123456789abcdef";

    // RFC 7515, A.1: the key, and a token that expired in 2011.
    private const string RfcKey = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    private const string RfcToken = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    [Theory]
    [InlineData("crypto.hash", """{ "data": "abc" }""", "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"")]
    [InlineData("crypto.hash", """{ "data": "YWJj", "dataForm": "base64", "algorithm": "sha1", "encoding": "base64" }""", "\"qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\"")]
    [InlineData("crypto.hash", """{ "data": "", "algorithm": "md5" }""", "\"d41d8cd98f00b204e9800998ecf8427e\"")]
    // RFC 4231, 4.3.
    [InlineData("crypto.hmac", """{ "data": "what do ya want for nothing?", "key": "Jefe" }""", "\"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843\"")]
    [InlineData("crypto.hmac_verify", """{ "data": "what do ya want for nothing?", "key": "4a656665", "keyForm": "hex", "signature": "sha256=5BDCC146BF60754E6A042426089575C75A003F089D2739839DEC58B964EC3843" }""", """{ "valid": true }""")]
    [InlineData("crypto.hmac_verify", """{ "data": "a", "key": "k", "signature": "00", "required": false }""", """{ "valid": false }""")]
    [InlineData("crypto.hmac_verify", """{ "data": "a", "key": "k", "signature": "no hex", "required": false }""", """{ "valid": false }""")]
    // NIST's GCM test case 14: 16 zero bytes, key and nonce of zeros.
    [InlineData("crypto.aes_gcm_decrypt", $$"""{ "encrypted": "AAAAAAAAAAAAAAAAzqdAPU1ga24HTsXTuvOdGNDRyKeZmWvwJluYtdSKuRk=", "key": "{{Key32}}", "output": "hex" }""", "\"00000000000000000000000000000000\"")]
    public Task Gives(string action, string input, string output) => DoneAction.GivesAsync(action, input, output);

    [Theory]
    [InlineData("crypto.hash", """{ "data": "zz", "dataForm": "hex" }""", "'data' is not hex, which 'dataForm' says it is.")]
    [InlineData("crypto.hmac", """{ "data": "a" }""", "'key' is required; found nothing.")]
    [InlineData("crypto.hmac", """{ "data": "a", "key": "" }""", "'key' must not be empty.")]
    [InlineData("crypto.hmac", """{ "data": "a", "key": "top secret", "keyForm": "base64" }""", "'key' is not base64, which 'keyForm' says it is.")]
    [InlineData("crypto.hmac_verify", """{ "data": "a", "key": "k", "signature": "00" }""", "'signature' is not the signature of 'data' with this key.")]
    [InlineData("crypto.aes_gcm_encrypt", """{ "data": "a", "key": "AAAA" }""", "'key' must have 16, 24 or 32 bytes; it has 3.")]
    [InlineData("crypto.aes_gcm_decrypt", $$"""{ "encrypted": "AAAA", "key": "{{Key32}}" }""", "'encrypted' must be base64 of at least 28 bytes.")]
    [InlineData("crypto.aes_gcm_decrypt", $$"""{ "encrypted": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "key": "{{Key32}}" }""", "'encrypted' was not made with this 'key' and 'additionalData', or was changed since.")]
    [InlineData("crypto.jwt_sign", """{ "claims": {}, "key": "short" }""", "'key' must have at least 32 bytes for HS256; it has 5.")]
    [InlineData("crypto.jwt_sign", $$"""{ "claims": {}, "key": "{{Shared}}", "algorithm": "RS256" }""", "'key' must be a private key for RS256 as PEM (-----BEGIN …), without a password.")]
    [InlineData("crypto.jwt_sign", $$"""{ "claims": {}, "key": "{{Shared}}", "expiresIn": "soon" }""", "'expiresIn' must be a time such as 01:00:00 or 30.00:00:00; found \"soon\".")]
    [InlineData("crypto.jwt_verify", """{ "token": "a.b", "key": "k" }""", "'token' is not a signed JSON web token.")]
    [InlineData("crypto.jwt_verify", """{ "token": "eyJhbGciOiJub25lIn0.e30.", "key": "k" }""", "'token' is not signed with HS256.")]
    [InlineData("crypto.jwt_verify", $$"""{ "token": "{{RfcToken}}", "key": "other" }""", "'token' was not signed with this key, or was changed since.")]
    [InlineData("crypto.jwt_verify", $$"""{ "token": "{{RfcToken}}", "key": "{{RfcKey}}", "keyForm": "base64url" }""", "'token' has expired.")]
    [InlineData("crypto.random", """{ "length": 0 }""", "'length' must be 1 to 4096; found 0.")]
    public Task Refuses(string action, string input, string message) => DoneAction.RefusesAsync(action, input, message);

    [Fact]
    public async Task The_token_of_the_standard_is_read()
    {
        var clock = new ManualClock(DateTimeOffset.FromUnixTimeSeconds(1300819379));
        var output = await DoneAction.OfAsync("crypto.jwt_verify", $$"""{ "token": "{{RfcToken}}", "key": "{{RfcKey}}", "keyForm": "base64url", "issuer": "joe" }""", clock);
        Assert.True(output.ToElement().GetProperty("claims").GetProperty("http://example.com/is_root").GetBoolean());
        await Fails("jwt_issuer", $$"""{ "token": "{{RfcToken}}", "key": "{{RfcKey}}", "keyForm": "base64url", "issuer": "jim" }""", clock);
        await Fails("jwt_audience", $$"""{ "token": "{{RfcToken}}", "key": "{{RfcKey}}", "keyForm": "base64url", "audience": "x" }""", clock);
    }

    public static TheoryData<string, string, string> Keys
    {
        get
        {
            using var rsa = RSA.Create(2048);
            using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            return new()
            {
                { "HS256", Shared, Shared },
                { "RS256", rsa.ExportPkcs8PrivateKeyPem(), rsa.ExportSubjectPublicKeyInfoPem() },
                { "ES256", curve.ExportECPrivateKeyPem(), curve.ExportSubjectPublicKeyInfoPem() },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Keys), DisableDiscoveryEnumeration = true)]
    public async Task A_token_is_signed_and_checked(string algorithm, string signingKey, string checkingKey)
    {
        var clock = new ManualClock(new DateTimeOffset(2026, 3, 1, 10, 0, 0, TimeSpan.Zero));
        var token = await DoneAction.OfAsync("crypto.jwt_sign",
            $$"""{ "claims": { "sub": "42", "aud": ["a", "b"] }, "algorithm": "{{algorithm}}", "key": {{JsonSerializer.Serialize(signingKey)}}, "expiresIn": "01:00:00", "keyId": "k1" }""", clock);
        string Check(string key, string token, string use = "") =>
            $$"""{ "token": {{token}}, "algorithm": "{{use + (use.Length == 0 ? algorithm : "")}}", "key": {{JsonSerializer.Serialize(key)}}, "audience": "b" }""";

        var read = (await DoneAction.OfAsync("crypto.jwt_verify", Check(checkingKey, token.ToString()), clock)).ToElement();
        Assert.Equal($$"""{"alg":"{{algorithm}}","typ":"JWT","kid":"k1"}""", read.GetProperty("header").GetRawText());
        Assert.Equal("""{"iat":1772359200,"exp":1772362800,"sub":"42","aud":["a","b"]}""", read.GetProperty("claims").GetRawText());

        var text = token.ToElement().GetString()!;
        var changed = JsonSerializer.Serialize(text[..^6] + (text[^6] == 'A' ? 'B' : 'A') + text[^5..]);
        await Fails("bad_signature", Check(checkingKey, changed), clock);
        // A public key is no shared key, whatever the token says.
        if (algorithm != "HS256")
            await Fails("jwt_algorithm", Check(checkingKey, token.ToString(), "HS256"), clock);
        clock.Advance(TimeSpan.FromMinutes(61));
        await Fails("jwt_expired", Check(checkingKey, token.ToString()), clock);
    }

    [Fact]
    public async Task Only_a_private_key_that_is_strong_enough_signs()
    {
        using var weak = RSA.Create(1024);
        using var rsa = RSA.Create(2048);
        using var curve = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Task Sign(string algorithm, string pem, string message) =>
            DoneAction.RefusesAsync("crypto.jwt_sign", $$"""{ "claims": {}, "algorithm": "{{algorithm}}", "key": {{JsonSerializer.Serialize(pem)}} }""", message);
        await Sign("RS256", weak.ExportPkcs8PrivateKeyPem(), "'key' must have at least 2048 bits for RS256; it has 1024.");
        await Sign("RS256", rsa.ExportSubjectPublicKeyInfoPem(), "'key' must be a private key to sign with.");
        await Sign("ES256", curve.ExportPkcs8PrivateKeyPem(), "'key' must be on the curve P-256 for ES256.");
    }

    [Fact]
    public async Task What_is_encrypted_is_decrypted_and_never_looks_the_same()
    {
        const string input = $$"""{ "data": "grün", "key": "{{Key32}}", "additionalData": "order 7" }""";
        var (one, two) = (await DoneAction.OfAsync("crypto.aes_gcm_encrypt", input), await DoneAction.OfAsync("crypto.aes_gcm_encrypt", input));
        Assert.NotEqual(one, two);
        await DoneAction.GivesAsync("crypto.aes_gcm_decrypt", $$"""{ "encrypted": {{one}}, "key": "{{Key32}}", "additionalData": "order 7" }""", "\"grün\"");
        var error = await Assert.ThrowsAsync<PieceException>(() => DoneAction.OfAsync("crypto.aes_gcm_decrypt", $$"""{ "encrypted": {{one}}, "key": "{{Key32}}" }"""));
        Assert.Equal("bad_signature", error.Code);
    }

    [Theory]
    [InlineData("uuid", "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
    [InlineData("uuid7", "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
    [InlineData("hex", "^[0-9a-f]{64}$")]
    [InlineData("base64", "^[A-Za-z0-9+/]{43}=$")]
    [InlineData("base64url", "^[A-Za-z0-9_-]{43}$")]
    [InlineData("letters", "^[A-Za-z0-9]{32}$")]
    [InlineData("digits", "^[0-9]{32}$")]
    public async Task Random_texts_do_not_follow_from_the_run(string kind, string pattern)
    {
        var input = $$"""{ "kind": "{{kind}}" }""";
        var one = (await DoneAction.OfAsync("crypto.random", input)).ToElement().GetString();
        Assert.Matches(pattern, one);
        Assert.NotEqual(one, (await DoneAction.OfAsync("crypto.random", input)).ToElement().GetString());
    }

    [Fact]
    public async Task A_key_is_not_in_the_journal()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "sign", "kind": "action", "piece": "crypto", "action": "hmac", "input": { "data": "a", "key": "{{trigger.key}}" } }]""", """{ "key": "open-sesame" }""");
        Assert.DoesNotContain("open-sesame", run["sign"].Input!.Value.ToString(), StringComparison.Ordinal);
    }

    private static async Task Fails(string code, string input, TimeProvider clock)
    {
        var error = await Assert.ThrowsAsync<PieceException>(() => DoneAction.OfAsync("crypto.jwt_verify", input, clock));
        Assert.Equal(code, error.Code);
    }
}
