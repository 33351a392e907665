using Npgsql;

namespace Flows.Api.Access;

/// <summary>A live API key: always the same caller.</summary>
internal sealed class KeyCredential : Credential
{
    public required Caller Caller { get; init; }
    public required System.Security.Claims.ClaimsPrincipal Principal { get; init; }
}

/// <summary>API keys by their hash.</summary>
internal sealed class ApiKeyCache(NpgsqlDataSource source, TimeProvider clock) : CredentialCache<KeyCredential>(source, clock)
{
    /// <summary>At once here.</summary>
    public void Forget(Guid keyId) => Forget(key => key.Id == keyId);

    protected override string Table => "api_keys";

    protected override async Task<KeyCredential?> ReadAsync(KeyHash hash, DateTimeOffset readAt, CancellationToken cancel)
    {
        await using var command = Source.CreateCommand(
            "SELECT id, project_id, name, expires_at, role, scopes FROM api_keys WHERE key_hash = $1 AND revoked_at IS NULL");
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = hash.ToBytes() });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        if (!await reader.ReadAsync(cancel))
            return null;
        var id = reader.GetGuid(0);
        var role = (Role)reader.GetInt16(4);
        var scopes = reader.IsDBNull(5) ? null : reader.GetFieldValue<string[]>(5);
        var caller = new Caller(CallerKind.Key, id, reader.GetString(2), SessionId: null, reader.GetGuid(1), role, Permissions.Of(role, scopes));
        return new KeyCredential
        {
            Id = id,
            ReadAt = readAt,
            ExpiresAt = reader.IsDBNull(3) ? DateTimeOffset.MaxValue : reader.GetFieldValue<DateTimeOffset>(3),
            Caller = caller,
            Principal = caller.ToPrincipal(),
        };
    }
}
