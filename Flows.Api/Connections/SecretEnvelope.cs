using System.Security.Cryptography;
using System.Text;
using Flows.Api.Access;
using Microsoft.Extensions.Options;

namespace Flows.Api.Connections;

/// <summary>A row cannot be opened: no key fits it, or it is not what was sealed in this place.</summary>
internal sealed class SealBrokenException(string message) : Exception(message);

/// <summary>
/// Secrets at rest: AES-256-GCM under a key that is derived (HKDF-SHA256) from <c>Flows__Security__EncryptionKey</c>. The key's id stands in the
/// envelope, so that rows sealed with one of <c>Flows__Security__PreviousEncryptionKeys</c> are still opened; new ones are sealed with the current key.
/// <code>envelope = version(1) key id(4) nonce(12) tag(16) ciphertext</code>
/// </summary>
internal sealed class SecretEnvelope
{
    private const byte Version = 1;
    private const int IdLength = 4, NonceLength = 12, TagLength = 16;
    private const int HeaderLength = 1 + IdLength + NonceLength + TagLength;

    private readonly (byte[] Id, byte[] Key)[] _keys; // the current one first

    public SecretEnvelope(IOptions<SecurityOptions> options)
    {
        _keys = [.. options.Value.PreviousEncryptionKeys.Prepend(options.Value.EncryptionKey).Select(Derive)];
        KeyIds = [.. _keys.Select(key => Convert.ToHexStringLower(key.Id)).Distinct()];
    }

    /// <summary>Id of the key that everything new is sealed with, in hex, as it stands in envelopes.</summary>
    public string CurrentKeyId => KeyIds[0];

    /// <summary>Ids of all keys, the current one first.</summary>
    public IReadOnlyList<string> KeyIds { get; }

    /// <param name="place">Where it is kept, e.g. the row's id: sealed bytes that are moved elsewhere do not open there.</param>
    public byte[] Seal(ReadOnlySpan<byte> secret, string place)
    {
        var sealedBytes = new byte[HeaderLength + secret.Length];
        var (id, key) = _keys[0];
        sealedBytes[0] = Version;
        id.CopyTo(sealedBytes.AsSpan(1));
        var nonce = sealedBytes.AsSpan(1 + IdLength, NonceLength);
        RandomNumberGenerator.Fill(nonce);
        using var aes = new AesGcm(key, TagLength);
        aes.Encrypt(nonce, secret, sealedBytes.AsSpan(HeaderLength), sealedBytes.AsSpan(1 + IdLength + NonceLength, TagLength), Encoding.UTF8.GetBytes(place));
        return sealedBytes;
    }

    /// <exception cref="SealBrokenException">Sealed with a key that this installation does not have, in another place, or changed since.</exception>
    public byte[] Open(ReadOnlySpan<byte> sealedBytes, string place)
    {
        if (sealedBytes.Length < HeaderLength || sealedBytes[0] != Version)
            throw new SealBrokenException("It is not a sealed secret of this version.");
        foreach (var (id, key) in _keys)
        {
            if (!sealedBytes.Slice(1, IdLength).SequenceEqual(id))
                continue;
            var secret = new byte[sealedBytes.Length - HeaderLength];
            try
            {
                using var aes = new AesGcm(key, TagLength);
                aes.Decrypt(
                    sealedBytes.Slice(1 + IdLength, NonceLength), sealedBytes[HeaderLength..], sealedBytes.Slice(1 + IdLength + NonceLength, TagLength),
                    secret, Encoding.UTF8.GetBytes(place));
                return secret;
            }
            catch (AuthenticationTagMismatchException)
            {
                throw new SealBrokenException("The sealed secret was changed or belongs to another row.");
            }
        }
        throw new SealBrokenException(
            "It was sealed with another key. Set Flows__Security__EncryptionKey to the key it was made with, or add that key to Flows__Security__PreviousEncryptionKeys.");
    }

    private static (byte[] Id, byte[] Key) Derive(string text)
    {
        var key = HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(text), 32, salt: null, "flows/connections/1"u8.ToArray());
        return (SHA256.HashData(key)[..IdLength], key);
    }
}
