using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Microsoft.Extensions.Hosting;

/// <summary>The Npgsql client, under the name it has in the Aspire stack.</summary>
public static class Postgres
{
    /// <summary>A singleton <see cref="NpgsqlDataSource"/> over ConnectionStrings__{name}, and the health check "PostgreSql".</summary>
    /// <param name="configureDataSourceBuilder">Called last, before the source is built.</param>
    /// <exception cref="InvalidOperationException">The connection string is missing or cannot be read; the message names the setting.</exception>
    public static void AddNpgsqlDataSource(
        this IHostApplicationBuilder builder, string connectionName, Action<NpgsqlDataSourceBuilder>? configureDataSourceBuilder = null)
    {
        var connectionString = ConnectionString.Required(builder.Configuration, connectionName,
            text => _ = new NpgsqlConnectionStringBuilder(text));
        builder.Services.AddSingleton(services =>
        {
            var source = new NpgsqlDataSourceBuilder(connectionString);
            source.UseLoggerFactory(services.GetRequiredService<ILoggerFactory>());
            configureDataSourceBuilder?.Invoke(source);
            return source.Build();
        });
        builder.Services.AddHealthChecks().Add(new HealthCheckRegistration("PostgreSql",
            services => new PostgresCheck(services.GetRequiredService<NpgsqlDataSource>()), failureStatus: null, tags: null)
        { Timeout = TimeSpan.FromSeconds(2) });
    }

    private sealed class PostgresCheck(NpgsqlDataSource postgres) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await using var command = postgres.CreateCommand("SELECT 1");
                command.CommandTimeout = 2;
                await command.ExecuteScalarAsync(cancellationToken);
                return HealthCheckResult.Healthy();
            }
            catch (NpgsqlException error)
            {
                // SqlState tells wrong password from missing database; without one the server was not reached.
                return new HealthCheckResult(context.Registration.FailureStatus,
                    error.SqlState is { } state ? $"refused with SQLSTATE {state}" : "cannot be reached");
            }
        }
    }
}
