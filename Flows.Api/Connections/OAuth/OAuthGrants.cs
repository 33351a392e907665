using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Flows.Api.Connections.OAuth;

/// <summary>What the endpoints of connections do for those of the kind <c>oauth2</c>; for others nothing.</summary>
internal sealed partial class OAuthGrants(OAuthConnections connections, TokenKeeper keeper, TokenEndpoint endpoint, NpgsqlDataSource source, ILogger<OAuthGrants> log)
{
    /// <summary>The caller waits for it; the service may take longer, and the connection then says so.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(12);

    /// <returns>What the fields mean, null for other kinds; or the field at fault and why.</returns>
    public async Task<(OAuthSettings? Settings, FieldProblem? Problem)> ReadAsync(
        FlowsDb db, Guid project, string kind, IReadOnlyDictionary<string, JsonElement> fields, string? piece, CancellationToken cancel)
    {
        if (kind != OAuthFields.Kind)
            return (null, null);
        await db.Database.OpenConnectionAsync(cancel);
        try
        {
            return await connections.SettingsAsync((NpgsqlConnection)db.Database.GetDbConnection(), project, fields, piece, cancel);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    /// <summary>Tokens belong to a client and a service: with another of either they are dropped. A new secret, or more scopes, leaves them.</summary>
    /// <param name="row">Locked, with its old fields still in it.</param>
    public async Task ChangeAsync(FlowsDb db, Connection row, OAuthSettings settings, CancellationToken cancel)
    {
        var before = await connections.FindAsync((NpgsqlConnection)db.Database.GetDbConnection(), row.Id, locked: true, cancel);
        var isSame = before?.Settings is { } old && old.ClientId == settings.ClientId && old.Service.TokenUrl == settings.Service.TokenUrl
            && old.Service.Grant == settings.Service.Grant;
        if (isSame && row.Status == ConnectionStatus.Ready)
            return;
        if (!isSame)
            (row.Tokens, row.ExpiresAt, row.RenewAt) = (null, null, null);
        if (settings.NeedsPerson)
        {
            row.Problem = isSame ? row.Problem : "Its client or its service was changed.";
            row.Status = ConnectionStatus.NeedsSignIn;
        }
        else
            (row.Status, row.Problem, row.Failures) = (ConnectionStatus.Ready, null, 0);
    }

    /// <summary>Gets the token of a connection that needs no person, and shows in <paramref name="row"/> what came of it.</summary>
    /// <param name="settings">Null for nothing to do.</param>
    public async Task FetchAsync(FlowsDb db, Connection row, OAuthSettings? settings, CancellationToken cancel)
    {
        if (settings is not { NeedsPerson: false } || row.Tokens is not null)
            return;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(s_patience);
        try
        {
            await keeper.RenewAsync(row.Id, refused: null, limit.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The row says how it stands; the first run that needs the token asks again.
        }
        await db.Entry(row).ReloadAsync(cancel);
    }

    /// <summary>What there is to give back; null for nothing.</summary>
    public async Task<(OAuthSettings Settings, OAuthTokens Tokens)?> FindTokensAsync(FlowsDb db, Guid project, Guid id, CancellationToken cancel)
    {
        if (!await db.Connections.AnyAsync(row => row.Id == id && row.ProjectId == project && row.Kind == OAuthFields.Kind && row.Tokens != null, cancel))
            return null;
        await using var connection = await source.OpenConnectionAsync(cancel);
        try
        {
            return await connections.FindAsync(connection, id, locked: false, cancel) is { Settings: { } settings, Tokens: { } tokens } ? (settings, tokens) : null;
        }
        catch (SealBrokenException)
        {
            return null; // a connection that cannot be opened can still be deleted
        }
    }

    public async Task GiveBackAsync((OAuthSettings Settings, OAuthTokens Tokens)? given, CancellationToken cancel)
    {
        if (given is var (settings, tokens) && await endpoint.RevokeAsync(settings, tokens, cancel) is { } reason)
            LogNotRevoked(log, new Uri(settings.Service.TokenUrl).Host, reason);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Host} did not take the token of a deleted connection back: {Reason}")]
    private static partial void LogNotRevoked(ILogger log, string host, string reason);
}
