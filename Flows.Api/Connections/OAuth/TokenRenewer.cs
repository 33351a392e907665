using Flows.Api.Migrations;
using Flows.Api.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections.OAuth;

/// <summary>Renews tokens before they run out, so that no run waits for it, and takes away sign-ins that nobody has finished.</summary>
internal sealed class TokenRenewer(NpgsqlDataSource db, TokenKeeper keeper, SchemaState schema, TimeProvider clock, ILogger<TokenRenewer> log)
    : Housekeeper(TimeSpan.FromSeconds(15), schema, clock, log)
{
    private const int Batch = 16;
    private readonly TimeProvider _clock = clock;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        var now = _clock.GetUtcNow();
        await using (var over = db.CreateCommand("DELETE FROM oauth_sign_ins WHERE expires_at < $1"))
        {
            over.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
            await over.ExecuteNonQueryAsync(cancel);
        }

        // Put off by a while first: replicas that look at the same time, and one that dies here, leave them to a later look.
        var due = new List<Guid>();
        await using (var command = db.CreateCommand("""
            WITH due AS (SELECT id FROM connections WHERE renew_at <= $1 AND status = 0 ORDER BY renew_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
            UPDATE connections c SET renew_at = $1 + interval '1 minute' FROM due WHERE c.id = due.id RETURNING c.id
            """))
        {
            command.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
            command.Parameters.Add(RunSql.Value(Batch, NpgsqlDbType.Integer));
            await using var row = await command.ExecuteReaderAsync(cancel);
            while (await row.ReadAsync(cancel))
                due.Add(row.GetGuid(0));
        }
        await Task.WhenAll(due.Select(id => keeper.RenewAheadAsync(id, cancel)));
        return due.Count == Batch;
    }
}
