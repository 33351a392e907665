using Npgsql;

namespace Flows.Api.Migrations;

/// <summary>
/// Brings the database to the schema of this executable: makes the database when it is missing, then applies what is not applied yet,
/// one transaction a file. Any number of replicas may do this at once: each file is applied under an advisory lock of its transaction.
/// A crash in the middle leaves whole files applied or not applied.
/// </summary>
/// <param name="connectionString">Of the same database as <paramref name="source"/>, with its password, to make the database with.</param>
internal sealed partial class SchemaUpgrade(NpgsqlDataSource source, string connectionString, ILogger<SchemaUpgrade> logger)
{
    // "flows" in ASCII; any number that nothing else in this database locks.
    private const long LockKey = 0x666C6F7773;

    /// <summary>Longest wait for another replica, or for a table that old replicas use; then the whole is tried again.</summary>
    private static readonly TimeSpan s_lockTimeout = TimeSpan.FromSeconds(30);
    /// <summary>Longest run of one file.</summary>
    private static readonly TimeSpan s_fileTimeout = TimeSpan.FromMinutes(30);

    /// <returns>How many files were applied by this call.</returns>
    /// <exception cref="SchemaRefusedException">An applied file has changed, the database is newer, or a file cannot be applied.</exception>
    /// <exception cref="NpgsqlException">Postgres cannot be reached, or refuses the user.</exception>
    public async Task<int> ApplyAsync(IReadOnlyList<Migration> migrations, CancellationToken cancel)
    {
        await using var connection = await OpenAsync(cancel);
        for (var done = 0; ; done++)
        {
            // The lock is held for one file, and whoever gets it looks anew: nothing outlives the transaction, so a pooler may stand between.
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await ExecuteAsync(connection, $"SET LOCAL lock_timeout = {(int)s_lockTimeout.TotalMilliseconds}", cancel);
            await ExecuteAsync(connection, $"SELECT pg_advisory_xact_lock({LockKey})", cancel);
            await ExecuteAsync(connection, """
                CREATE TABLE IF NOT EXISTS schema_migrations (
                    number     integer PRIMARY KEY,
                    name       text NOT NULL,
                    checksum   text NOT NULL,
                    applied_at timestamptz NOT NULL DEFAULT now()
                )
                """, cancel);
            var applied = await ReadAppliedAsync(connection, cancel);
            Check(applied, migrations);
            if (applied.Count == migrations.Count)
            {
                await transaction.CommitAsync(cancel);
                return done;
            }
            await ApplyAsync(connection, transaction, migrations[applied.Count], cancel);
        }
    }

    private static void Check(List<(int Number, string Name, string Checksum)> applied, IReadOnlyList<Migration> migrations)
    {
        if (applied.Count > migrations.Count)
        {
            throw new SchemaRefusedException(
                $"The database is newer than this executable: it has migration {applied[^1].Name}, and the newest known here is {migrations[^1].Name}. Start a version of Flows that knows it.");
        }
        foreach (var ((number, name, checksum), migration) in applied.Zip(migrations))
        {
            if (number != migration.Number || name != migration.Name)
                throw new SchemaRefusedException($"The database has migration {name} where this executable has {migration.Name}. They do not belong together.");
            if (checksum != migration.Checksum)
            {
                throw new SchemaRefusedException(
                    $"Migration {name} has changed since it was applied to this database (checksum {checksum[..12]} there, {migration.Checksum[..12]} here). Applied migrations must not change; put changes into a new one.");
            }
        }
    }

    private async Task ApplyAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Migration migration, CancellationToken cancel)
    {
        try
        {
            await using var command = new NpgsqlCommand(migration.Sql, connection, transaction) { CommandTimeout = (int)s_fileTimeout.TotalSeconds };
            await command.ExecuteNonQueryAsync(cancel);
        }
        catch (PostgresException error) when (!Database.IsUnavailable(error))
        {
            throw new SchemaRefusedException($"Migration {migration.Name} cannot be applied: {error.MessageText} (SQLSTATE {error.SqlState}).", error);
        }
        await using (var record = new NpgsqlCommand("INSERT INTO schema_migrations (number, name, checksum) VALUES ($1, $2, $3)", connection, transaction)
        {
            Parameters = { new() { Value = migration.Number }, new() { Value = migration.Name }, new() { Value = migration.Checksum } },
        })
        {
            await record.ExecuteNonQueryAsync(cancel);
        }
        await transaction.CommitAsync(cancel);
        LogApplied(migration.Name);
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancel)
    {
        try
        {
            return await source.OpenConnectionAsync(cancel);
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await CreateDatabaseAsync(cancel);
            return await source.OpenConnectionAsync(cancel);
        }
    }

    private async Task CreateDatabaseAsync(CancellationToken cancel)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString);
        var name = settings.Database!;
        settings.Database = "postgres";
        settings.Pooling = false;
        await using var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(cancel);
        try
        {
            await ExecuteAsync(connection, $"CREATE DATABASE \"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", cancel);
            LogCreated(name);
        }
        catch (PostgresException error) when (error.SqlState is PostgresErrorCodes.DuplicateDatabase or PostgresErrorCodes.UniqueViolation)
        {
            // Another replica was faster; which of the two codes depends on how close it was.
        }
    }

    private static async Task<List<(int, string, string)>> ReadAppliedAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT number, name, checksum FROM schema_migrations ORDER BY number", connection);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var applied = new List<(int, string, string)>();
        while (await reader.ReadAsync(cancel))
            applied.Add((reader.GetInt32(0), reader.GetString(1), reader.GetString(2)));
        return applied;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        // Longer than the lock's own limit, so that the server says why and not the client that it had no answer.
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = (int)s_lockTimeout.TotalSeconds + 15 };
        await command.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Migration {Name} applied.")]
    private partial void LogApplied(string name);
    [LoggerMessage(Level = LogLevel.Information, Message = "Database {Name} created.")]
    private partial void LogCreated(string name);
}
