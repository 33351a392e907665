using Flows.Api.Connections.OAuth;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections;

/// <summary>Opens connections for pieces that are asked something outside of a run.</summary>
internal sealed class OpenConnections(NpgsqlDataSource db, SecretEnvelope envelope, TokenKeeper tokens, TimeProvider clock)
{
    /// <summary>The fields with their secrets; null when the project has no such connection, or it cannot be opened: the piece then says that it needs one.</summary>
    public async Task<RawJson?> OpenAsync(Guid projectId, string key, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT id, CASE WHEN kind = 'oauth2' THEN tokens ELSE sealed END, kind = 'oauth2' FROM connections WHERE project_id = $1 AND key = $2");
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(key, NpgsqlDbType.Text));
        Guid id;
        byte[]? bytes;
        bool isOAuth;
        // Closed before a token is renewed: that takes a connection to Postgres of its own.
        await using (var row = await command.ExecuteReaderAsync(cancel))
        {
            if (!await row.ReadAsync(cancel))
                return null;
            (id, bytes, isOAuth) = (row.GetGuid(0), row.IsDBNull(1) ? null : row.GetFieldValue<byte[]>(1), row.GetBoolean(2));
        }
        try
        {
            if (isOAuth)
                return await TokensAsync(projectId, id, bytes, cancel);
            return bytes is null ? null : RawJson.FromUtf8(envelope.Open(bytes, Connection.PlaceOf(projectId, id)));
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }

    private async Task<RawJson?> TokensAsync(Guid projectId, Guid id, byte[]? bytes, CancellationToken cancel)
    {
        var present = bytes is null ? null : OAuthTokens.From(envelope.Open(bytes, OAuthConnections.TokensPlace(projectId, id)));
        if (present?.IsNearItsEnd(clock.GetUtcNow()) is not false)
        {
            var renewal = await tokens.RenewAsync(id, refused: null, cancel);
            // While the service is away the old one may still get through.
            present = renewal.Tokens ?? (renewal.IsPassing ? present : null);
        }
        return present is null ? null : RawJson.FromUtf8(present.ForEngine());
    }
}
