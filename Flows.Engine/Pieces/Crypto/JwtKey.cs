using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Flows.Engine.Pieces.Crypto;

/// <summary>The key of one algorithm of RFC 7518: HS256, RS256 or ES256. What it signs is never weaker than the algorithm promises.</summary>
internal sealed class JwtKey : IDisposable
{
    private const int SharedBytes = 32;
    private const int RsaBits = 2048;

    private readonly byte[] _shared = [];
    private readonly RSA? _rsa;
    private readonly ECDsa? _curve;

    private JwtKey(string algorithm, byte[] shared) => (Algorithm, _shared) = (algorithm, shared);
    private JwtKey(string algorithm, RSA rsa) => (Algorithm, _rsa) = (algorithm, rsa);
    private JwtKey(string algorithm, ECDsa curve) => (Algorithm, _curve) = (algorithm, curve);

    public string Algorithm { get; }

    /// <exception cref="PieceException">The key does not fit the algorithm, or is too short; the message does not show it.</exception>
    public static JwtKey Read(string algorithm, string key, string form, bool signs)
    {
        if (algorithm == "HS256")
        {
            var shared = Bytes.Key(key, form);
            // RFC 7518, 3.2. A shorter one that another service has chosen can still be checked.
            return !signs || shared.Length >= SharedBytes ? new JwtKey(algorithm, shared) : throw PieceException.Input($"'key' must have at least {SharedBytes} bytes for HS256; it has {shared.Length}.");
        }
        try
        {
            return algorithm == "RS256" ? Rsa(algorithm, key, signs) : Curve(algorithm, key, signs);
        }
        catch (Exception error) when (error is ArgumentException or CryptographicException)
        {
            throw PieceException.Input($"'key' must be a {(signs ? "private key" : "public key or certificate")} for {algorithm} as PEM (-----BEGIN …), without a password.");
        }
    }

    private static JwtKey Rsa(string algorithm, string pem, bool signs)
    {
        RSA rsa;
        if (!signs && IsCertificate(pem))
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            rsa = certificate.GetRSAPublicKey() ?? throw new CryptographicException("Another kind of key.");
        }
        else
        {
            rsa = RSA.Create();
            rsa.ImportFromPem(pem);
        }
        var key = new JwtKey(algorithm, rsa);
        if (rsa.KeySize >= RsaBits)
            return key;
        var bits = rsa.KeySize;
        key.Dispose();
        throw PieceException.Input($"'key' must have at least {RsaBits} bits for RS256; it has {bits}.");
    }

    private static JwtKey Curve(string algorithm, string pem, bool signs)
    {
        ECDsa curve;
        if (!signs && IsCertificate(pem))
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            curve = certificate.GetECDsaPublicKey() ?? throw new CryptographicException("Another kind of key.");
        }
        else
        {
            curve = ECDsa.Create();
            curve.ImportFromPem(pem);
        }
        var key = new JwtKey(algorithm, curve);
        if (curve.ExportParameters(false).Curve.Oid is { } oid && (oid.Value == "1.2.840.10045.3.1.7" || oid.FriendlyName is "nistP256" or "ECDSA_P256"))
            return key;
        key.Dispose();
        throw PieceException.Input("'key' must be on the curve P-256 for ES256.");
    }

    private static bool IsCertificate(string pem) => pem.Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal);

    /// <exception cref="PieceException">Only the public half is there.</exception>
    public byte[] Sign(byte[] data)
    {
        try
        {
            return _rsa?.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
                ?? _curve?.SignData(data, HashAlgorithmName.SHA256)
                ?? HMACSHA256.HashData(_shared, data);
        }
        catch (CryptographicException)
        {
            throw PieceException.Input("'key' must be a private key to sign with.");
        }
    }

    public bool Verifies(byte[] data, byte[] signature) =>
        _rsa?.VerifyData(data, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
        ?? _curve?.VerifyData(data, signature, HashAlgorithmName.SHA256)
        ?? CryptographicOperations.FixedTimeEquals(HMACSHA256.HashData(_shared, data), signature);

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_shared);
        _rsa?.Dispose();
        _curve?.Dispose();
    }
}
