using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>A run to be written: the caller's payload under a new id.</summary>
/// <param name="RunId">UUIDv7 of the moment of acceptance: it decides the partition.</param>
/// <param name="Version">Number of the published version; null for a draft.</param>
/// <param name="Trigger">The trigger's output.</param>
/// <param name="Waiter">This API instance when it holds a caller for the run.</param>
internal sealed record NewRun(
    Guid RunId,
    Guid ProjectId,
    Guid FlowId,
    Guid VersionId,
    int? Version,
    RunEnvironment Environment,
    RunOrigin Origin,
    RunPriority Priority,
    DateTimeOffset CreatedAt,
    RawJson Trigger,
    string? Waiter)
{
    /// <summary>What the trigger refers to once it has been packed.</summary>
    public IReadOnlyList<LargeValue> Large { get; init; } = [];

    /// <summary>Words that the run is found by; few and short.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Where the trace of the run begins; null when it is not traced.</summary>
    public string? TraceParent { get; init; }

    /// <summary>A <see cref="TestPlan"/> as JSON; null for a run that walks the whole flow.</summary>
    public RawJson? Test { get; init; }
}

/// <summary>
/// The only code that changes a run's status: by <see cref="RunSql.Move"/>, in batches. The files: accepting (here), claiming,
/// reporting, pausing and waking, moving (a person's cancel and decision), rescuing.
/// </summary>
internal sealed partial class RunStore(NpgsqlDataSource db, IOptions<RunOptions> options, IOptions<LimitsOptions> limits, TimeProvider clock)
{
    /// <summary>Seconds that one statement may take; each touches a bounded number of rows by their ids.</summary>
    private const int CommandTimeout = 10;

    private const string InsertRuns = """
        INSERT INTO runs (id, project_id, flow_id, version_id, version, status, environment, origin, priority, created_at, status_changed_at, due_at, trigger, waiter)
        SELECT n.id, n.project_id, n.flow_id, n.version_id, n.version, 0, n.environment, n.origin, n.priority, n.created_at, n.created_at, n.created_at + $1, n.trigger, n.waiter
        FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::smallint[], $8::smallint[], $9::smallint[], $10::timestamptz[], $11::json[], $12::text[])
            AS n(id, project_id, flow_id, version_id, version, environment, origin, priority, created_at, trigger, waiter)

        """;

    /// <summary>The run as its row will hold it. That takes time in proportion to a large trigger: do it before a commit that others share.</summary>
    public NewRun Pack(NewRun run)
    {
        if (run.Trigger.Length <= limits.Value.InlineBytes)
            return run;
        var packer = new ValuePacker(run.RunId, limits.Value.InlineBytes);
        return run with { Trigger = packer.Pack(run.Trigger)!.Value, Large = packer.Large };
    }

    private const string OnlyNew = "ON CONFLICT (id) DO NOTHING";

    /// <summary>Writes new runs as Queued in one commit. Writing the same runs again changes nothing, so an uncertain commit may be repeated.</summary>
    public Task AcceptAsync(IReadOnlyList<NewRun> runs, CancellationToken cancel)
    {
        runs = [.. runs.Select(Pack)];
        var tagged = runs.Where(run => run.Tags.Count > 0).ToList();
        var large = runs.SelectMany(run => run.Large).ToList();
        var traced = runs.Where(run => run.TraceParent is not null).ToList();
        var tested = runs.Where(run => run.Test is not null).ToList();
        if (tagged.Count == 0 && large.Count == 0 && traced.Count == 0 && tested.Count == 0)
            return WriteAsync(RunSql.Durable, InsertRuns + OnlyNew, ColumnsOf(runs), static _ => 0, cancel);
        List<Statement> statements = [new(InsertRuns + OnlyNew, ColumnsOf(runs), static _ => { })];
        if (tagged.Count > 0)
            statements.Add(Tag(tagged));
        if (large.Count > 0)
            statements.Add(Keep(large));
        if (traced.Count > 0)
            statements.Add(Trace(traced));
        if (tested.Count > 0)
            statements.Add(Plan(tested));
        return WriteAllAsync(RunSql.Durable, statements, cancel);
    }

