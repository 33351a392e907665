using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Flows.Api.Access;

/// <summary>A credential of one project. The key itself is shown once, when it is made, and never stored.</summary>
internal sealed class ApiKey
{
    /// <summary>Every key starts with it, so that scanners for leaked secrets can tell one.</summary>
    public const string Start = "flk_";
    /// <summary>Shortest part after <see cref="Start"/> that is accepted.</summary>
    public const int MinimumSecretLength = 32;
    private const int MaximumLength = 256;
    private static readonly SearchValues<char> s_urlSafe =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    public required Guid Id { get; init; }
    public required Guid ProjectId { get; init; }
    public required string Name { get; init; }
    /// <summary>The first characters, to recognise a key by.</summary>
    public required string Prefix { get; init; }
    /// <summary>SHA-256 of the whole key. A plain hash is enough: the key has 256 bits of randomness, so there is nothing to guess.</summary>
    public required byte[] Hash { get; init; }
    public required Role Role { get; init; }
    /// <summary>Names of <see cref="Permissions"/> that cut the role down; null: all that the role may do.</summary>
    public string[]? Scopes { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? LastUsedAt { get; init; }
    public DateTimeOffset? ExpiresAt { get; init; }
    public DateTimeOffset? RevokedAt { get; init; }

    /// <summary>A new key: <c>flk_</c> and 32 random bytes in base64url.</summary>
    public static string Generate() => Start + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));

    /// <summary>True for text that can be a key at all; anything else is refused without asking the database.</summary>
    public static bool IsWellFormed(ReadOnlySpan<char> key) =>
        key.Length is >= 4 + MinimumSecretLength and <= MaximumLength
        && key.StartsWith(Start, StringComparison.Ordinal)
        && !key[Start.Length..].ContainsAnyExcept(s_urlSafe);

    public static string PrefixOf(string key) => key[..12];
}

/// <summary>SHA-256 of a key, as a value that a dictionary can hold without an allocation.</summary>
internal readonly record struct KeyHash(UInt128 High, UInt128 Low)
{
    public static KeyHash Of(ReadOnlySpan<char> key)
    {
        Span<byte> text = stackalloc byte[1024];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text[..Encoding.UTF8.GetBytes(key, text)], hash);
        return new(BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
    }

    public byte[] ToBytes()
    {
        var bytes = new byte[SHA256.HashSizeInBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt128BigEndian(bytes.AsSpan(16), Low);
        return bytes;
    }
}
