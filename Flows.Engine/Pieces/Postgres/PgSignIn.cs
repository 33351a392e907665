using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Flows.Engine.Pieces.Postgres;

/// <summary>
/// Proves to the server who we are: SCRAM-SHA-256 (RFC 5802, RFC 7677), the old MD5 way, or the password itself, which is sent over TLS only.
/// </summary>
internal sealed class PgSignIn(string user, string password, bool isSecret)
{
    private const string Mechanism = "SCRAM-SHA-256";
    private const int MostIterations = 10_000_000;

    private readonly string _nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(18));
    private byte[]? _expected;

    private string First => $"n=,r={_nonce}";

    /// <returns>What to answer; null when the server wants no answer.</returns>
    /// <exception cref="PieceException">The server asks for what we do not give, or does not know the password itself.</exception>
    public PgMessage? Answer(byte[] request)
    {
        var reader = new PgReader(request);
        switch (reader.Int32())
        {
            case 0:
                return null;
            case 3 when isSecret:
                return Text(password);
            case 3:
                throw PieceException.Final("the server asks for the password in clear, which is sent over TLS only.", "unauthorized");
            case 5:
                return Text(Md5(reader.Take(4)));
            case 10:
                return Begin(reader);
            case 11:
                return Continue(Encoding.UTF8.GetString(reader.Take(reader.Left)));
            case 12:
                return Finish(Encoding.UTF8.GetString(reader.Take(reader.Left)));
            case var kind:
                throw PieceException.Final($"the server asks for a way to sign in that is not known here (number {kind}); let the role have a password with scram-sha-256.", "unauthorized");
        }
    }

    private PgMessage Begin(PgReader mechanisms)
    {
        var offered = new List<string>();
        while (mechanisms.Left > 0 && mechanisms.Text() is { Length: > 0 } name)
            offered.Add(name);
        if (!offered.Contains(Mechanism))
            throw PieceException.Final($"the server offers {string.Join(", ", offered)} to sign in, and not {Mechanism}.", "unauthorized");
        var first = Encoding.UTF8.GetBytes($"n,,{First}");
        var answer = new PgMessage();
        answer.Text(Mechanism);
        answer.Int32(first.Length);
        answer.Bytes(first);
        return answer;
    }

    private PgMessage Continue(string challenge)
    {
        var fields = FieldsOf(challenge);
        if (!fields.TryGetValue('r', out var nonce) || !nonce.StartsWith(_nonce, StringComparison.Ordinal) || nonce.Length == _nonce.Length
            || !fields.TryGetValue('s', out var salt) || !fields.TryGetValue('i', out var count)
            || !int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var iterations) || iterations is < 1 or > MostIterations)
            throw Wrong();
        var withoutProof = $"c=biws,r={nonce}";
        var signed = Encoding.UTF8.GetBytes($"{First},{challenge},{withoutProof}");
        var salted = Rfc2898DeriveBytes.Pbkdf2(Encoding.UTF8.GetBytes(password.Normalize(NormalizationForm.FormKC)), Base64(salt), iterations, HashAlgorithmName.SHA256, 32);
        var clientKey = HMACSHA256.HashData(salted, "Client Key"u8);
        var proof = HMACSHA256.HashData(SHA256.HashData(clientKey), signed);
        for (var i = 0; i < proof.Length; i++)
            proof[i] ^= clientKey[i];
        _expected = HMACSHA256.HashData(HMACSHA256.HashData(salted, "Server Key"u8), signed);
        var answer = new PgMessage();
        answer.Bytes(Encoding.UTF8.GetBytes($"{withoutProof},p={Convert.ToBase64String(proof)}"));
        return answer;
    }

    // A server that only pretends to know the password gets nothing of us.
    private PgMessage? Finish(string last) =>
        _expected is { } expected && FieldsOf(last).TryGetValue('v', out var signature) && CryptographicOperations.FixedTimeEquals(Base64(signature), expected)
            ? null
            : throw Wrong();

    private static Dictionary<char, string> FieldsOf(string text)
    {
        var fields = new Dictionary<char, string>();
        foreach (var part in text.Split(','))
        {
            if (part.Length > 1 && part[1] == '=')
                fields[part[0]] = part[2..];
        }
        return fields;
    }

    private static byte[] Base64(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : throw Wrong();
    }

    private string Md5(ReadOnlySpan<byte> salt)
    {
#pragma warning disable CA5351 // The server's choice; roles that were made long ago still have it.
        var inner = Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(password + user)));
        return $"md5{Convert.ToHexStringLower(MD5.HashData([.. Encoding.ASCII.GetBytes(inner), .. salt]))}";
#pragma warning restore CA5351
    }

    private static PgMessage Text(string text)
    {
        var answer = new PgMessage();
        answer.Text(text);
        return answer;
    }

    private static PieceException Wrong() => PieceException.Final("the server did not prove that it knows the password; is it the right one?", "unauthorized");
}
