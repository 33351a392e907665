using Aspire.Hosting.ApplicationModel;
using Flows.LocalHosting.Servers;
using Npgsql;

namespace Aspire.Hosting.ApplicationModel
{
    /// <summary>A PostgreSQL server. Its address is known once the application has been started.</summary>
    public class PostgresServerResource(string name) : ContainerResource(name), IResourceWithConnectionString, IConnectionProperties
    {
        private readonly Dictionary<string, string> databases = [];

        /// <summary>Resource name to database name.</summary>
        public IReadOnlyDictionary<string, string> Databases => databases;
        internal string? ConnectionString { get; set; }

        public ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default) => new(Known);

        internal string Known => ConnectionString
            ?? throw new InvalidOperationException($"'{Name}' has no address before the application is started.");

        internal void Add(string name, string databaseName) => databases.Add(name, databaseName);

        IEnumerable<KeyValuePair<string, object>> IConnectionProperties.ConnectionProperties => PostgresProperties.Of(Known);
    }

    /// <summary>One database of a server; created when the server is ready.</summary>
    public class PostgresDatabaseResource(string name, string databaseName, PostgresServerResource parent)
        : Resource(name), IResourceWithParent<PostgresServerResource>, IResourceWithConnectionString, IConnectionProperties
    {
        public PostgresServerResource Parent { get; } = parent;
        public string DatabaseName { get; } = databaseName;
        /// <summary>Given from outside as ConnectionStrings:name; null when the server is ours.</summary>
        internal string? GivenConnectionString { get; set; }

        public ValueTask<string?> GetConnectionStringAsync(CancellationToken cancellationToken = default) => new(Known);

        internal string Known => GivenConnectionString ?? $"{Parent.Known};Database={DatabaseName}";

        IEnumerable<KeyValuePair<string, object>> IConnectionProperties.ConnectionProperties => PostgresProperties.Of(Known);
    }

    file static class PostgresProperties
    {
        public static IEnumerable<KeyValuePair<string, object>> Of(string connectionString)
        {
            var parts = new NpgsqlConnectionStringBuilder(connectionString);
            var place = $"{parts.Host}:{parts.Port}";
            var database = parts.Database is { Length: > 0 } name ? $"/{Uri.EscapeDataString(name)}" : "";
            var user = $"{Uri.EscapeDataString(parts.Username ?? "")}:{Uri.EscapeDataString(parts.Password ?? "")}";
            yield return new("HOST", parts.Host ?? "");
            yield return new("PORT", $"{parts.Port}");
            yield return new("USERNAME", parts.Username ?? "");
            yield return new("PASSWORD", new SecretText(parts.Password ?? ""));
            yield return new("URI", new SecretText($"postgresql://{user}@{place}{database}"));
            yield return new("JDBCCONNECTIONSTRING", $"jdbc:postgresql://{place}{database}");
            if (parts.Database is { Length: > 0 })
                yield return new("DATABASENAME", parts.Database);
        }
    }
}

namespace Aspire.Hosting
{
    public static class PostgresBuilderExtensions
    {
        /// <summary>Adds a PostgreSQL server.</summary>
        /// <param name="port">The port it listens on; null for a free one.</param>
        public static IResourceBuilder<PostgresServerResource> AddPostgres(
            this IDistributedApplicationBuilder builder,
            string name,
            IResourceBuilder<ParameterResource>? userName = null,
            IResourceBuilder<ParameterResource>? password = null,
            int? port = null)
        {
            var secret = password ?? builder.AddParameter($"{name}-password", new GenerateParameterDefault { Special = false }, secret: true, persist: true);
            var server = new PostgresServerResource(name);
            server.Annotations.Add(new EndpointAnnotation("tcp", "tcp", port));
            server.Annotations.Add(new ServerCredentials(secret.Resource, userName?.Resource));
            return builder.AddResource(server);
        }

        /// <summary>Adds a database; it is created when the server is ready.</summary>
        public static IResourceBuilder<PostgresDatabaseResource> AddDatabase(
            this IResourceBuilder<PostgresServerResource> builder, string name, string? databaseName = null)
        {
            builder.Resource.Add(name, databaseName ?? name);
            return builder.ApplicationBuilder.AddResource(new PostgresDatabaseResource(name, databaseName ?? name, builder.Resource));
        }

        /// <summary>Keeps the data between starts, under the data directory.</summary>
        public static IResourceBuilder<PostgresServerResource> WithDataVolume(
            this IResourceBuilder<PostgresServerResource> builder, string? name = null, bool isReadOnly = false) =>
            builder.WithAnnotation(new DataVolumeAnnotation());
    }
}
