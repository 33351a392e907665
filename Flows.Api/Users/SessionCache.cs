using System.Collections.Frozen;
using System.Security.Claims;
using Flows.Api.Access;
using Npgsql;

namespace Flows.Api.Users;

/// <summary>A live session: as many callers as its user has projects.</summary>
internal sealed class SessionCredential : Credential
{
    public required Guid UserId { get; init; }
    public required FrozenDictionary<Guid, ClaimsPrincipal> InProject { get; init; }
    /// <summary>The user in no project.</summary>
    public required ClaimsPrincipal Alone { get; init; }
}

/// <summary>Sessions by the hash of their token, with what their user may do in each project.</summary>
internal sealed class SessionCache(NpgsqlDataSource source, TimeProvider clock) : CredentialCache<SessionCredential>(source, clock)
{
    protected override string Table => "sessions";

    protected override async Task<SessionCredential?> ReadAsync(KeyHash hash, DateTimeOffset readAt, CancellationToken cancel)
    {
        await using var command = Source.CreateCommand("""
            SELECT s.id, s.user_id, u.name, s.created_at, s.last_used_at, m.project_id, m.role
            FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN members m ON m.user_id = u.id
            WHERE s.token_hash = $1
            """);
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = hash.ToBytes() });
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return null;
        var (id, userId, name) = (row.GetGuid(0), row.GetGuid(1), row.GetString(2));
        var expiresAt = Earlier(row.GetFieldValue<DateTimeOffset>(3) + Session.Longest, row.GetFieldValue<DateTimeOffset>(4) + Session.Idle);
        var projects = new Dictionary<Guid, ClaimsPrincipal>();
        do
        {
            if (row.IsDBNull(5))
                continue;
            var role = (Role)row.GetInt16(6);
            projects[row.GetGuid(5)] = new Caller(CallerKind.User, userId, name, id, row.GetGuid(5), role, Permissions.Of(role)).ToPrincipal();
        }
        while (await row.ReadAsync(cancel));
        return new SessionCredential
        {
            Id = id,
            UserId = userId,
            ReadAt = readAt,
            ExpiresAt = expiresAt,
            InProject = projects.ToFrozenDictionary(),
            Alone = new Caller(CallerKind.User, userId, name, id, ProjectId: null, Role: null, PermissionSet.Of([Permission.OwnAccount])).ToPrincipal(),
        };
    }

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;
}
