using System.Security.Cryptography;
using System.Text;

namespace Flows.Api.Webhooks;

/// <summary>The <c>Idempotency-Key</c> of a call, and what the call was.</summary>
/// <param name="Hash">SHA-256 of the key.</param>
/// <param name="Call">SHA-256 of method, query, content type and body.</param>
internal sealed record CallKey(byte[] Hash, byte[] Call)
{
    public const string Header = "Idempotency-Key";
    /// <summary>Sent with an answer that an earlier call with the same key has had.</summary>
    public const string ReplayedHeader = "Idempotency-Replayed";
    private const int MaxLength = 255;

    /// <param name="problem">What is wrong with the header; null when nothing is.</param>
    /// <returns>Null when there is no key.</returns>
    public static CallKey? Read(HttpRequest request, ReadOnlyMemory<byte> body, out string? problem)
    {
        problem = null;
        var values = request.Headers[Header];
        if (values.Count == 0)
            return null;
        if (values is not [{ Length: > 0 and <= MaxLength } key] || key.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            problem = $"It must be one value of 1 to {MaxLength} printable ASCII characters.";
            return null;
        }
        using var call = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        call.AppendData(Encoding.UTF8.GetBytes($"{request.Method}\n{request.QueryString}\n{request.ContentType}\n"));
        call.AppendData(body.Span);
        return new CallKey(SHA256.HashData(Encoding.UTF8.GetBytes(key)), call.GetHashAndReset());
    }
}
