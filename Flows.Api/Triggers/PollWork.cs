using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Flows.Api.Connections;
using Flows.Api.Runs;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Queue;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Triggers;

/// <summary>Hands polls to workers and takes their answers: items, marks, cursor and runs are one commit.</summary>
internal sealed partial class PollWork(
    NpgsqlDataSource db, RunStore store, OpenConnections connections, RunBells bells, IOptions<TriggerOptions> options, IOptions<RunTimeouts> timeouts,
    IOptions<LimitsOptions> limits, RunMetrics metrics, TimeProvider clock, ILogger<PollWork> log) : IPieceWork
{
    private static readonly TimeSpan s_marksKept = TimeSpan.FromDays(30);

    // Of two workers that ask at once one locks the row; the attempt refuses the answer of a worker whose lease has run out.
    private const string Take = """
        WITH due AS (
            SELECT t.flow_id FROM flow_triggers t JOIN projects p ON p.id = t.project_id AND NOT p.queue_paused
                JOIN flows f ON f.id = t.flow_id AND NOT f.queue_paused
            WHERE t.due_at <= $1 AND (t.lease_until IS NULL OR t.lease_until <= $1)
            ORDER BY t.due_at LIMIT 1 FOR UPDATE OF t SKIP LOCKED
        )
        UPDATE flow_triggers t SET attempt = t.attempt + 1, worker = $2, lease_until = $3 FROM due
        WHERE t.flow_id = due.flow_id
        RETURNING t.flow_id, t.project_id, t.attempt, t.piece, t.event, t.input, t.cursor, t.connection
        """;

    public bool Does(PieceCallKind kind) => kind == PieceCallKind.Poll;

    /// <inheritdoc/>
    public async Task<PieceClaim?> TakeAsync(string worker, CancellationToken cancel)
    {
        var (claim, key) = await ClaimAsync(worker, clock.GetUtcNow(), cancel);
        return await connections.FillAsync(claim, key, cancel);
    }

    private async Task<(PieceClaim? Claim, string? Connection)> ClaimAsync(string worker, DateTimeOffset now, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = Command(connection, Take, RunSql.Value(now, NpgsqlDbType.TimestampTz), RunSql.Value(worker, NpgsqlDbType.Text),
            RunSql.Value(now + timeouts.Value.Trigger + TriggerOptions.LeaseRoom, NpgsqlDbType.TimestampTz));
        await using var row = await command.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return (null, null);
        var key = row.TextOrNull(7);
        var claim = new PieceClaim(row.GetGuid(1), row.GetGuid(0), row.GetInt64(2), new PieceRequest(
            Guid.CreateVersion7(now), PieceCallKind.Poll, row.GetGuid(0), row.GetString(3), row.GetString(4), row.JsonOrNull(5) ?? RawJson.Null, null,
            (int)timeouts.Value.Trigger.TotalMilliseconds, (long)limits.Value.PayloadMiB << 20, row.JsonOrNull(6)));
        await row.NextResultAsync(cancel); // the commit
        return (claim, key);
    }

    private const string Held = """
        SELECT t.primed, t.every_ms, t.failures, f.project_id, v.id, v.number, t.lease_until
        FROM flow_triggers t JOIN flows f ON f.id = t.flow_id JOIN flow_versions v ON v.id = f.published_version_id
        WHERE t.flow_id = $1 AND t.attempt = $2 AND t.worker = $3 FOR UPDATE OF t
        """;

    private const string Mark = """
        INSERT INTO trigger_marks AS m (flow_id, key, seen_at) SELECT $1, n.key, $3 FROM unnest($2::bytea[]) AS n(key)
        ON CONFLICT (flow_id, key) DO UPDATE SET seen_at = EXCLUDED.seen_at
        RETURNING m.key, (xmax = 0)
        """;

    private const string MoveOn = """
        UPDATE flow_triggers SET primed = true, cursor = coalesce($2, cursor), due_at = $3, worker = NULL, lease_until = NULL, failures = 0,
            polls = polls + 1, started_runs = started_runs + $4, last_ok_at = $5
        WHERE flow_id = $1
        """;

    private const string Fail = """
        UPDATE flow_triggers SET due_at = $2, paused_reason = $3, worker = NULL, lease_until = NULL, failures = failures + 1, polls = polls + 1,
            last_error_at = $4, last_error = $5
        WHERE flow_id = $1
        """;

    /// <inheritdoc/>
    public Task<(Guid Project, string Key)?> ConnectionOfAsync(RefusedToken call, CancellationToken cancel) => db.ConnectionOfAsync(
        "SELECT project_id, connection FROM flow_triggers WHERE flow_id = $1 AND attempt = $2 AND worker = $3", call, cancel);

    /// <inheritdoc/>
    public async Task<int?> AnswerAsync(PieceReport report, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        bool primed;
        TimeSpan every;
        int failures;
        Guid project, version;
        int? number;
        DateTimeOffset taken;
        await using (var command = Command(connection, Held, RunSql.Value(report.Id, NpgsqlDbType.Uuid), RunSql.Value(report.Attempt, NpgsqlDbType.Bigint), RunSql.Value(report.Worker, NpgsqlDbType.Text)))
        await using (var row = await command.ExecuteReaderAsync(cancel))
        {
            if (!await row.ReadAsync(cancel))
                return null;
            (primed, every, failures) = (row.GetBoolean(0), TimeSpan.FromMilliseconds(row.GetInt64(1)), row.GetInt32(2));
            (project, version, number) = (row.GetGuid(3), row.GetGuid(4), row.IsDBNull(5) ? null : row.GetInt32(5));
            taken = (row.TimeOrNull(6) ?? now) - timeouts.Value.Trigger - TriggerOptions.LeaseRoom;
        }

        List<RunJob> started = [];
        List<Activity> traces = [];
        if (report.Answer is { Error: null, Events: { } events })
        {
            var fresh = await FreshAsync(connection, report.Id, events.Items, now, cancel);
            if (primed && fresh.Count > 0)
            {
                // The order of ids is the order of the items.
                var ids = fresh.Select(_ => Guid.CreateVersion7(now)).Order().ToArray();
                // A trace for each run, as for schedules, so that the budget of traces holds however much a poll has found.
                traces = [.. ids.Select(id => RunTraces.Begin("poll", id, report.Id, project, taken)).OfType<Activity>().Where(trace => trace.Recorded)];
                var parents = traces.ToDictionary(trace => (string)trace.GetTagItem("flows.run.id")!, trace => trace.Id);
                started = await store.AcceptWithinAsync(connection, [.. fresh.Select((item, index) => new NewRun(
                    ids[index], project, report.Id, version, number, RunEnvironment.Production, RunOrigin.Poll, RunPriority.Bulk, now, item.Output, Waiter: null)
                    { TraceParent = parents.GetValueOrDefault(ids[index].ToString()) })], cancel);
            }
            await ExecuteAsync(connection, MoveOn, cancel,
                RunSql.Value(report.Id, NpgsqlDbType.Uuid), RunSql.Value(events.Cursor?.Utf8, NpgsqlDbType.Json),
                RunSql.Value(events.HasMore ? now : now + every, NpgsqlDbType.TimestampTz), RunSql.Value((long)started.Count, NpgsqlDbType.Bigint), RunSql.Value(now, NpgsqlDbType.TimestampTz));
            // Only behind a poll that has renewed the marks of what it has seen: a service that says "nothing is new" names no items, and those must not
            // become new by it.
            if (events.Items.Count > 0)
                await ExecuteAsync(connection, "DELETE FROM trigger_marks WHERE flow_id = $1 AND seen_at < $2", cancel,
                    RunSql.Value(report.Id, NpgsqlDbType.Uuid), RunSql.Value(now - s_marksKept, NpgsqlDbType.TimestampTz));
        }
        else
        {
            var error = report.Answer.Error ?? new StepError("internal", "The poll gave no answer.");
            var isLast = failures + 1 >= options.Value.PauseAfter;
            if (isLast)
                LogPaused(log, report.Id, failures + 1, error.Code);
            var backOff = options.Value.PauseAfterFailure(error, failures);
            await ExecuteAsync(connection, Fail, cancel,
                RunSql.Value(report.Id, NpgsqlDbType.Uuid), RunSql.Value(isLast ? null : (DateTimeOffset?)(now + (backOff > every ? backOff : every)), NpgsqlDbType.TimestampTz),
                RunSql.Value(isLast ? $"{failures + 1} polls in a row have failed, the last one with: {error.Message} Enable the flow to go on." : null, NpgsqlDbType.Text),
                RunSql.Value(now, NpgsqlDbType.TimestampTz), RunSql.Value<ReadOnlyMemory<byte>?>(JsonSerializer.SerializeToUtf8Bytes(error, RunsJson.Default.StepError), NpgsqlDbType.Json));
        }
        await transaction.CommitAsync(cancel);
        // What was not committed is told to nobody: those spans are never ended.
        traces.ForEach(trace => trace.Dispose());
        metrics.Polled(report.Answer.Error is null && report.Answer.Events is not null);
        // After the commit: if we die here the runs stay Queued, and QueuedRunSweeper rings for them.
        foreach (var job in started)
        {
            metrics.Accepted(RunOrigin.Poll, RunEnvironment.Production);
            bells.Ring(job);
        }
        return started.Count;
    }

    // The items that this flow has not seen, in their order; their marks are written, and those of the others kept alive.
    private static async Task<List<TriggerItem>> FreshAsync(
        NpgsqlConnection connection, Guid flow, IReadOnlyList<TriggerItem> items, DateTimeOffset now, CancellationToken cancel)
    {
        var byKey = items.Where(item => item.Key is not null).GroupBy(item => item.Key!).ToDictionary(group => group.Key, group => SHA256.HashData(Encoding.UTF8.GetBytes(group.Key)));
        var isNew = new HashSet<string>(StringComparer.Ordinal);
        await using (var command = Command(connection, Mark, RunSql.Value(flow, NpgsqlDbType.Uuid), RunSql.Array(byKey.Values.ToArray(), NpgsqlDbType.Bytea), RunSql.Value(now, NpgsqlDbType.TimestampTz)))
        await using (var row = await command.ExecuteReaderAsync(cancel))
        {
            while (await row.ReadAsync(cancel))
            {
                if (row.GetBoolean(1))
                    isNew.Add(Convert.ToHexString(row.GetFieldValue<byte[]>(0)));
            }
        }
        return [.. items.Where(item => item.Key is null || isNew.Remove(Convert.ToHexString(byKey[item.Key])))];
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params ReadOnlySpan<NpgsqlParameter> parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(parameter);
        return command;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params NpgsqlParameter[] parameters)
    {
        await using var command = Command(connection, sql, parameters);
        await command.ExecuteNonQueryAsync(cancel);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The polling trigger of the flow {Flow} is paused: {Failures} polls in a row have failed, the last one with {Code}")]
    private static partial void LogPaused(ILogger log, Guid flow, int failures, string code);
}
