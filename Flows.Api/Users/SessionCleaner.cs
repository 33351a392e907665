using Npgsql;

namespace Flows.Api.Users;

/// <summary>Deletes sessions that have run out and links that nobody has used for long.</summary>
internal sealed class SessionCleaner(NpgsqlDataSource source, TimeProvider clock)
{
    public async Task CleanAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = source.CreateCommand("DELETE FROM sessions WHERE last_used_at < $1 OR created_at < $2");
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now - Session.Idle });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now - Session.Longest });
        await command.ExecuteNonQueryAsync(cancel);

        await using var links = source.CreateCommand("DELETE FROM invitations WHERE used_at IS NULL AND expires_at < $1");
        links.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = now - TimeSpan.FromDays(30) });
        await links.ExecuteNonQueryAsync(cancel);
    }
}
