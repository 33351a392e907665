using System.Security.Cryptography;
using System.Text;

namespace Flows.Engine.Expressions;

/// <summary>Hashes of the UTF-8 bytes of a text, in small hexadecimal digits unless 'base64' is asked for.</summary>
internal static class HashFunctions
{
#pragma warning disable CA5350, CA5351 // MD5 and SHA-1 are offered because other services still sign with them.
    public static IReadOnlyList<Function> All { get; } =
    [
        new("md5(text, encoding?)", "MD5; only where another service asks for it.", call => Hash(call, MD5.HashData)),
        new("sha1(text, encoding?)", "SHA-1; only where another service asks for it.", call => Hash(call, SHA1.HashData)),
        new("sha256(text, encoding?)", "SHA-256.", call => Hash(call, SHA256.HashData)),
        new("sha384(text, encoding?)", "SHA-384.", call => Hash(call, SHA384.HashData)),
        new("sha512(text, encoding?)", "SHA-512.", call => Hash(call, SHA512.HashData)),
        new("hmac(text, key, algorithm?, encoding?)", "The text signed with a key; 'sha256' unless 'md5', 'sha1', 'sha384' or 'sha512' is given.", Hmac),
        new("crc32(text)", "The CRC-32 checksum as a number.", call => Value.Of((long)Crc32(Encoding.UTF8.GetBytes(call.Text(0))))),
        new("secureEquals(a, b)", "Whether two texts are the same, in a time that does not tell where they differ: for signatures.",
            call => Value.Of(CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(call.Text(0)), Encoding.UTF8.GetBytes(call.Text(1))))),
    ];

    private static Value Hash(FunctionCall call, Func<byte[], byte[]> hash) => Encoded(call, 1, hash(Encoding.UTF8.GetBytes(call.Text(0))));

    private static Value Hmac(FunctionCall call)
    {
        var (text, key) = (Encoding.UTF8.GetBytes(call.Text(0)), Encoding.UTF8.GetBytes(call.Text(1)));
        return Encoded(call, 3, call.Text(2, "sha256") switch
        {
            "md5" => HMACMD5.HashData(key, text),
            "sha1" => HMACSHA1.HashData(key, text),
            "sha256" => HMACSHA256.HashData(key, text),
            "sha384" => HMACSHA384.HashData(key, text),
            "sha512" => HMACSHA512.HashData(key, text),
            _ => throw call.Wrong(2, "'md5', 'sha1', 'sha256', 'sha384' or 'sha512'"),
        });
    }
#pragma warning restore CA5350, CA5351

    private static Value Encoded(FunctionCall call, int index, byte[] bytes) => call.Text(index, "hex") switch
    {
        "hex" => Value.Of(Convert.ToHexStringLower(bytes)),
        "base64" => Value.Of(Convert.ToBase64String(bytes)),
        _ => throw call.Wrong(index, "'hex' or 'base64'"),
    };

    private static uint Crc32(byte[] bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
        }
        return ~crc;
    }
}
