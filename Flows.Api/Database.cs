using System.Net.Sockets;
using Flows.Api.Migrations;
using Flows.Api.Projects;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Flows.Api;

/// <summary>Postgres, as the features see it: one data source, EF Core over it for plain rows, and a gate until the schema stands.</summary>
internal static class Database
{
    public const string ConnectionName = "flowsdb";
    private static readonly TimeSpan s_retryAfter = TimeSpan.FromSeconds(2);

    /// <summary>Needs an NpgsqlDataSource. Call it before anything that uses tables in the background.</summary>
    public static IHostApplicationBuilder AddDatabase(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddDbContextPool<FlowsDb>((provider, options) => options.UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>()));
        services.AddSingleton(provider => new SchemaUpgrade(
            provider.GetRequiredService<NpgsqlDataSource>(),
            provider.GetRequiredService<IConfiguration>().GetConnectionString(ConnectionName)!,
            provider.GetRequiredService<ILogger<SchemaUpgrade>>()));
        services.AddSingleton<SchemaState>();
        services.AddHealthChecks().AddCheck<SchemaState>("schema");
        services.AddOptions<BootstrapOptions>().BindConfiguration(BootstrapOptions.Section)
            .Validate(options => BootstrapOptions.IsFine(options.ApiKey), BootstrapOptions.Rule)
            .Validate(options => BootstrapOptions.IsFineToken(options.SetupToken), BootstrapOptions.SetupTokenRule).ValidateOnStart();
        services.AddSingleton<DefaultProject>();
        services.AddHostedService<SchemaStart>();
        return builder;
    }

    /// <summary>Answers 503 with Retry-After until the schema stands, so that nobody waits for a database that is away.</summary>
    public static void UseDatabaseGate(this IApplicationBuilder app)
    {
        var state = app.ApplicationServices.GetRequiredService<SchemaState>();
        app.Use((context, next) => state.IsReady || WorksWithout(context.Request.Path) || context.GetEndpoint()?.Metadata.GetMetadata<WorksWithoutDatabase>() is not null
            ? next(context)
            : Problems.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "The database is not ready yet.", retryAfter: s_retryAfter));
    }

    private static bool WorksWithout(PathString path) =>
        path.Value is "/" or "/health" or "/ready" or "/alive" || path.StartsWithSegments("/openapi", StringComparison.Ordinal);

    /// <summary>
    /// True when Postgres is away, starting, stopping, full or not the one expected, so that the same request may succeed later.
    /// False for a statement that it understood and refused.
    /// </summary>
    public static bool IsUnavailable(Exception error)
    {
        for (var e = error; e is not null; e = e.InnerException)
        {
            if (e is PostgresException postgres)
                return postgres.IsTransient || postgres.SqlState[..2] is "08" or "28" or "3D" or "53" or "57" or "58" && postgres.SqlState != PostgresErrorCodes.QueryCanceled;
            if (e is NpgsqlException { InnerException: SocketException or IOException or TimeoutException } or NpgsqlException { IsTransient: true })
                return true;
        }
        return false;
    }
}

/// <summary>Metadata of endpoints that answer while Postgres is away or being prepared.</summary>
internal sealed class WorksWithoutDatabase;
