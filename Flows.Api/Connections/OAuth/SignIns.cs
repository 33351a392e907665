using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Flows.Api.Runs;
using Microsoft.AspNetCore.WebUtilities;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections.OAuth;

/// <summary>What a sign-in needs at its end, sealed until then.</summary>
/// <param name="Verifier">Null without PKCE.</param>
/// <param name="RedirectUri">Where the service sends the browser back; the exchange must name the same.</param>
/// <param name="ReturnTo">A path of this site to go to afterwards; null for a page that says it is done.</param>
internal sealed record SignInTerms(string? Verifier, string RedirectUri, string? ReturnTo);

/// <summary>A sign-in that was begun, for the person who is asked to agree.</summary>
internal sealed record PendingSignIn(Guid ConnectionId, string ConnectionName, string ProjectName, string StartedBy);

/// <summary>How a sign-in ended.</summary>
/// <param name="Problem">Null when the connection is ready.</param>
internal sealed record SignInEnd(string? Problem, string? ConnectionName = null, string? ReturnTo = null);

/// <summary>
/// Sign-ins from their start to their end. The state is 256 random bits, of which only the hash is kept; it is good once and for ten minutes, and
/// belongs to one connection. Only the step that uses it up touches the connection.
/// </summary>
internal sealed partial class SignIns(
    NpgsqlDataSource db, OAuthConnections connections, TokenEndpoint endpoint, SecretEnvelope envelope, TimeProvider clock, ILogger<SignIns> log)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);
    private const int MostAtOnce = 20;
    private const int LongestState = 100;

    /// <returns>The address of the service's sign-in page; null when too many sign-ins of the connection are open.</returns>
    public async Task<(string Url, DateTimeOffset ExpiresAt)?> BeginAsync(
        OAuthConnection connection, string startedBy, string redirectUri, string? returnTo, CancellationToken cancel)
    {
        var settings = connection.Settings!;
        var state = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var verifier = settings.Service.Pkce ? Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)) : null;
        var hash = HashOf(state);
        var now = clock.GetUtcNow();
        var terms = JsonSerializer.SerializeToUtf8Bytes(new SignInTerms(verifier, redirectUri, returnTo), OAuthJson.Default.SignInTerms);
        await using var command = db.CreateCommand("""
            INSERT INTO oauth_sign_ins (state_hash, connection_id, project_id, started_by, sealed, expires_at)
            SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM oauth_sign_ins WHERE connection_id = $2 AND expires_at > $7) < $8
            """);
        command.Parameters.Add(RunSql.Value(hash, NpgsqlDbType.Bytea));
        command.Parameters.Add(RunSql.Value(connection.Id, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(connection.ProjectId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(startedBy, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(envelope.Seal(terms, PlaceOf(hash)), NpgsqlDbType.Bytea));
        command.Parameters.Add(RunSql.Value(now + Lifetime, NpgsqlDbType.TimestampTz));
        command.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
        command.Parameters.Add(RunSql.Value(MostAtOnce, NpgsqlDbType.Integer));
        return await command.ExecuteNonQueryAsync(cancel) == 1 ? (AuthorizeUrl(settings, state, verifier, redirectUri), now + Lifetime) : null;
    }

    /// <summary>Looks, and changes nothing. Null: the state is unknown, used up or too old.</summary>
    public async Task<PendingSignIn?> FindAsync(string state, CancellationToken cancel)
    {
        if (state.Length is 0 or > LongestState)
            return null;
        await using var command = db.CreateCommand("""
            SELECT s.connection_id, c.name, p.name, s.started_by
            FROM oauth_sign_ins s JOIN connections c ON c.id = s.connection_id JOIN projects p ON p.id = s.project_id
            WHERE s.state_hash = $1 AND s.expires_at > $2
            """);
        command.Parameters.Add(RunSql.Value(HashOf(state), NpgsqlDbType.Bytea));
        command.Parameters.Add(RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? new PendingSignIn(row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetString(3)) : null;
    }

    /// <summary>Uses the state up, exchanges the code, and keeps the tokens.</summary>
    public async Task<SignInEnd> EndAsync(string state, string code, CancellationToken cancel)
    {
        if (await UseUpAsync(state, cancel) is not var (id, terms))
            return new SignInEnd("This sign-in is unknown, was used already, or took longer than ten minutes. Start it again.");

        await using var connection = await db.OpenConnectionAsync(cancel);
        if (await connections.FindAsync(connection, id, locked: false, cancel) is not { } found)
            return new SignInEnd("The connection was deleted meanwhile.");
        if (found.Settings is not { NeedsPerson: true } settings)
            return new SignInEnd(found.Problem ?? "The connection no longer signs in with a person.", found.Key, terms.ReturnTo);

        // Without a lock on the row: a renewal of the old token may wait for the same service. Whoever writes last wins, and both tokens are good.
        var answer = await endpoint.ExchangeAsync(settings, code, terms.RedirectUri, terms.Verifier, cancel);
        if (answer.Tokens is { } tokens)
        {
            // Whoever closes the browser now still has the tokens kept.
            await connections.KeepAsync(connection, found, tokens, CancellationToken.None);
            return new SignInEnd(null, found.Key, terms.ReturnTo);
        }
        LogRefused(log, id, answer.Refusal ?? answer.Trouble!);
        return new SignInEnd($"The service gave no token: {answer.Refusal ?? answer.Trouble} Start the sign-in again.", found.Key, terms.ReturnTo);
    }

    private async Task<(Guid Connection, SignInTerms Terms)?> UseUpAsync(string state, CancellationToken cancel)
    {
        if (state.Length is 0 or > LongestState)
            return null;
        var hash = HashOf(state);
        await using var command = db.CreateCommand("DELETE FROM oauth_sign_ins WHERE state_hash = $1 RETURNING connection_id, sealed, expires_at");
        command.Parameters.Add(RunSql.Value(hash, NpgsqlDbType.Bytea));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel) || row.GetFieldValue<DateTimeOffset>(2) <= clock.GetUtcNow())
            return null;
        return (row.GetGuid(0), JsonSerializer.Deserialize(envelope.Open(row.GetFieldValue<byte[]>(1), PlaceOf(hash)), OAuthJson.Default.SignInTerms)!);
    }

    private static string AuthorizeUrl(OAuthSettings settings, string state, string? verifier, string redirectUri)
    {
        var parameters = new Dictionary<string, string?> { ["response_type"] = "code", ["client_id"] = settings.ClientId, ["redirect_uri"] = redirectUri, ["state"] = state };
        if (settings.Scope.Length > 0)
            parameters["scope"] = settings.Scope;
        if (verifier is not null)
        {
            parameters["code_challenge"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(verifier)));
            parameters["code_challenge_method"] = "S256";
        }
        foreach (var (name, value) in QueryHelpers.ParseQuery(settings.Service.Parameters))
            parameters[name] = value.ToString();
        return QueryHelpers.AddQueryString(settings.Service.AuthorizeUrl, parameters);
    }

    internal static string PlaceOf(byte[] hash) => $"sign-in:{Convert.ToHexStringLower(hash)}";

    private static byte[] HashOf(string state) => SHA256.HashData(Encoding.UTF8.GetBytes(state));

    [LoggerMessage(Level = LogLevel.Warning, Message = "The sign-in of the connection {Connection} brought no token: {Reason}")]
    private static partial void LogRefused(ILogger log, Guid connection, string reason);
}
