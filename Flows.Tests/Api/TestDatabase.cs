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

    /// <summary>Every row of every table as text, to search for what must not be in any.</summary>
    public async Task<string> EverythingAsync()
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString);
        var tables = new List<string>();
        await using (var list = source.CreateCommand("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public'"))
        await using (var row = await list.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
                tables.Add(row.GetString(0));
        }
        var all = new System.Text.StringBuilder();
        foreach (var table in tables)
        {
            await using var dump = source.CreateCommand($"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} t");
            all.Append(await dump.ExecuteScalarAsync());
        }
        return all.ToString();
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
