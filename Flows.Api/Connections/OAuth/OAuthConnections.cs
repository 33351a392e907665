using System.Text.Json;
using Flows.Api.Flows;
using Flows.Api.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections.OAuth;

/// <summary>An <c>oauth2</c> connection, opened.</summary>
/// <param name="Settings">Null when they can no longer be made, e.g. because their app is gone: <paramref name="Problem"/> says why.</param>
/// <param name="Tokens">Null before the first.</param>
internal sealed record OAuthConnection(
    Guid Id, Guid ProjectId, string Key, ConnectionStatus Status, string? Problem, OAuthSettings? Settings, OAuthTokens? Tokens, int Failures, DateTimeOffset? RenewAt)
{
    /// <summary>How a step fails that needs it and cannot have it.</summary>
    public const string NeedsSignInCode = "needs_sign_in";

    public string NeedsSignIn => Settings is { NeedsPerson: false }
        ? $"the service does not accept the client of the connection '{Key}': {Problem}"
        : $"the connection '{Key}' needs a sign-in: {Problem ?? "nobody has signed in yet."}";
}

/// <summary>Reads and writes the rows of <c>oauth2</c> connections: settings and tokens are sealed apart, because tokens change by themselves.</summary>
internal sealed class OAuthConnections(SecretEnvelope envelope, FlowCatalogue catalogue)
{
    public static string TokensPlace(Guid projectId, Guid id) => $"connection-tokens:{projectId:N}:{id:N}";

    /// <param name="locked">True locks the row until the transaction ends; rows that refer to it may still be added.</param>
    /// <returns>Null when there is no such connection.</returns>
    /// <exception cref="SealBrokenException">No key opens it.</exception>
    public async Task<OAuthConnection?> FindAsync(NpgsqlConnection db, Guid id, bool locked, CancellationToken cancel)
    {
        string key, fieldsText;
        Guid project;
        string? piece, problem;
        ConnectionStatus status;
        OAuthTokens? tokens;
        int failures;
        DateTimeOffset? renewAt;
        await using (var command = new NpgsqlCommand(
            $"SELECT project_id, key, piece, sealed, status, problem, tokens, failures, renew_at FROM connections WHERE id = $1 AND kind = 'oauth2'{(locked ? " FOR NO KEY UPDATE" : "")}", db)
        { Parameters = { RunSql.Value(id, NpgsqlDbType.Uuid) } })
        await using (var row = await command.ExecuteReaderAsync(cancel))
        {
            if (!await row.ReadAsync(cancel))
                return null;
            (project, key, piece) = (row.GetGuid(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetString(2));
            fieldsText = System.Text.Encoding.UTF8.GetString(envelope.Open(row.GetFieldValue<byte[]>(3), Connection.PlaceOf(project, id)));
            (status, problem, failures) = ((ConnectionStatus)row.GetInt16(4), row.IsDBNull(5) ? null : row.GetString(5), row.GetInt32(7));
            renewAt = row.IsDBNull(8) ? null : row.GetFieldValue<DateTimeOffset>(8);
            tokens = row.IsDBNull(6) ? null : OAuthTokens.From(envelope.Open(row.GetFieldValue<byte[]>(6), TokensPlace(project, id)));
        }
        var fields = JsonElement.Parse(fieldsText).EnumerateObject().ToDictionary(field => field.Name, field => field.Value);
        var (settings, wrong) = await SettingsAsync(db, project, fields, piece, cancel);
        return new OAuthConnection(id, project, key, status, settings is null ? wrong!.Message : problem, settings, tokens, failures, renewAt);
    }

    /// <returns>The settings that the fields make, or the field at fault and why.</returns>
    /// <exception cref="SealBrokenException">No key opens the app.</exception>
    public async Task<(OAuthSettings? Settings, FieldProblem? Problem)> SettingsAsync(
        NpgsqlConnection db, Guid project, IReadOnlyDictionary<string, JsonElement> fields, string? piece, CancellationToken cancel)
    {
        var app = fields.TryGetValue("app", out var key) && key.ValueKind == JsonValueKind.String ? await AppAsync(db, project, key.GetString()!, cancel) : null;
        return OAuthSettings.Of(fields, piece is null ? null : catalogue.Piece(piece), app);
    }

    /// <summary>Keeps new tokens; the connection is ready.</summary>
    public async Task KeepAsync(NpgsqlConnection db, OAuthConnection connection, OAuthTokens tokens, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            UPDATE connections SET tokens = $2, expires_at = $3, renew_at = $4, status = 0, problem = NULL, failures = 0, updated_at = $5 WHERE id = $1
            """, db)
        {
            Parameters =
            {
                RunSql.Value(connection.Id, NpgsqlDbType.Uuid),
                RunSql.Value(envelope.Seal(tokens.ToBytes(), TokensPlace(connection.ProjectId, connection.Id)), NpgsqlDbType.Bytea),
                Moment(tokens.ExpiresAt), Moment(RenewAt(connection.Settings!, tokens)), Moment(tokens.ObtainedAt),
            },
        };
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Only a person can help: the tokens are worth nothing any more.</summary>
    public static async Task NeedsSignInAsync(NpgsqlConnection db, Guid id, string problem, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "UPDATE connections SET status = 1, problem = $2, tokens = NULL, expires_at = NULL, renew_at = NULL, failures = 0 WHERE id = $1", db)
        { Parameters = { RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(problem, NpgsqlDbType.Text) } };
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>The service was away: what is there stays, and is tried again later and later.</summary>
    public static async Task PutOffAsync(NpgsqlConnection db, Guid id, string problem, DateTimeOffset until, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("UPDATE connections SET problem = $2, renew_at = $3, failures = failures + 1 WHERE id = $1", db)
        { Parameters = { RunSql.Value(id, NpgsqlDbType.Uuid), RunSql.Value(problem, NpgsqlDbType.Text), Moment(until) } };
        await command.ExecuteNonQueryAsync(cancel);
    }

    // Without an end, or a way to renew it, never.
    private static DateTimeOffset? RenewAt(OAuthSettings settings, OAuthTokens tokens) =>
        settings.NeedsPerson && tokens.RefreshToken is null ? null : tokens.DueAt;

    private async Task<OAuthAppSecret?> AppAsync(NpgsqlConnection db, Guid project, string key, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT id, client_id, sealed FROM oauth_apps WHERE project_id = $1 AND key = $2", db)
        { Parameters = { RunSql.Value(project, NpgsqlDbType.Uuid), RunSql.Value(key, NpgsqlDbType.Text) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new OAuthAppSecret(row.GetString(1), System.Text.Encoding.UTF8.GetString(envelope.Open(row.GetFieldValue<byte[]>(2), OAuthApp.PlaceOf(project, row.GetGuid(0)))) is { Length: > 0 } secret ? secret : null)
            : null;
    }

    private static NpgsqlParameter Moment(DateTimeOffset? moment) => new() { Value = (object?)moment ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.TimestampTz };
}
