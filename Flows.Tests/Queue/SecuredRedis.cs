using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Flows.Queue;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.Tests.Queue;

/// <summary>A Redis behind TLS, with a certificate of an authority of one's own, and one with a user who may do no more than Flows needs.</summary>
public sealed class SecuredRedis : IDisposable
{
    private readonly PrivateRedis _redis = new();

    public void Dispose() => _redis.Dispose();

    [Theory]
    [InlineData("Redis")]
    [InlineData("Hangfire")]
    public async Task Behind_TLS_the_queue_works_when_the_authority_is_named(string provider)
    {
        var authority = StartWithTls();
        await using var queue = new QueueSituation($"{_redis.ConnectionString},ssl=true",
            ("Flows:Queue:Provider", provider), ("Flows:Redis:CertificateAuthority", authority));
        var seen = new Arrivals(5);
        await queue.StartConsumerAsync(seen.DoneAsync);

        await QueueSituation.EventuallyAsync(async () =>
        {
            await queue.Producer.EnqueueAsync(QueueSituation.Jobs(5), CancellationToken.None);
            return true;
        });

        await seen.All;
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(queue)).Status);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_refused()
    {
        StartWithTls();
        await using var queue = new QueueSituation($"{_redis.ConnectionString},ssl=true");

        await Assert.ThrowsAsync<QueueUnavailableException>(() => queue.Producer.EnqueueAsync(QueueSituation.Jobs(1), CancellationToken.None));

        var health = await HealthAsync(queue);
        Assert.Equal((HealthStatus.Unhealthy, "cannot be reached"), (health.Status, health.Description));
    }

    [Fact]
    public async Task An_authority_that_cannot_be_read_stops_the_start_and_is_named()
    {
        var file = Path.Combine(_redis.Folder, "no.pem");
        await File.WriteAllTextAsync(file, "no certificate");
        await using var queue = new QueueSituation("127.0.0.1:1", ("Flows:Redis:CertificateAuthority", file));

        var error = Assert.Throws<InvalidOperationException>(() => queue.Build(builder => builder.AddRunQueue()));

        Assert.Contains("Flows__Redis__CertificateAuthority", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The rights are those that docs/queue.md names.</summary>
    [Fact]
    public async Task A_user_with_the_rights_of_the_documentation_is_enough()
    {
        const string Rights = "on >right-word ~flows:* ~test* &* -@all +@read +@write +@scripting +@connection +@pubsub +info +time";
        _redis.Start([.. "--user default on >other-word ~* &* +@all".Split(' '), .. $"--user flows {Rights}".Split(' ')]);
        await using var queue = new QueueSituation($"{_redis.ConnectionString},user=flows,password=right-word", ("Flows:Queue:MaxDeliveries", "1"));
        var seen = new Arrivals(20);
        await queue.StartConsumerAsync(seen.DoneAsync);

        await QueueSituation.EventuallyAsync(async () =>
        {
            await queue.Producer.EnqueueAsync(QueueSituation.Jobs(20), CancellationToken.None);
            return true;
        });

        await seen.All;
        await queue.EmptyAsync();
        Assert.Equal(HealthStatus.Healthy, (await HealthAsync(queue)).Status);
    }

    /// <returns>The file with the authority's certificate.</returns>
    private string StartWithTls()
    {
        var (now, serial) = (TimeProvider.System.GetUtcNow(), RandomNumberGenerator.GetBytes(8));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Flows tests", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        using var authority = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        var server = new CertificateRequest("CN=redis", key, HashAlgorithmName.SHA256);
        server.CertificateExtensions.Add(names.Build());
        using var certificate = server.Create(authority, now.AddDays(-1), now.AddDays(1), serial);

        var (ca, pem, pemKey) = (In("ca.pem"), In("redis.pem"), In("redis.key"));
        File.WriteAllText(ca, authority.ExportCertificatePem());
        File.WriteAllText(pem, certificate.ExportCertificatePem());
        File.WriteAllText(pemKey, key.ExportPkcs8PrivateKeyPem());
        _redis.Start("--port", "0", "--tls-port", $"{_redis.Port}", "--tls-cert-file", pem, "--tls-key-file", pemKey,
            "--tls-ca-cert-file", ca, "--tls-auth-clients", "no");
        return ca;

        string In(string name) => Path.Combine(_redis.Folder, name);
    }

    private static async Task<HealthReportEntry> HealthAsync(QueueSituation queue)
    {
        var report = await queue.ProducerHost.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        return report.Entries["StackExchange.Redis"];
    }
}
