using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;

namespace Flows.Api.Webhooks;

/// <summary>
/// Checks what a caller presents against the secret. Every comparison takes the same time wherever the two differ, and no answer says how
/// near a guess was.
/// </summary>
internal static class CallerProof
{
    /// <summary>Null when the caller has proved itself; else why not, in words for the caller.</summary>
    /// <param name="url">The address that was called, with its query, as callers outside write it.</param>
    public static string? Problem(WebhookRules rules, WebhookSecret secret, HttpRequest request, ReadOnlyMemory<byte> body, string url, DateTimeOffset now) => rules.Proof switch
    {
        WebhookProof.None => null,
        _ when string.IsNullOrEmpty(secret.Secret) => "The secret of this webhook is empty.",
        WebhookProof.Header => Same(request.Headers[rules.Header].ToString(), secret.Secret) ? null : $"The header {rules.Header} is missing or wrong.",
        WebhookProof.Basic => Basic(request, secret) ? null : "The user name or the password is missing or wrong.",
        _ => Signature(rules.Signature!, secret.Secret, request, body, url, now),
    };

    /// <summary>True when the address is in one of the ranges; always when there is none.</summary>
    public static bool IsAllowed(IReadOnlyList<IPNetwork> allow, IPAddress? address)
    {
        if (allow.Count == 0)
            return true;
        if (address is null)
            return false;
        if (address.IsIPv4MappedToIPv6)
            address = address.MapToIPv4();
        return allow.Any(network => network.Contains(address));
    }

    /// <summary>Compares texts in a time that depends on neither.</summary>
    public static bool Same(string given, string expected) =>
        CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), SHA256.HashData(Encoding.UTF8.GetBytes(expected)));

    private static bool Basic(HttpRequest request, WebhookSecret secret)
    {
        if (!AuthenticationHeaderValue.TryParse(request.Headers.Authorization, out var header)
            || !header.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) || header.Parameter is not { } parameter)
            return false;
        var bytes = new byte[parameter.Length];
        if (!Convert.TryFromBase64String(parameter, bytes, out var length))
            return false;
        var pair = Encoding.UTF8.GetString(bytes.AsSpan(0, length));
        var colon = pair.IndexOf(':', StringComparison.Ordinal);
        // Both are compared, whatever the first says.
        return colon >= 0 & Same(pair[..Math.Max(colon, 0)], secret.Username ?? "") & Same(pair[(colon + 1)..], secret.Secret!);
    }

    private static string? Signature(WebhookSignature rule, string secret, HttpRequest request, ReadOnlyMemory<byte> body, string url, DateTimeOffset now)
    {
        var timestamp = "";
        if (rule.TimestampHeader is { } header)
        {
            timestamp = Parts(request.Headers[header].ToString(), rule.TimestampPrefix).FirstOrDefault() ?? "";
            if (TimeOf(timestamp) is not { } sent)
                return $"The header {header} has no time in it.";
            if ((now - sent).Duration() > rule.Tolerance)
                return $"The time in {header} is more than {rule.Tolerance} away from ours ({now:O}): the call is too old, or a clock is wrong.";
        }
        var given = Parts(request.Headers[rule.Header].ToString(), rule.Prefix).ToList();
        if (given.Count == 0)
            return rule.Prefix.Length == 0 ? $"The header {rule.Header} is missing." : $"The header {rule.Header} has no signature that begins with '{rule.Prefix}'.";

        var expected = Hmac(rule.Algorithm, Encoding.UTF8.GetBytes(secret), Signed(rule.Signed, timestamp, body, url));
        var matches = false;
        foreach (var text in given)
            matches |= Decode(text, rule.Base64) is { } bytes && CryptographicOperations.FixedTimeEquals(bytes, expected);
        return matches ? null : $"The signature in {rule.Header} does not fit the body and the secret.";
    }

    private static byte[] Signed(string template, string timestamp, ReadOnlyMemory<byte> body, string url)
    {
        if (template == "{body}")
            return body.ToArray();
        var signed = new MemoryStream(template.Length + body.Length + 64);
        for (var at = 0; at < template.Length;)
        {
            var rest = template.AsSpan(at);
            if (rest.StartsWith("{body}", StringComparison.Ordinal))
                (at, _) = (at + "{body}".Length, Write(body.Span));
            else if (rest.StartsWith("{timestamp}", StringComparison.Ordinal))
                (at, _) = (at + "{timestamp}".Length, Write(Encoding.UTF8.GetBytes(timestamp)));
            else if (rest.StartsWith("{url}", StringComparison.Ordinal))
                (at, _) = (at + "{url}".Length, Write(Encoding.UTF8.GetBytes(url)));
            else
            {
                // Up to what may be the next mark, and never half of a character that is two in a string.
                var length = rest[1..].IndexOf('{') is var next and >= 0 ? next + 1 : rest.Length;
                (at, _) = (at + length, Write(Encoding.UTF8.GetBytes(template, at, length)));
            }
        }
        return signed.ToArray();

        int Write(ReadOnlySpan<byte> bytes)
        {
            signed.Write(bytes);
            return bytes.Length;
        }
    }

    private static byte[] Hmac(string algorithm, byte[] key, byte[] signed) => algorithm switch
    {
#pragma warning disable CA5350 // The service chose it; HMAC with SHA-1 is weak by age and not broken.
        "sha1" => HMACSHA1.HashData(key, signed),
#pragma warning restore CA5350
        "sha512" => HMACSHA512.HashData(key, signed),
        _ => HMACSHA256.HashData(key, signed),
    };

    private static byte[]? Decode(string text, bool base64)
    {
        if (!base64)
            return text.Length % 2 == 0 && text.All(char.IsAsciiHexDigit) ? Convert.FromHexString(text) : null;
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }

    private static IEnumerable<string> Parts(string header, string prefix) => header
        .Split(',', 16, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Where(part => part.StartsWith(prefix, StringComparison.Ordinal))
        .Select(part => part[prefix.Length..]);

    /// <summary>Seconds or milliseconds since 1970, or a date with its zone.</summary>
    private static DateTimeOffset? TimeOf(string text)
    {
        const long milliseconds = 100_000_000_000; // as seconds it would be the year 5138
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            if (number >= milliseconds)
                number /= 1000;
            return number <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() ? DateTimeOffset.FromUnixTimeSeconds(number) : null;
        }
        return text.Length > 0 && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var date) ? date : null;
    }
}
