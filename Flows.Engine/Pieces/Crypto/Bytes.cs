using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Flows.Engine.Pieces.Crypto;

/// <summary>Bytes as inputs hold them, and hashes of them. Messages never show what a key holds.</summary>
internal static class Bytes
{
    /// <exception cref="PieceException">The input is not in that form.</exception>
    public static byte[] Of(string field, string text, string form) => TryDecode(text, form, out var bytes)
        ? bytes
        : throw PieceException.Input($"'{field}' is not {form}, which '{field}Form' says it is.");

    /// <exception cref="PieceException">The key is empty or not in that form.</exception>
    public static byte[] Key(string key, string form) =>
        key.Length > 0 ? Of("key", key, form) : throw PieceException.Input("'key' must not be empty.");

    public static bool TryDecode(string text, string form, out byte[] bytes)
    {
        try
        {
            bytes = form switch
            {
                "hex" => Convert.FromHexString(text),
                "base64" => Convert.FromBase64String(text),
                "base64url" => Base64Url.DecodeFromChars(text),
                _ => Encoding.UTF8.GetBytes(text),
            };
            return true;
        }
        catch (FormatException)
        {
            bytes = [];
            return false;
        }
    }

    public static string Encode(ReadOnlySpan<byte> bytes, string form) => form switch
    {
        "hex" => Convert.ToHexStringLower(bytes),
        "base64" => Convert.ToBase64String(bytes),
        _ => Base64Url.EncodeToString(bytes),
    };

#pragma warning disable CA5350, CA5351 // MD5 and SHA-1 are offered because other services still sign with them.
    public static byte[] Hash(string algorithm, byte[] data) => algorithm switch
    {
        "md5" => MD5.HashData(data),
        "sha1" => SHA1.HashData(data),
        "sha384" => SHA384.HashData(data),
        "sha512" => SHA512.HashData(data),
        _ => SHA256.HashData(data),
    };

    public static byte[] Hmac(string algorithm, byte[] key, byte[] data) => algorithm switch
    {
        "md5" => HMACMD5.HashData(key, data),
        "sha1" => HMACSHA1.HashData(key, data),
        "sha384" => HMACSHA384.HashData(key, data),
        "sha512" => HMACSHA512.HashData(key, data),
        _ => HMACSHA256.HashData(key, data),
    };
#pragma warning restore CA5350, CA5351
}
