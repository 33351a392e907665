using Flows.Api.Runs;
using Flows.Contracts.WorkerProtocol;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Workers;

/// <summary>A worker as an operator sees it.</summary>
/// <param name="Alive">It was heard of within the last ten seconds.</param>
/// <param name="ExecutionMode">Which of its children live in boxes.</param>
/// <param name="ModeReason">Why it is that mode.</param>
/// <param name="NetworkMode"><c>STRICT</c> or <c>UNRESTRICTED</c>; empty for a worker of an earlier version, as the reasons are.</param>
/// <param name="NetworkReason">Who keeps flows to it: the kernel, or the engines themselves.</param>
/// <param name="Limits">Who holds its processes to their limits: the kernel as well, or the worker alone, and why.</param>
/// <param name="AllowsChaos">It may be told to end itself (<c>Flows__Worker__AllowChaos</c>).</param>
public sealed record WorkerView(
    string Id, bool Alive, DateTimeOffset SeenAt, string Version, string Host, int ProcessId, DateTimeOffset StartedAt, int Concurrency, int Running,
    int Engines, string ExecutionMode, string ModeReason, string NetworkMode, string NetworkReason, string Limits, bool AllowsChaos);

/// <summary>Which workers there are. For people, and for what is tried on their word: no run depends on it.</summary>
internal sealed class WorkerRegistry(NpgsqlDataSource db, TimeProvider clock)
{
    private static readonly TimeSpan s_alive = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_forgotten = TimeSpan.FromHours(1);

    /// <returns>Set when the worker was to be told to end itself in the middle of a run: see <see cref="TellToEndAsync"/>.</returns>
    public async Task<HeldRun?> SeenAsync(string worker, WorkerInfo info, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("""
            WITH forgotten AS (DELETE FROM workers WHERE seen_at < $11 AND id <> $1)
            INSERT INTO workers (id, version, host, process_id, started_at, seen_at, concurrency, running, engines, execution_mode,
                mode_reason, network_mode, network_reason, allows_chaos, limits)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12, $13, $14, $15, $16)
            ON CONFLICT (id) DO UPDATE SET seen_at = EXCLUDED.seen_at, concurrency = EXCLUDED.concurrency, running = EXCLUDED.running,
                engines = EXCLUDED.engines, execution_mode = EXCLUDED.execution_mode,
                mode_reason = EXCLUDED.mode_reason, network_mode = EXCLUDED.network_mode, network_reason = EXCLUDED.network_reason,
                allows_chaos = EXCLUDED.allows_chaos, limits = EXCLUDED.limits
            RETURNING end_run, end_attempt
            """, connection)
        {
            Parameters =
            {
                RunSql.Value(worker, NpgsqlDbType.Text),
                RunSql.Value(info.Version, NpgsqlDbType.Text),
                RunSql.Value(info.Host, NpgsqlDbType.Text),
                RunSql.Value(info.ProcessId, NpgsqlDbType.Integer),
                RunSql.Value(info.StartedAt.ToUniversalTime(), NpgsqlDbType.TimestampTz),
                RunSql.Value(now, NpgsqlDbType.TimestampTz),
                RunSql.Value(info.Concurrency, NpgsqlDbType.Integer),
                RunSql.Value(info.Running, NpgsqlDbType.Integer),
                RunSql.Value(info.Engines, NpgsqlDbType.Integer),
                RunSql.Value(info.ExecutionMode, NpgsqlDbType.Text),
                RunSql.Value(now - s_forgotten, NpgsqlDbType.TimestampTz),
                RunSql.Value(info.ModeReason ?? "", NpgsqlDbType.Text),
                RunSql.Value(info.NetworkMode ?? "", NpgsqlDbType.Text),
                RunSql.Value(info.NetworkReason ?? "", NpgsqlDbType.Text),
                RunSql.Value(info.AllowsChaos, NpgsqlDbType.Boolean),
                RunSql.Value(info.Limits ?? "", NpgsqlDbType.Text),
            },
        };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) && !row.IsDBNull(0) ? new HeldRun(row.GetGuid(0), row.GetInt32(1)) : null;
    }

    /// <summary>Has a worker told with its next heartbeat, by whichever replica it meets, that it is to end itself while it holds this run as this attempt.</summary>
    /// <param name="run">Null takes it back.</param>
    public async Task TellToEndAsync(string worker, HeldRun? run, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("UPDATE workers SET end_run = $2, end_attempt = $3 WHERE id = $1");
        command.Parameters.Add(RunSql.Value(worker, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(run?.RunId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(run?.Attempt, NpgsqlDbType.Integer));
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>The newest first.</summary>
    public async Task<List<WorkerView>> ListAsync(CancellationToken cancel)
    {
        var alive = clock.GetUtcNow() - s_alive;
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("""
            SELECT id, seen_at, version, host, process_id, started_at, concurrency, running, engines, execution_mode, mode_reason, network_mode, network_reason,
                allows_chaos, limits
            FROM workers ORDER BY started_at DESC, id LIMIT 1000
            """, connection);
        await using var row = await command.ExecuteReaderAsync(cancel);
        var workers = new List<WorkerView>();
        while (await row.ReadAsync(cancel))
        {
            var seen = row.GetFieldValue<DateTimeOffset>(1);
            workers.Add(new WorkerView(row.GetString(0), seen >= alive, seen, row.GetString(2), row.GetString(3), row.GetInt32(4),
                row.GetFieldValue<DateTimeOffset>(5), row.GetInt32(6), row.GetInt32(7), row.GetInt32(8), row.GetString(9),
                row.GetString(10), row.GetString(11), row.GetString(12), row.GetString(14), row.GetBoolean(13)));
        }
        return workers;
    }
}
