using Flows.Api.Connections.OAuth;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections;

/// <summary>Opens connections for pieces that are asked something outside of a run, and gets other tokens for those that were refused.</summary>
internal sealed class OpenConnections(NpgsqlDataSource db, SecretEnvelope envelope, TokenKeeper tokens, TimeProvider clock)
{
    /// <summary>For a token that is about to run out; one that is late keeps the token it has.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>The call with its connection, or with the reason why there is none.</summary>
    /// <param name="key">Null: it needs none.</param>
    public async Task<PieceClaim?> FillAsync(PieceClaim? claim, string? key, CancellationToken cancel)
    {
        if (claim is null || key is null)
            return claim;
        var (value, problem) = await OpenAsync(claim.ProjectId, key, cancel);
        return claim with { Request = claim.Request with { Connection = value, ConnectionProblem = problem } };
    }

    /// <summary>The connection with a token that is not the one a service has refused, or why there is none.</summary>
    /// <param name="refused"><see cref="TokenMark"/> of that; null when there was no token at all.</param>
    public async Task<OtherToken> RenewAsync(Guid projectId, string key, string? refused, CancellationToken cancel)
    {
        Guid? id;
        await using (var command = db.CreateCommand("SELECT id FROM connections WHERE project_id = $1 AND key = $2 AND kind = 'oauth2'"))
        {
            command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
            command.Parameters.Add(RunSql.Value(key, NpgsqlDbType.Text));
            id = (Guid?)await command.ExecuteScalarAsync(cancel);
        }
        if (id is null)
            return new OtherToken(null, new StepError("input", $"there is no connection '{key}' whose token could be renewed."));
        var renewal = await tokens.RenewAsync(id.Value, refused, cancel);
        return renewal.Tokens is { } fresh ? new OtherToken(RawJson.FromUtf8(fresh.ForEngine())) : new OtherToken(null, renewal.Problem, renewal.IsPassing);
    }

    private async Task<(RawJson? Value, StepError? Problem)> OpenAsync(Guid projectId, string key, CancellationToken cancel)
    {
        var (id, held, problem) = await ReadAsync(projectId, key, cancel);
        if (id is null || problem is not null)
            return (null, problem ?? new StepError("input", $"there is no connection '{key}' in this project any more."));
        if (held is { Value: { } value, IsDue: false })
            return (value, null);

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(s_patience);
        Renewal renewal;
        try
        {
            renewal = await tokens.RenewAsync(id.Value, refused: null, limit.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            renewal = TokenKeeper.Passing("the token of the connection could not be renewed in time.");
        }
        return renewal.Tokens is { } fresh ? (RawJson.FromUtf8(fresh.ForEngine()), null)
            : held.Value is { } late && renewal.IsPassing ? (late, null)
            : (null, renewal.Problem);
    }

    private async Task<(Guid? Id, (RawJson? Value, bool IsDue) Held, StepError? Problem)> ReadAsync(Guid projectId, string key, CancellationToken cancel)
    {
        await using var command = db.CreateCommand(
            "SELECT id, CASE WHEN kind = 'oauth2' THEN tokens ELSE sealed END, kind = 'oauth2', status, problem FROM connections WHERE project_id = $1 AND key = $2");
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(key, NpgsqlDbType.Text));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return default;
        var id = row.GetGuid(0);
        try
        {
            if (!row.GetBoolean(2))
                return (id, (RawJson.FromUtf8(envelope.Open(row.GetFieldValue<byte[]>(1), Connection.PlaceOf(projectId, id))), false), null);
            if ((ConnectionStatus)row.GetInt16(3) == ConnectionStatus.NeedsSignIn)
                return (id, default, new StepError(OAuthConnection.NeedsSignInCode, $"the connection '{key}' needs a sign-in: {(row.IsDBNull(4) ? "nobody has signed in yet." : row.GetString(4))}"));
            var held = row.IsDBNull(1) ? null : OAuthTokens.From(envelope.Open(row.GetFieldValue<byte[]>(1), OAuthConnections.TokensPlace(projectId, id)));
            return (id, (held is null ? null : RawJson.FromUtf8(held.ForEngine()), held?.IsNearItsEnd(clock.GetUtcNow()) ?? true), null);
        }
        catch (SealBrokenException error)
        {
            return (id, default, new StepError("connection_sealed", $"the connection '{key}' cannot be opened. {error.Message}"));
        }
    }
}
