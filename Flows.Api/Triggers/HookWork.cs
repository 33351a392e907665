using System.Text;
using System.Text.Json;
using Flows.Api.Connections;
using Flows.Api.Runs;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Triggers;

/// <summary>
/// Has workers register hooks and take them away, until what is at the service is what shall be there. A row is worked on by one worker at a time,
/// so a flow that is enabled while its hook is being taken away gets it back afterwards.
/// </summary>
internal sealed partial class HookWork(
    NpgsqlDataSource db, SecretEnvelope envelope, OpenConnections connections, IOptions<TriggerOptions> options, IOptions<RunTimeouts> timeouts,
    IOptions<LimitsOptions> limits, TimeProvider clock, ILogger<HookWork> log) : IPieceWork
{
    private const string Take = """
        WITH due AS (
            SELECT id FROM flow_hooks WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
            ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        UPDATE flow_hooks h SET attempt = h.attempt + 1, worker = $2, lease_until = $3 FROM due WHERE h.id = due.id
        RETURNING h.id, h.project_id, h.flow_id, h.attempt, h.wanted, h.piece, h.event, h.input, h.connection, h.url, h.sealed_secret, h.sealed_state
        """;

    private const string Held = "SELECT wanted, failures, project_id FROM flow_hooks WHERE id = $1 AND attempt = $2 AND worker = $3 FOR UPDATE";

    // Somebody may have wanted the opposite while the worker was at it: then that is due.
    private const string Registered = """
        UPDATE flow_hooks SET registered = true, sealed_state = $2, due_at = CASE WHEN wanted THEN NULL ELSE $3 END,
            worker = NULL, lease_until = NULL, failures = 0, paused_reason = NULL, last_ok_at = $3 WHERE id = $1
        """;

    private const string TakenAway = """
        WITH over AS (DELETE FROM flow_hooks WHERE id = $1 AND NOT wanted)
        UPDATE flow_hooks SET registered = false, sealed_state = NULL, due_at = $2, worker = NULL, lease_until = NULL, failures = 0, last_ok_at = $2
        WHERE id = $1 AND wanted
        """;

    private const string Fail = """
        UPDATE flow_hooks SET due_at = $2, paused_reason = $3, worker = NULL, lease_until = NULL, failures = $6, last_error_at = $4, last_error = $5 WHERE id = $1
        """;

    public static string SecretPlaceOf(Guid projectId, Guid id) => $"hook:{projectId:N}:{id:N}";

    public static string StatePlaceOf(Guid projectId, Guid id) => $"hook-state:{projectId:N}:{id:N}";

    public bool Does(PieceCallKind kind) => kind is PieceCallKind.Enable or PieceCallKind.Disable;

    /// <inheritdoc/>
    public async Task<PieceClaim?> TakeAsync(string worker, CancellationToken cancel)
    {
        var (claim, key) = await ClaimAsync(worker, clock.GetUtcNow(), cancel);
        return await connections.FillAsync(claim, key, cancel);
    }

    private async Task<(PieceClaim? Claim, string? Connection)> ClaimAsync(string worker, DateTimeOffset now, CancellationToken cancel)
    {
        await using var command = db.CreateCommand(Take);
        command.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
        command.Parameters.Add(RunSql.Value(worker, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(now + timeouts.Value.Trigger + TriggerOptions.LeaseRoom, NpgsqlDbType.TimestampTz));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return (null, null);
        var (id, project) = (row.GetGuid(0), row.GetGuid(1));
        var key = row.TextOrNull(8);
        // Without the installation's key the service would be told a secret that nobody knows: the piece says so, and the row shows it.
        var secret = Open(row.GetFieldValue<byte[]>(10), SecretPlaceOf(project, id));
        var hook = secret is null ? null : new HookTerms(row.GetString(9), Encoding.ASCII.GetString(secret),
            row.IsDBNull(11) || Open(row.GetFieldValue<byte[]>(11), StatePlaceOf(project, id)) is not { } state ? null : RawJson.FromUtf8(state));
        var claim = new PieceClaim(project, id, row.GetInt64(3), new PieceRequest(
            Guid.CreateVersion7(now), row.GetBoolean(4) ? PieceCallKind.Enable : PieceCallKind.Disable, row.GetGuid(2), row.GetString(5), row.GetString(6),
            row.JsonOrNull(7) ?? RawJson.Null, null, (int)timeouts.Value.Trigger.TotalMilliseconds, (long)limits.Value.PayloadMiB << 20, Hook: hook));
        await row.NextResultAsync(cancel); // the commit
        return (claim, key);
    }

    private byte[]? Open(byte[] sealedBytes, string place)
    {
        try
        {
            return envelope.Open(sealedBytes, place);
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public Task<(Guid Project, string Key)?> ConnectionOfAsync(RefusedToken call, CancellationToken cancel) => db.ConnectionOfAsync(
        "SELECT project_id, connection FROM flow_hooks WHERE id = $1 AND attempt = $2 AND worker = $3", call, cancel);

    /// <inheritdoc/>
    public async Task<int?> AnswerAsync(PieceReport report, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        bool wanted;
        int failures;
        Guid project;
        await using (var held = new NpgsqlCommand(Held, connection))
        {
            held.Parameters.Add(RunSql.Value(report.Id, NpgsqlDbType.Uuid));
            held.Parameters.Add(RunSql.Value(report.Attempt, NpgsqlDbType.Bigint));
            held.Parameters.Add(RunSql.Value(report.Worker, NpgsqlDbType.Text));
            await using var row = await held.ExecuteReaderAsync(cancel);
            if (!await row.ReadAsync(cancel))
                return null;
            (wanted, failures, project) = (row.GetBoolean(0), row.GetInt32(1), row.GetGuid(2));
        }
        await using (var command = ChangeOf(report, wanted, failures, project, now))
        {
            command.Connection = connection;
            await command.ExecuteNonQueryAsync(cancel);
        }
        await transaction.CommitAsync(cancel);
        return 0;
    }

    private NpgsqlCommand ChangeOf(PieceReport report, bool wanted, int failures, Guid project, DateTimeOffset now)
    {
        var id = RunSql.Value(report.Id, NpgsqlDbType.Uuid);
        var isEnable = report.Kind == PieceCallKind.Enable;
        if (report.Answer.Error is not { } error)
        {
            if (!isEnable)
                return new NpgsqlCommand(TakenAway) { Parameters = { id, RunSql.Value(now, NpgsqlDbType.TimestampTz) } };
            var state = report.Answer.State is { IsNull: false } json ? envelope.Seal(json.Utf8.Span, StatePlaceOf(project, report.Id)) : null;
            return new NpgsqlCommand(Registered) { Parameters = { id, RunSql.Value(state, NpgsqlDbType.Bytea), RunSql.Value(now, NpgsqlDbType.TimestampTz) } };
        }
        // What failed is no longer wanted: the other thing is tried at once.
        var isOver = isEnable != wanted;
        var isLast = !isOver && failures + 1 >= options.Value.PauseAfter;
        if (isLast)
            LogPaused(log, report.Id, isEnable ? "register" : "take away", failures + 1, error.Code);
        var due = isOver ? now : isLast ? (DateTimeOffset?)null : now + options.Value.PauseAfterFailure(error, failures);
        var reason = isLast ? $"The service was asked {failures + 1} times {(isEnable ? "to register the address" : "to take the address away")}, and the last time: {error.Message}" : null;
        return new NpgsqlCommand(Fail)
        {
            Parameters =
            {
                id, RunSql.Value(due, NpgsqlDbType.TimestampTz), RunSql.Value(reason, NpgsqlDbType.Text), RunSql.Value(now, NpgsqlDbType.TimestampTz),
                RunSql.Value<ReadOnlyMemory<byte>?>(JsonSerializer.SerializeToUtf8Bytes(error, RunsJson.Default.StepError), NpgsqlDbType.Json),
                RunSql.Value(isOver ? 0 : failures + 1, NpgsqlDbType.Integer),
            },
        };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The hook {Hook} is left alone: to {What} it has failed {Failures} times in a row, the last time with {Code}")]
    private static partial void LogPaused(ILogger log, Guid hook, string what, int failures, string code);
}
