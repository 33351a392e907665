using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Crypto;

/// <summary>
/// Hashes, signatures and encryption. Keys are secret inputs, best taken from a connection: <c>{{connections.shop.key}}</c>.
/// All actions are pure, also those that need chance: a result counts once it is in the journal, is never computed again after that,
/// and no effect comes before it is durable. What must be unknown to others comes from the operating system, not from the run's seed.
/// </summary>
internal sealed partial class CryptoPiece() : Piece("crypto", "Cryptography", "Hashes, signs, encrypts and makes random keys.")
{
    private static readonly string[] s_hashes = ["sha256", "sha384", "sha512", "sha1", "md5"];
    private static readonly string[] s_codes = ["hex", "base64", "base64url"];
    private static readonly string[] s_forms = ["text", "base64", "base64url", "hex"];

    public override IReadOnlyList<PieceAction> Actions =>
        [new AesGcmDecrypt(), new AesGcmEncrypt(), new Hash(), new Hmac(), new HmacVerify(), new JwtSign(), new JwtVerify(), new Random()];

    internal sealed record HashInput(string Data, string DataForm, string Algorithm, string Encoding);
    internal sealed record HmacInput(string Data, string DataForm, string Key, string KeyForm, string Algorithm, string Encoding);
    internal sealed record HmacVerifyInput(string Data, string DataForm, string Key, string KeyForm, string Algorithm, string Signature, string Encoding, bool Required);
    internal sealed record VerifiedOutput(bool Valid);
    internal sealed record RandomInput(string Kind, long Length);

    private static PropDescription Algorithm() =>
        Prop.Select("algorithm", "Algorithm", s_hashes, "sha256", help: "sha1 and md5 only where another service asks for them.");

    private static PropDescription DataForm() => Prop.Select("dataForm", "The data is", s_forms, "text", help: "text: its bytes in UTF-8.");

    private sealed class Hash() : PieceAction<HashInput, Value>(
        "hash", "Hash", "The hash of a text or of bytes.", StepEffect.Pure, CryptoJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
            [Prop.Multiline("data", "Data", required: true), DataForm(), Algorithm(), Prop.Select("encoding", "Give it as", s_codes, "hex")];

        protected override Task<Value> RunAsync(HashInput input, PieceContext context, CancellationToken cancel) =>
            Task.FromResult(Value.Of(Bytes.Encode(Bytes.Hash(input.Algorithm, Bytes.Of("data", input.Data, input.DataForm)), input.Encoding)));
    }

    private sealed class Hmac() : PieceAction<HmacInput, Value>(
        "hmac", "Sign with HMAC", "The signature of a text or of bytes with a shared key.", StepEffect.Pure, CryptoJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("data", "Data", required: true), DataForm(),
            Prop.Secret("key", "Key", required: true), Prop.Select("keyForm", "The key is", s_forms, "text"),
            Algorithm(), Prop.Select("encoding", "Give it as", s_codes, "hex"),
        ];

        protected override Task<Value> RunAsync(HmacInput input, PieceContext context, CancellationToken cancel) => Task.FromResult(Value.Of(Bytes.Encode(
            Bytes.Hmac(input.Algorithm, Bytes.Key(input.Key, input.KeyForm), Bytes.Of("data", input.Data, input.DataForm)), input.Encoding)));
    }

    private sealed class HmacVerify() : PieceAction<HmacVerifyInput, VerifiedOutput>(
        "hmac_verify", "Check an HMAC", "Whether a signature is that of the data, such as the one a service sends with a webhook. Compared in a time that tells nothing.", StepEffect.Pure, CryptoJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("data", "Data", required: true, help: "Exactly what was signed: the raw body, not the JSON read from it."), DataForm(),
            Prop.Secret("key", "Key", required: true), Prop.Select("keyForm", "The key is", s_forms, "text"),
            Algorithm(),
            Prop.Text("signature", "Signature", required: true, help: "A prefix such as sha256= is left out."),
            Prop.Select("encoding", "The signature is", s_codes, "hex"),
            Prop.Flag("required", "Fail when it is wrong", otherwise: true),
        ];

        protected override Task<VerifiedOutput> RunAsync(HmacVerifyInput input, PieceContext context, CancellationToken cancel)
        {
            var expected = Bytes.Hmac(input.Algorithm, Bytes.Key(input.Key, input.KeyForm), Bytes.Of("data", input.Data, input.DataForm));
            var signature = input.Signature.StartsWith(input.Algorithm + "=", StringComparison.OrdinalIgnoreCase) ? input.Signature[(input.Algorithm.Length + 1)..] : input.Signature;
            // A signature that cannot be read is a wrong one: it comes from outside.
            var isValid = Bytes.TryDecode(signature.Trim(), input.Encoding, out var given) && CryptographicOperations.FixedTimeEquals(expected, given);
            return isValid || !input.Required
                ? Task.FromResult(new VerifiedOutput(isValid))
                : throw PieceException.Final("'signature' is not the signature of 'data' with this key.", "bad_signature");
        }
    }

    private sealed class Random() : PieceAction<RandomInput, Value>(
        "random", "Random text", "A new id, key, token or password from the operating system's source of chance.", StepEffect.Pure, CryptoJson.Default)
    {
        private const int Most = 4096;
        private const string Letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Select("kind", "Kind", ["uuid", "uuid7", "hex", "base64", "base64url", "letters", "digits"], "uuid",
                help: "uuid7 begins with the time and sorts by it. letters: letters and digits."),
            Prop.Integer("length", "Length", otherwise: 32, help: $"Bytes for hex and base64, characters for letters and digits; 1 to {Most}. Not for a uuid."),
        ];

        protected override Task<Value> RunAsync(RandomInput input, PieceContext context, CancellationToken cancel)
        {
            if (input.Length is < 1 or > Most)
                throw PieceException.Input($"'length' must be 1 to {Most}; found {input.Length}.");
            return Task.FromResult(Value.Of(input.Kind switch
            {
                "uuid" => Uuid(),
                "uuid7" => Guid.CreateVersion7(context.Clock.GetUtcNow()).ToString(),
                "letters" => RandomNumberGenerator.GetString(Letters, (int)input.Length),
                "digits" => RandomNumberGenerator.GetString("0123456789", (int)input.Length),
                _ => Bytes.Encode(RandomNumberGenerator.GetBytes((int)input.Length), input.Kind),
            }));
        }

        private static string Uuid()
        {
            var bytes = RandomNumberGenerator.GetBytes(16);
            // Version 4, variant 1 of RFC 9562.
            bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
            bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
            return new Guid(bytes, bigEndian: true).ToString();
        }
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(ValueConverter)])]
    [JsonSerializable(typeof(DecryptInput))]
    [JsonSerializable(typeof(EncryptInput))]
    [JsonSerializable(typeof(HashInput))]
    [JsonSerializable(typeof(HmacInput))]
    [JsonSerializable(typeof(HmacVerifyInput))]
    [JsonSerializable(typeof(JwtSignInput))]
    [JsonSerializable(typeof(JwtVerifyInput))]
    [JsonSerializable(typeof(JwtOutput))]
    [JsonSerializable(typeof(RandomInput))]
    [JsonSerializable(typeof(VerifiedOutput))]
    private sealed partial class CryptoJson : JsonSerializerContext;
}