    /// <summary>The parameters $1 to $12 of <see cref="InsertRuns"/>.</summary>
    private NpgsqlParameter[] ColumnsOf(IReadOnlyList<NewRun> runs) =>
        [
            RunSql.Value(options.Value.RingAgainAfter, NpgsqlDbType.Interval),
            RunSql.Array(Each(runs, run => run.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, run => run.ProjectId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, run => run.FlowId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, run => run.VersionId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(runs, run => run.Version), NpgsqlDbType.Integer),
            RunSql.Array(Each(runs, run => (short)run.Environment), NpgsqlDbType.Smallint),
            RunSql.Array(Each(runs, run => (short)run.Origin), NpgsqlDbType.Smallint),
            RunSql.Array(Each(runs, run => (short)run.Priority), NpgsqlDbType.Smallint),
            RunSql.Array(Each(runs, run => run.CreatedAt), NpgsqlDbType.TimestampTz),
            RunSql.Array(Each(runs, run => run.Trigger.Utf8), NpgsqlDbType.Json),
            RunSql.Array(Each(runs, run => run.Waiter), NpgsqlDbType.Text),
        ];

    // A run that the statement before has not written, because the caller was too late, keeps no values either.
    private const string KeepValues = """
        INSERT INTO run_values (run_id, id, size, encoding, data)
        SELECT v.run_id, v.id, v.size, v.encoding, v.data FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::smallint[], $5::bytea[]) AS v(run_id, id, size, encoding, data)
        WHERE EXISTS (SELECT FROM runs r WHERE r.id = v.run_id)
        ON CONFLICT (run_id, id) DO NOTHING
        RETURNING 1
        """; // rows, because the reader of a batch passes over statements that have none

    /// <summary>Writes values that rows of the same transaction refer to.</summary>
    private static Statement Keep(IReadOnlyList<LargeValue> values) => new(KeepValues, ColumnsOf(values), static _ => { });

    private static NpgsqlParameter[] ColumnsOf(IReadOnlyList<LargeValue> values) =>
    [
        RunSql.Array(Each(values, value => value.RunId), NpgsqlDbType.Uuid),
        RunSql.Array(Each(values, value => value.Id), NpgsqlDbType.Uuid),
        RunSql.Array(Each(values, value => value.Size), NpgsqlDbType.Integer),
        RunSql.Array(Each(values, value => (short)value.Encoding), NpgsqlDbType.Smallint),
        RunSql.Array(Each(values, value => value.Data), NpgsqlDbType.Bytea),
    ];

    private static TValue[] Each<TItem, TValue>(IReadOnlyList<TItem> items, Func<TItem, TValue> value)
    {
        var values = new TValue[items.Count];
        for (var i = 0; i < values.Length; i++)
            values[i] = value(items[i]);
        return values;
    }

    private static ReadOnlyMemory<byte>? Json<T>(T? value, JsonTypeInfo<T> type) where T : class
    {
        if (value is null)
            return default(ReadOnlyMemory<byte>?); // a plain null would become an empty value, which is no JSON
        return JsonSerializer.SerializeToUtf8Bytes(value, type);
    }

    /// <summary>Valid JSON may still hold bytes that are not UTF-8, which Postgres refuses; they become U+FFFD.</summary>
    private static ReadOnlyMemory<byte>? Json(RawJson? json)
    {
        if (json is not { } value)
            return default(ReadOnlyMemory<byte>?);
        return Utf8.IsValid(value.Utf8.Span) ? value.Utf8 : Encoding.UTF8.GetBytes(value.ToString());
    }

    /// <summary>A statement and what to do with its rows.</summary>
    private sealed record Statement(string Sql, NpgsqlParameter[] Parameters, Action<NpgsqlDataReader> Read);

    /// <summary>Several statements, one commit, one round trip. Each sees what those before it have done.</summary>
    /// <param name="startOver">Forgets what the statements have read: Postgres has undone them, and they are done again. Null where reading twice is as good as once.</param>
    private async Task WriteAllAsync(string prelude, IReadOnlyList<Statement> statements, CancellationToken cancel, Action? startOver = null) => await UndoneWrites.AgainAsync(async attempt =>
    {
        if (attempt > 1)
            startOver?.Invoke();
        await using var connection = await db.OpenConnectionAsync(cancel);
        await WriteAllAsync(connection, prelude, statements, cancel, attempt);
        return true;
    }, clock, cancel);

    /// <param name="connection">Without a transaction the statements are one; with one, its owner makes the commit.</param>
    private static async Task WriteAllAsync(NpgsqlConnection connection, string prelude, IReadOnlyList<Statement> statements, CancellationToken cancel, int attempt = 1)
    {
        await using var batch = new NpgsqlBatch(connection) { Timeout = CommandTimeout, BatchCommands = { new(prelude) } };
        foreach (var statement in statements)
            batch.BatchCommands.Add(Command(statement.Sql, statement.Parameters, attempt));
        await batch.PrepareWhereKeptAsync(cancel);

        await using var reader = await batch.ExecuteReaderAsync(cancel);
        foreach (var statement in statements)
        {
            await reader.NextResultAsync(cancel);
            while (await reader.ReadAsync(cancel))
                statement.Read(reader);
        }
        // Only reading on to the end tells whether the commit was made.
        await reader.NextResultAsync(cancel);
    }

    // A parameter belongs to one command for good; most are used once, and need no copy.
    private static NpgsqlBatchCommand Command(string sql, NpgsqlParameter[] parameters, int attempt)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
            command.Parameters.Add(attempt == 1 ? parameter : parameter.Clone());
        return command;
    }

