using System.Security.Cryptography;
using System.Text;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Engine.Expressions;

namespace Flows.Engine.Pieces.Crypto;

internal sealed partial class CryptoPiece
{
    // The layout of what is encrypted, in base64: nonce (12 bytes), the data, tag (16 bytes).
    private const int NonceSize = 12;
    private const int TagSize = 16;

    internal sealed record EncryptInput(string Data, string DataForm, string Key, string KeyForm, string? AdditionalData);
    internal sealed record DecryptInput(string Encrypted, string Key, string KeyForm, string? AdditionalData, string Output);

    private static PropDescription AesKeyForm() => Prop.Select("keyForm", "The key is", ["base64", "base64url", "hex"], "base64", help: "16, 24 or 32 bytes; the action random makes one.");

    private static AesGcm Cipher(string text, string form)
    {
        var key = Bytes.Key(text, form);
        return key.Length is 16 or 24 or 32
            ? new AesGcm(key, TagSize)
            : throw PieceException.Input($"'key' must have 16, 24 or 32 bytes; it has {key.Length}.");
    }

    private sealed class AesGcmEncrypt() : PieceAction<EncryptInput, Value>(
        "aes_gcm_encrypt", "Encrypt with AES-GCM", "The data encrypted and protected from change, in base64.", StepEffect.Pure, CryptoJson.Default)
    {
        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("data", "Data", required: true), DataForm(),
            Prop.Secret("key", "Key", required: true), AesKeyForm(),
            Prop.Text("additionalData", "Additional data", help: "Not encrypted and not kept, but the same is needed to decrypt: an order number, for example."),
        ];

        protected override Task<Value> RunAsync(EncryptInput input, PieceContext context, CancellationToken cancel)
        {
            var data = Bytes.Of("data", input.Data, input.DataForm);
            using var cipher = Cipher(input.Key, input.KeyForm);
            var all = new byte[NonceSize + data.Length + TagSize];
            // Never from the run's seed: the same nonce for other data under one key would give both away.
            RandomNumberGenerator.Fill(all.AsSpan(0, NonceSize));
            cipher.Encrypt(all.AsSpan(0, NonceSize), data, all.AsSpan(NonceSize, data.Length), all.AsSpan(NonceSize + data.Length), Encoding.UTF8.GetBytes(input.AdditionalData ?? ""));
            return Task.FromResult(Value.Of(Convert.ToBase64String(all)));
        }
    }

    private sealed class AesGcmDecrypt() : PieceAction<DecryptInput, Value>(
        "aes_gcm_decrypt", "Decrypt with AES-GCM", "The data that aes_gcm_encrypt has encrypted.", StepEffect.Pure, CryptoJson.Default)
    {
        private static readonly UTF8Encoding s_strict = new(false, throwOnInvalidBytes: true);

        public override IReadOnlyList<PropDescription> Props { get; } =
        [
            Prop.Multiline("encrypted", "Encrypted data", required: true, help: "In base64: nonce (12 bytes), data, tag (16 bytes)."),
            Prop.Secret("key", "Key", required: true), AesKeyForm(),
            Prop.Text("additionalData", "Additional data", help: "The same as for encrypting."),
            Prop.Select("output", "Give it as", s_forms, "text"),
        ];

        protected override Task<Value> RunAsync(DecryptInput input, PieceContext context, CancellationToken cancel)
        {
            if (!Bytes.TryDecode(input.Encrypted, "base64", out var all) || all.Length < NonceSize + TagSize)
                throw PieceException.Input($"'encrypted' must be base64 of at least {NonceSize + TagSize} bytes.");
            using var cipher = Cipher(input.Key, input.KeyForm);
            var data = new byte[all.Length - NonceSize - TagSize];
            try
            {
                cipher.Decrypt(all.AsSpan(0, NonceSize), all.AsSpan(NonceSize, data.Length), all.AsSpan(^TagSize..), data, Encoding.UTF8.GetBytes(input.AdditionalData ?? ""));
                return Task.FromResult(Value.Of(input.Output == "text" ? s_strict.GetString(data) : Bytes.Encode(data, input.Output)));
            }
            catch (AuthenticationTagMismatchException)
            {
                throw PieceException.Final("'encrypted' was not made with this 'key' and 'additionalData', or was changed since.", "bad_signature");
            }
            catch (DecoderFallbackException)
            {
                throw PieceException.Final("what was encrypted is not text in UTF-8; choose another 'output'.");
            }
        }
    }
}
