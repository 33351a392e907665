using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Flows.Tests.Engine.Pieces;

/// <summary>What servers of the tests prove themselves with, to whoever is given it as an authority.</summary>
internal static class LocalhostCertificate
{
    /// <returns>The certificate with its key, and the certificate alone as PEM.</returns>
    public static (X509Certificate2 Certificate, string Pem) Make()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var made = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        return (X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null), made.ExportCertificatePem());
    }
}