    /// <summary>Moves runs, and ends the waits for those that are over with it, in one commit.</summary>
    /// <returns>The runs that moved, those that were called last.</returns>
    private Task<List<RunNews>> MoveAsync(
        string sql, NpgsqlParameter[] parameters, Func<NpgsqlConnection, List<RunNews>, Task>? then, CancellationToken cancel) =>
        // A cancel goes from caller to called, an end from called to caller: they may meet.
        UndoneWrites.AgainAsync(_ => MoveOnceAsync(sql, parameters, then, cancel), clock, cancel);

    private async Task<List<RunNews>> MoveOnceAsync(
        string sql, NpgsqlParameter[] parameters, Func<NpgsqlConnection, List<RunNews>, Task>? then, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var news = new List<RunNews>();
        await ExecuteAsync(connection, new Statement(RunSql.Durable, [], static _ => { }), cancel);
        await ExecuteAsync(connection, new Statement(sql, [.. parameters.Select(parameter => parameter.Clone())], row => news.Add(RunNews.Read(row))), cancel);
        if (then is not null && news.Count > 0)
            await then(connection, news);
        var over = news.Where(run => RunTransitions.IsFinal(run.Status)).Select(run => run.RunId).ToList();
        if (over.Count > 0)
            await ExecuteAsync(connection, EndCalls(over, clock.GetUtcNow(), news), cancel);
        await transaction.CommitAsync(cancel);
        return news;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, Statement statement, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(statement.Sql, connection) { CommandTimeout = CommandTimeout };
        command.Parameters.AddRange(statement.Parameters);
        await command.PrepareWhereKeptAsync(cancel);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            statement.Read(reader);
    }

    /// <summary>One statement, one commit, one round trip; prepared once for each connection.</summary>
    private Task<List<TRow>> WriteAsync<TRow>(
        string prelude, string sql, NpgsqlParameter[] parameters, Func<NpgsqlDataReader, TRow> read, CancellationToken cancel) => UndoneWrites.AgainAsync(async attempt =>
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection) { Timeout = CommandTimeout, BatchCommands = { new(prelude), Command(sql, parameters, attempt) } };
        await batch.PrepareWhereKeptAsync(cancel);

        var rows = new List<TRow>();
        await using var reader = await batch.ExecuteReaderAsync(cancel);
        await reader.NextResultAsync(cancel);
        while (await reader.ReadAsync(cancel))
            rows.Add(read(reader));

        // Postgres commits after the last row. Only reading on to the end tells whether it did; disposing the reader would hide a failure.
        await reader.NextResultAsync(cancel);
        return rows;
    }, clock, cancel);
}
