using Flows.Api.Access;
using Flows.Api.Flows;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Api.Projects;

/// <summary>What the first start makes. Bound from <c>Flows:Bootstrap</c>.</summary>
public sealed class BootstrapOptions
{
    public const string Section = "Flows:Bootstrap";
    public const string Rule = "Flows__Bootstrap__ApiKey must be 'flk_' and then at least 32 random letters, digits, '-' or '_', and no well-known sample, e.g. from: openssl rand -hex 32";

    /// <summary>An API key of the default project, which is made with it. Empty makes neither.</summary>
    public string? ApiKey { get; set; }

    /// <summary>Makes the first owner, once, at /setup?token=…, while there is none. Random, at least 32 characters. Empty: nobody can become owner.</summary>
    public string? SetupToken { get; set; }

    public const string SetupTokenRule = "Flows__Bootstrap__SetupToken must be random: at least 32 letters, digits, '-' or '_', and no well-known sample, e.g. from: openssl rand -hex 32";

    public static bool IsFineToken(string? token) => string.IsNullOrEmpty(token)
        || (token.Length is >= 32 and <= Users.SecretToken.MostCharacters && token.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_') && !SecurityCheck.IsKnown(token));

    public static bool IsFine(string? key) => string.IsNullOrEmpty(key)
        || (Access.ApiKey.IsWellFormed(key) && !SecurityCheck.IsKnown(key[Access.ApiKey.Start.Length..]));
}

/// <summary>
/// Makes the default project and its bootstrap key. Safe to repeat and from several replicas at once. A key that was revoked stays so.
/// </summary>
internal sealed partial class DefaultProject(
    NpgsqlDataSource source, SampleFlow sample, IOptions<BootstrapOptions> options, IHostEnvironment environment, TimeProvider clock, ILogger<DefaultProject> logger)
{
    private const long LockKey = 0x666C6F7774; // one after the migrations' lock

    public async Task EnsureAsync(CancellationToken cancel)
    {
        if (options.Value.ApiKey is not { Length: > 0 } key)
            return;
        await using var connection = await source.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await ExecuteAsync("SELECT pg_advisory_xact_lock($1)", LockKey);

        if (await ScalarAsync("SELECT id FROM api_keys WHERE key_hash = $1", KeyHash.Of(key).ToBytes()) is not null)
            return;
        var now = clock.GetUtcNow();
        var prefix = ApiKey.PrefixOf(key);
        var existing = (Guid?)await ScalarAsync("SELECT id FROM projects ORDER BY id LIMIT 1");
        var projectId = existing ?? Guid.CreateVersion7(now);
        if (existing is null)
            await ExecuteAsync("INSERT INTO projects (id, name, created_at) VALUES ($1, 'Default', $2)", projectId, now);
        await ExecuteAsync(
            "INSERT INTO api_keys (id, project_id, name, key_prefix, key_hash, created_at, role) VALUES ($1, $2, 'Bootstrap', $3, $4, $5, $6)",
            Guid.CreateVersion7(now), projectId, prefix, KeyHash.Of(key).ToBytes(), now, (short)Role.Owner); // it is the key of whoever installs
        if (existing is null && environment.IsDevelopment())
            await sample.AddAsync(connection, projectId, cancel);
        await transaction.CommitAsync(cancel);
        LogAdded(projectId, prefix);

        async Task ExecuteAsync(string sql, params object[] values)
        {
            await using var command = Command(sql, values);
            await command.ExecuteNonQueryAsync(cancel);
        }

        async Task<object?> ScalarAsync(string sql, params object[] values)
        {
            await using var command = Command(sql, values);
            return await command.ExecuteScalarAsync(cancel);
        }

        NpgsqlCommand Command(string sql, object[] values)
        {
            var command = new NpgsqlCommand(sql, connection, transaction);
            foreach (var value in values)
                command.Parameters.Add(new NpgsqlParameter { Value = value });
            return command;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Project {ProjectId} has the bootstrap key {Prefix}….")]
    private partial void LogAdded(Guid projectId, string prefix);
}
