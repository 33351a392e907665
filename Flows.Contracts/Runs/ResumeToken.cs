using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Flows.Contracts.Runs;

/// <summary>What a link lets its holder do. The numbers are signed.</summary>
public enum LinkPurpose : byte { Resume = 1, Approve = 2 }

/// <summary>
/// Who may resume which wait, as text in a link: base64url of <c>run id (16) · signature (16) · path [LF approver]</c>. Nothing is stored for it, so
/// that a flow can send a link before it waits. The signature is HMAC-SHA256, cut in half, with a key of the run that only the API and the
/// run's engine have; it covers purpose, path and approver.
/// </summary>
/// <param name="Path">Of the waiting step.</param>
/// <param name="Approver">Whose link it is; null for anybody's.</param>
public sealed record ResumeToken(Guid RunId, string Path, string? Approver, ReadOnlyMemory<byte> Signature)
{
    private const int IdBytes = 16;
    private const int SignatureBytes = 16;
    private const int MaxLength = 4096;

    /// <summary>The text of a new token.</summary>
    public static string Create(Guid runId, LinkPurpose purpose, string path, string? approver, ReadOnlySpan<byte> key)
    {
        var subject = SubjectOf(path, approver);
        var bytes = new byte[IdBytes + SignatureBytes + subject.Length];
        runId.TryWriteBytes(bytes, bigEndian: true, out _);
        Sign(purpose, subject, key, bytes.AsSpan(IdBytes, SignatureBytes));
        subject.CopyTo(bytes, IdBytes + SignatureBytes);
        return Base64Url.EncodeToString(bytes);
    }

    /// <summary>Takes the text apart; whether it is genuine only <see cref="IsGenuine"/> tells. Null when it cannot be a token.</summary>
    public static ResumeToken? Read(string text)
    {
        if (text.Length is 0 or > MaxLength || !Base64Url.IsValid(text))
            return null;
        var bytes = Base64Url.DecodeFromChars(text);
        if (bytes.Length <= IdBytes + SignatureBytes)
            return null;
        var subject = Encoding.UTF8.GetString(bytes.AsSpan(IdBytes + SignatureBytes)).Split('\n', 2);
        return new ResumeToken(
            new Guid(bytes.AsSpan(0, IdBytes), bigEndian: true), subject[0], subject.Length == 2 ? subject[1] : null,
            bytes.AsMemory(IdBytes, SignatureBytes));
    }

    /// <summary>True when the run's key has signed it for this purpose.</summary>
    public bool IsGenuine(LinkPurpose purpose, ReadOnlySpan<byte> key)
    {
        Span<byte> expected = stackalloc byte[SignatureBytes];
        Sign(purpose, SubjectOf(Path, Approver), key, expected);
        return CryptographicOperations.FixedTimeEquals(expected, Signature.Span);
    }

    private static byte[] SubjectOf(string path, string? approver) => Encoding.UTF8.GetBytes(approver is null ? path : $"{path}\n{approver}");

    private static void Sign(LinkPurpose purpose, byte[] subject, ReadOnlySpan<byte> key, Span<byte> signature)
    {
        Span<byte> whole = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(key, [(byte)purpose, .. subject], whole);
        whole[..SignatureBytes].CopyTo(signature);
    }
}
