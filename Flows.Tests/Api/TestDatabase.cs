using Npgsql;

namespace Flows.Tests.Api;

/// <summary>A database that does not exist yet, and is dropped at the end whoever has made it.</summary>
public sealed class TestDatabase(Platform platform) : IAsyncDisposable
{
    private const string Prefix = "flows_test_";

    public string Name { get; } = $"{Prefix}{Guid.CreateVersion7():n}";

    public string ConnectionString => new NpgsqlConnectionStringBuilder(platform.PostgresConnectionString) { Database = Name, MaxPoolSize = 20 }.ConnectionString;

    /// <summary>Makes it with every migration applied, for an API that is about to start; any other database is left to the API.</summary>
    public static Task FillAsync(string connectionString) =>
        new NpgsqlConnectionStringBuilder(connectionString).Database?.StartsWith(Prefix, StringComparison.Ordinal) == true
            ? DatabaseTemplate.CopyAsync(connectionString)
            : Task.CompletedTask;

    /// <summary>One statement or query on it, over a connection of its own.</summary>
    public async Task<object?> ScalarAsync(string sql, params object[] values)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(platform.PostgresConnectionString) { Database = "postgres", Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"DROP DATABASE IF EXISTS \"{Name}\" WITH (FORCE)", connection);
        await command.ExecuteNonQueryAsync();
    }
}
