using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Servers;

namespace Aspire.Hosting.ApplicationModel
{
    /// <summary>A Redis (or Valkey) server. Its address is known once the application has been started.</summary>
    public class RedisResource(string name) : ContainerResource(name), IResourceWithConnectionString, IConnectionProperties
    {
        internal string? ConnectionString { get; set; }

        public ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default) => new(Known);

        internal string Known => ConnectionString
            ?? throw new InvalidOperationException($"'{Name}' has no address before the application is started.");

        IEnumerable<KeyValuePair<string, object>> IConnectionProperties.ConnectionProperties
        {
            get
            {
                var address = RedisAddress.Parse(Known);
                yield return new("HOST", address.Host);
                yield return new("PORT", $"{address.Port}");
                if (address.Password is { } password)
                    yield return new("PASSWORD", new SecretText(password));
                var user = address.Password is null ? "" : $":{Uri.EscapeDataString(address.Password)}@";
                yield return new("URI", new SecretText($"{(address.Tls ? "rediss" : "redis")}://{user}{address.Host}:{address.Port}"));
            }
        }
    }
}

namespace Aspire.Hosting
{
    public static class RedisBuilderExtensions
    {
        public static IResourceBuilder<RedisResource> AddRedis(this IDistributedApplicationBuilder builder, string name, int? port) =>
            builder.AddRedis(name, port, password: null);

        /// <summary>Adds a Redis server.</summary>
        /// <param name="port">The port it listens on; null for a free one.</param>
        public static IResourceBuilder<RedisResource> AddRedis(
            this IDistributedApplicationBuilder builder, string name, int? port = null, IResourceBuilder<ParameterResource>? password = null)
        {
            var secret = password ?? builder.AddParameter($"{name}-password", new GenerateParameterDefault { Special = false }, secret: true, persist: true);
            var redis = new RedisResource(name);
            redis.Annotations.Add(new EndpointAnnotation("tcp", "tcp", port));
            redis.Annotations.Add(new ServerCredentials(secret.Resource, UserName: null));
            return builder.AddResource(redis);
        }

        /// <summary>Keeps the data between starts, under the data directory.</summary>
        public static IResourceBuilder<RedisResource> WithDataVolume(
            this IResourceBuilder<RedisResource> builder, string? name = null, bool isReadOnly = false) =>
            builder.WithAnnotation(new DataVolumeAnnotation());

        /// <summary>Writes changes to disk. Here always an append-only file, synced each second, whatever the interval.</summary>
        public static IResourceBuilder<RedisResource> WithPersistence(
            this IResourceBuilder<RedisResource> builder, TimeSpan? interval = null, long keysChangedThreshold = 1) =>
            builder.WithAnnotation(new RedisPersistenceAnnotation());
    }
}
