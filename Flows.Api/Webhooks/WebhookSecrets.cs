using System.Collections.Concurrent;
using System.Text.Json;
using Flows.Api.Connections;
using Flows.Api.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Webhooks;

/// <summary>The secrets that callers of a webhook prove to have.</summary>
/// <param name="Secret">The key of the signature, the header's value or the password.</param>
/// <param name="VerifyToken">What Meta sends in its handshake.</param>
internal sealed record WebhookSecret(string? Secret, string? Username, string? VerifyToken);

/// <summary>
/// Gives the secrets of webhooks, from the flow or from a connection. Opened connections are kept for a few seconds, so a flow that is called
/// often does not read them each time; a changed secret holds after that.
/// </summary>
internal sealed class WebhookSecrets(NpgsqlDataSource db, SecretEnvelope envelope, TimeProvider clock)
{
    private static readonly TimeSpan s_keep = TimeSpan.FromSeconds(5);
    private const int MaxKept = 1_000;
    private readonly ConcurrentDictionary<(Guid Project, string Key, string? Field), (long At, WebhookSecret? Secret)> _kept = new();

    /// <summary>Null when the connection is not there or cannot be opened: then nobody can prove anything, and nobody comes in.</summary>
    public async ValueTask<WebhookSecret?> FindAsync(Guid projectId, WebhookRules rules, CancellationToken cancel)
    {
        if (!rules.NeedsConnection)
            return new WebhookSecret(rules.Secret, rules.Username, rules.VerifyToken);
        var key = (projectId, rules.Connection!, rules.SecretField);
        if (!_kept.TryGetValue(key, out var kept) || clock.GetElapsedTime(kept.At) > s_keep)
        {
            if (_kept.Count >= MaxKept)
                _kept.Clear();
            _kept[key] = kept = (clock.GetTimestamp(), await OpenAsync(projectId, rules.Connection!, rules.SecretField, cancel));
        }
        return kept.Secret is { } found
            ? found with { Username = rules.Username ?? found.Username, VerifyToken = rules.VerifyToken ?? found.VerifyToken ?? found.Secret }
            : null;
    }

    private async Task<WebhookSecret?> OpenAsync(Guid projectId, string key, string? field, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT id, sealed FROM connections WHERE project_id = $1 AND key = $2");
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(key, NpgsqlDbType.Text));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        try
        {
            using var fields = JsonDocument.Parse(envelope.Open(row.GetFieldValue<byte[]>(1), Connection.PlaceOf(projectId, row.GetGuid(0))));
            string? Field(string name) => fields.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            if (field is not null)
                return new WebhookSecret(Field(field), null, null);
            return new WebhookSecret(Field("secret") ?? Field("token") ?? Field("password"), Field("username"), Field("verifyToken"));
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }
}
