using Flows.Api.Migrations;
using Flows.Api.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Connections.Keys;

/// <summary>How the last rotation stands.</summary>
/// <param name="Total">Rows that another key had sealed when it began.</param>
/// <param name="Moved">Rows that were sealed anew.</param>
/// <param name="Broken">Rows that no key opens; they stay as they are.</param>
public sealed record RotationView(string KeyId, DateTimeOffset StartedAt, DateTimeOffset? EndedAt, long Total, long Moved, long Broken);

/// <summary>
/// Seals everything anew with the present key, a hundred rows at a time, in whatever replica has that key. How far it is stands in the database, in
/// the commit of the rows themselves: after a crash another one goes on from there.
/// </summary>
internal sealed partial class KeyRotation(
    NpgsqlDataSource db, SealedRows rows, SecretEnvelope envelope, SchemaState schema, TimeProvider clock, ILogger<KeyRotation> log)
    : Housekeeper(TimeSpan.FromSeconds(3), schema, clock, log)
{
    private const int Batch = 100;
    private readonly TimeProvider _clock = clock;
    private bool _hasLooked;

    /// <summary>Begins a rotation to the present key, unless one is under way.</summary>
    public async Task BeginAsync(CancellationToken cancel)
    {
        var total = (await rows.CountAsync(cancel)).Where(count => count.KeyId != envelope.CurrentKeyId).Sum(count => count.Rows);
        await using var command = db.CreateCommand("""
            INSERT INTO key_rotation AS r (key_id, started_at, total) VALUES ($1, $2, $3)
            ON CONFLICT (singleton) DO UPDATE SET key_id = EXCLUDED.key_id, started_at = EXCLUDED.started_at, ended_at = NULL, source = 0, after_row = '', total = EXCLUDED.total, moved = 0, broken = 0
            WHERE r.ended_at IS NOT NULL OR r.key_id <> EXCLUDED.key_id
            """);
        command.Parameters.Add(RunSql.Value(envelope.CurrentKeyId, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(_clock.GetUtcNow(), NpgsqlDbType.TimestampTz));
        command.Parameters.Add(RunSql.Value(total, NpgsqlDbType.Bigint));
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <returns>Null when there was none.</returns>
    public async Task<RotationView?> FindAsync(CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT key_id, started_at, ended_at, total, moved, broken FROM key_rotation");
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new RotationView(row.GetString(0), row.GetFieldValue<DateTimeOffset>(1), row.IsDBNull(2) ? null : row.GetFieldValue<DateTimeOffset>(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5))
            : null;
    }

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        if (!_hasLooked)
        {
            _hasLooked = true;
            if (KeysInUse.Missing(await rows.CountAsync(cancel), envelope) is { } missing)
                LogMissing(log, missing);
        }
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        int source;
        string after;
        // A replica that has another key, because it was not restarted yet, leaves it to those that were.
        await using (var command = new NpgsqlCommand("SELECT source, after_row FROM key_rotation WHERE ended_at IS NULL AND key_id = $1 FOR UPDATE SKIP LOCKED", connection)
        { Parameters = { RunSql.Value(envelope.CurrentKeyId, NpgsqlDbType.Text) } })
        await using (var row = await command.ExecuteReaderAsync(cancel))
        {
            if (!await row.ReadAsync(cancel))
                return false;
            (source, after) = (row.GetInt32(0), row.GetString(1));
        }
        await using (var wait = new NpgsqlCommand("SET LOCAL lock_timeout = '15s'", connection))
            await wait.ExecuteNonQueryAsync(cancel);

        var (seen, last, broken) = source < SealedColumn.All.Count ? await rows.SealAnewAsync(connection, SealedColumn.All[source], after, Batch, cancel) : default;
        if (seen < Batch)
            (source, last) = (source + 1, "");
        var isOver = source >= SealedColumn.All.Count;
        await using (var command = new NpgsqlCommand("UPDATE key_rotation SET source = $1, after_row = $2, moved = moved + $3, broken = broken + $4, ended_at = CASE WHEN $5 THEN $6 END", connection)
        {
            Parameters =
            {
                RunSql.Value(source, NpgsqlDbType.Integer), RunSql.Value(last, NpgsqlDbType.Text), RunSql.Value((long)(seen - broken), NpgsqlDbType.Bigint),
                RunSql.Value((long)broken, NpgsqlDbType.Bigint), RunSql.Value(isOver, NpgsqlDbType.Boolean), RunSql.Value(_clock.GetUtcNow(), NpgsqlDbType.TimestampTz),
            },
        })
            await command.ExecuteNonQueryAsync(cancel);
        await transaction.CommitAsync(cancel);
        if (isOver)
            LogOver(log, envelope.CurrentKeyId);
        return !isOver;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Missing}")]
    private static partial void LogMissing(ILogger log, string missing);

    [LoggerMessage(Level = LogLevel.Information, Message = "Everything is sealed with the key {Key}")]
    private static partial void LogOver(ILogger log, string key);
}
