using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using StackExchange.Redis;

namespace Microsoft.Extensions.Hosting;

/// <summary>The Redis client, under the name it has in the Aspire stack.</summary>
public static class Redis
{
    private static readonly TimeSpan s_pingLimit = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A singleton <see cref="IConnectionMultiplexer"/> over ConnectionStrings__{name} (`host:port,password=…,ssl=true`), made in
    /// the background at the start, and the health check "StackExchange.Redis". Without a reachable Redis it is made all the same, and reconnects by itself.
    /// </summary>
    /// <exception cref="InvalidOperationException">The connection string is missing, or it or the authority's file cannot be read; the message names the setting.</exception>
    public static void AddRedisClient(this IHostApplicationBuilder builder, string connectionName)
    {
        var connectionString = ConnectionString.Required(builder.Configuration, connectionName, text => ConfigurationOptions.Parse(text));
        var authority = AuthorityFile(builder.Configuration);
        builder.Services.AddSingleton<IConnectionMultiplexer>(_ => Connect(connectionString, authority));
        builder.Services.AddHostedService<EarlyConnection>();
        builder.Services.AddHealthChecks().Add(new HealthCheckRegistration("StackExchange.Redis",
            services => new RedisCheck(services), failureStatus: null, tags: null)
        { Timeout = s_pingLimit });
    }

    /// <summary>Flows__Redis__CertificateAuthority: a file with the certificate (PEM) of an authority of one's own, which has signed that of Redis.</summary>
    private static string? AuthorityFile(IConfiguration configuration)
    {
        if (configuration["Flows:Redis:CertificateAuthority"] is not { Length: > 0 } path)
            return null;
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(path));
            return path;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new InvalidOperationException($"Flows__Redis__CertificateAuthority: {path} cannot be read as a certificate in PEM ({error.GetType().Name}).");
        }
    }

    private static ConnectionMultiplexer Connect(string connectionString, string? authority)
    {
        var options = ConfigurationOptions.Parse(connectionString);
        if (authority is not null)
            options.TrustIssuer(authority);
        options.AbortOnConnectFail = false;
        // The first attempt is the only one that a caller waits for; later ones are made in the background, twice a second.
        options.ConnectRetry = 1;
        options.ReconnectRetryPolicy = new LinearRetry(500);
        // While Redis is away a call fails at once: its caller has the row in Postgres, and a backlog would be sent as one storm.
        options.BacklogPolicy = BacklogPolicy.FailFast;
        // How soon it is seen that a replica has become the master, or the other way round, without the connection having broken.
        options.ConfigCheckSeconds = 10;
        return ConnectionMultiplexer.Connect(options);
    }

    /// <summary>
    /// Makes the client while the process starts, without holding it up. Connecting blocks its caller and needs threads of the pool; many
    /// first callers at once, each blocking a thread until the client is there, would starve it for seconds.
    /// </summary>
    private sealed class EarlyConnection(IServiceProvider services) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            _ = Task.Factory.StartNew(services.GetRequiredService<IConnectionMultiplexer>,
                CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class RedisCheck(IServiceProvider services) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                var redis = services.GetRequiredService<IConnectionMultiplexer>();
                await redis.GetDatabase().PingAsync().WaitAsync(s_pingLimit, cancellationToken);
                if (redis.GetServers().Where(server => server.IsConnected).All(server => server.IsReplica))
                    return new HealthCheckResult(context.Registration.FailureStatus, "a read-only replica");
                // A write as small as can be: a full Redis answers a ping.
                await redis.GetDatabase().StringSetAsync("flows:health", "", TimeSpan.FromSeconds(10)).WaitAsync(s_pingLimit, cancellationToken);
                return HealthCheckResult.Healthy();
            }
            catch (RedisServerException full) when (full.Message.StartsWith("OOM", StringComparison.Ordinal))
            {
                // Not a reason to be sent no requests: runs are accepted, and are queued when there is room.
                return HealthCheckResult.Degraded("full: it refuses writes (maxmemory)");
            }
            catch (Exception error) when (error is RedisException or TimeoutException or OperationCanceledException)
            {
                return new HealthCheckResult(context.Registration.FailureStatus, error switch
                {
                    RedisServerException refused => refused.Message.Split(' ')[0], // NOAUTH, LOADING, MASTERDOWN …
                    RedisConnectionException => "cannot be reached",
                    _ => $"no answer within {s_pingLimit.TotalSeconds:0} s",
                });
            }
        }
    }
}
