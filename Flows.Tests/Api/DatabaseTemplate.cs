using System.Collections.Concurrent;
using Flows.Api.Migrations;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Flows.Tests.Api;

/// <summary>
/// One database with every migration applied for each server, which those of the tests are copies of: a copy takes a tenth of the time that
/// the migrations take, and they are tests of their own (<see cref="ApplyingMigrations"/>).
/// </summary>
internal static class DatabaseTemplate
{
    private static readonly ConcurrentDictionary<(string Host, int Port), Lazy<Task<string>>> s_templates = new();

    /// <summary>Makes the database that the connection string names, unless it is there.</summary>
    /// <exception cref="NpgsqlException">The server is away or refuses the user.</exception>
    public static async Task CopyAsync(string connectionString)
    {
        var database = new NpgsqlConnectionStringBuilder(connectionString);
        var template = await s_templates.GetOrAdd((database.Host!, database.Port), _ => new(() => MakeAsync(connectionString))).Value;
        try
        {
            // Its thousand files are copied as they are: by way of the log, as is the default, it takes three times the processor's time.
            await AdministerAsync(connectionString, $"CREATE DATABASE \"{database.Database}\" TEMPLATE \"{template}\" STRATEGY FILE_COPY");
        }
        catch (PostgresException error) when (error.SqlState is PostgresErrorCodes.DuplicateDatabase)
        {
            // A second replica over the same database.
        }
    }

    /// <summary>Drops the templates, when no test needs one any more.</summary>
    public static async Task DropAsync(string connectionString)
    {
        foreach (var template in s_templates.Values.Where(template => template.IsValueCreated && template.Value.IsCompletedSuccessfully))
            await AdministerAsync(connectionString, $"DROP DATABASE IF EXISTS \"{await template.Value}\" WITH (FORCE)");
        s_templates.Clear();
    }

    private static async Task<string> MakeAsync(string connectionString)
    {
        var name = $"flows_template_{Guid.CreateVersion7():n}";
        // Without a pool: a template must have no connection while it is copied.
        var template = new NpgsqlConnectionStringBuilder(connectionString) { Database = name, Pooling = false }.ConnectionString;
        await using var source = NpgsqlDataSource.Create(template);
        await new SchemaUpgrade(source, template, NullLogger<SchemaUpgrade>.Instance).ApplyAsync(Migration.All, default);
        return name;
    }

    private static async Task AdministerAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(connectionString) { Database = "postgres", Pooling = false, CommandTimeout = 60 }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
