using System.Text.Json;
using Flows.Api.Runs.Values;
using Flows.Api.Waits;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>Which runs a list shows.</summary>
/// <param name="Statuses">Empty: all.</param>
/// <param name="From">Accepted at or after this moment.</param>
/// <param name="To">Accepted before this moment.</param>
/// <param name="Before">Only runs older than this one: the cursor.</param>
internal sealed record RunFilter(
    Guid ProjectId, Guid? FlowId, IReadOnlyList<RunStatus> Statuses, DateTimeOffset? From, DateTimeOffset? To, Guid? Before, int Limit)
{
    /// <summary>Only runs with this tag; null for all.</summary>
    public string? Tag { get; init; }

    /// <summary>Only runs whose error has this text in its message, in small or capital letters; null for all.</summary>
    public string? ErrorText { get; init; }
}

/// <summary>A line of a journal, and where those of its values are that are not in it.</summary>
/// <param name="Line">An error that lies apart has its code and message here, and no detail.</param>
internal sealed record StoredStep(StepRecord Line, ValueReference? Input, ValueReference? Output, ValueReference? Error);

internal enum StepPart { Input, Output, Error }

/// <param name="Value">Set when it is small.</param>
/// <param name="Large">Set when it lies apart.</param>
internal sealed record StoredPart(RawJson? Value, Guid? Large);

/// <summary>Reads runs and their journals. Every query of a user's data names the project.</summary>
internal sealed class RunReader(NpgsqlDataSource db, ListDatabase lists, WaitReader waits, RunValues values, TimeProvider clock)
{
    private const string Columns = """
        r.id, r.flow_id, r.version, r.status, r.environment, r.created_at, r.started_at, r.finished_at, r.attempt, r.worker, r.lease_until,
        r.waiting_for, r.failed_step, r.error, r.output, r.retried_from, r.parent_run_id, r.parent_path, r.origin
        """;

    /// <summary>The newest runs first. Ids begin with their time, so the range of ids also leaves out the partitions of other days.</summary>
    public async Task<Page<RunView>> ListAsync(RunFilter filter, CancellationToken cancel)
    {
        await using var connection = await lists.OpenAsync(cancel);
        var items = await NewestAsync(connection, Columns, filter, static row => ReadRun(row, withTrigger: false), cancel);
        var waiting = await waits.ShownAsync([.. items.Where(run => run.Status == RunStatus.Paused).Select(run => run.Id)], linkTo: null, cancel);
        var tags = await TagsAsync([.. items.Select(run => run.Id)], cancel);
        return Page.Of(items.ConvertAll(run => run with
        {
            WaitingFor = waiting.TryGetValue(run.Id, out var found) ? found : run.WaitingFor,
            Tags = tags.GetValueOrDefault(run.Id),
        }), filter.Limit, run => run.Id);
    }

    /// <summary>The ids alone, for what is done to many runs: their outputs may be large.</summary>
    /// <returns>The newest, and whether there are more than the limit.</returns>
    public async Task<(IReadOnlyList<Guid> Ids, bool More)> ListIdsAsync(RunFilter filter, CancellationToken cancel)
    {
        // From the database itself: what a person chose by what a replica shows must not have changed since.
        await using var connection = await db.OpenConnectionAsync(cancel);
        var ids = await NewestAsync(connection, "r.id", filter, static row => row.GetGuid(0), cancel);
        return ([.. ids.Take(filter.Limit)], ids.Count > filter.Limit);
    }

    /// <summary>
    /// The statement of a list. $1 is the project, $2 and $3 the range of ids, $4 how many, $5 the flow. Each of several statuses is looked up by
    /// itself, in the order in which its index has it: together they would have to be sorted, however many there are.
    /// </summary>
    /// <param name="more">Further conditions on a row <c>r</c>, each beginning with AND.</param>
    /// <param name="from">What the rows <c>r</c> are looked for in.</param>
    internal static string ListSql(string columns, bool ofFlow, IReadOnlyList<RunStatus> statuses, string more = "", string from = "runs r")
    {
        string Newest(string what, string condition) =>
            $"SELECT {what} FROM {from} WHERE r.project_id = $1 AND r.id >= $2 AND r.id < $3{(ofFlow ? " AND r.flow_id = $5" : "")}{condition}{more} ORDER BY r.id DESC LIMIT $4";
        return statuses.Distinct().ToList() switch
        {
            [] => Newest(columns, ""),
            [var one] => Newest(columns, $" AND r.status = {(int)one}"),
            var several => $"SELECT {columns} FROM ({string.Join(" UNION ALL ", several.Select(status => $"({Newest("r.*", $" AND r.status = {(int)status}")})"))}) r ORDER BY r.id DESC LIMIT $4",
        };
    }

    /// <returns>One more than the limit when there is more.</returns>
    private async Task<List<T>> NewestAsync<T>(NpgsqlConnection connection, string columns, RunFilter filter, Func<NpgsqlDataReader, T> read, CancellationToken cancel)
    {
        var items = new List<T>();
        foreach (var part in filter.ErrorText is null ? [filter] : PartsOf(filter, clock.GetUtcNow()))
        {
            await using var command = NewestCommand(connection, columns, part with { Limit = filter.Limit - items.Count });
            await using var reader = await command.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
                items.Add(read(reader));
            if (items.Count > filter.Limit)
                break;
        }
        return items;
    }

    /// <summary>
    /// The time of a filter in parts, the newest first. A text that many errors have would make Postgres fetch and sort all of them for one page, and
    /// one that none has must be looked for to the end: in parts the first ends soon, and the second costs an index look for each.
    /// </summary>
    internal static IEnumerable<RunFilter> PartsOf(RunFilter filter, DateTimeOffset now)
    {
        var newest = filter.Before is { } before ? RunIds.MomentOf(before) : now;
        if (filter.To is { } end && end < newest)
            newest = end;
        if (newest < DateTimeOffset.UnixEpoch)
        {
            yield return filter; // no id is older, and the calendar may end before the parts do
            yield break;
        }
        var (to, until) = (filter.To, newest);
        for (var days = 1; until > newest.AddDays(-MostDaysInParts); days = Math.Min(days * 2, MostDaysOfPart))
        {
            until = until.AddDays(-days);
            if (until <= (filter.From ?? DateTimeOffset.MinValue))
                break;
            yield return filter with { From = until, To = to };
            to = until;
        }
        yield return filter with { To = to };
    }

    private const int MostDaysOfPart = 4;
    /// <summary>What is older comes as one part: by then runs have been forgotten, where anybody forgets them.</summary>
    private const int MostDaysInParts = 92;

    /// <summary>Selects columns of the runs that fit, newest first, and one more than the limit when there is more.</summary>
    internal static NpgsqlCommand NewestCommand(NpgsqlConnection connection, string columns, RunFilter filter)
    {
        var next = filter.FlowId is null ? 5 : 6;
        // A tag comes first: its index has the runs of the project in the order of the list.
        var more = (filter.Tag is null ? "" : $" AND t.project_id = $1 AND t.tag = ${next++} AND t.run_id >= $2 AND t.run_id < $3")
            + (filter.ErrorText is null ? "" : $" AND r.error IS NOT NULL AND r.error ->> 'message' ILIKE ${next}");
        var sql = ListSql(columns, filter.FlowId is not null, filter.Statuses, more, filter.Tag is null ? "runs r" : "run_tags t JOIN runs r ON r.id = t.run_id");
        var floor = filter.From is { } from ? RunIds.Floor(from) : Guid.Empty;
        var ceiling = filter.To is { } to ? RunIds.Floor(to) : Guid.AllBitsSet;
        if (filter.Before is { } before && before < ceiling)
            ceiling = before;

        var command = new NpgsqlCommand(sql, connection)
        {
            Parameters =
            {
                RunSql.Value(filter.ProjectId, NpgsqlDbType.Uuid),
                RunSql.Value(floor, NpgsqlDbType.Uuid),
                RunSql.Value(ceiling, NpgsqlDbType.Uuid),
                RunSql.Value(filter.Limit + 1, NpgsqlDbType.Integer),
            },
        };
        if (filter.FlowId is { } flow)
            command.Parameters.Add(RunSql.Value(flow, NpgsqlDbType.Uuid));
        if (filter.Tag is { } tag)
            command.Parameters.Add(RunSql.Value(tag, NpgsqlDbType.Text));
        if (filter.ErrorText is { } words)
            command.Parameters.Add(RunSql.Value($"%{words.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%", NpgsqlDbType.Text));
        return command;
    }

    /// <summary>One run with its trigger; null when the project has none with this id.</summary>
    /// <param name="linkTo">Makes the links of its waits absolute; null shows none.</param>
    /// <param name="whole">Shows the output itself, however large it is.</param>
    public async Task<RunView?> FindAsync(Guid projectId, Guid runId, CancellationToken cancel, Func<string, string>? linkTo = null, bool whole = false)
    {
        var run = await ReadAsync(projectId, runId, cancel);
        if (whole && run?.LargeOutput is { } large)
            run = run with { Output = await values.WholeAsync(runId, large.Id, cancel), LargeOutput = null };
        if (run is not null && (await TagsAsync([runId], cancel)).TryGetValue(runId, out var tags))
            run = run with { Tags = tags };
        if (run is { Environment: RunEnvironment.Test })
            run = run with { Test = await TestAsync(runId, cancel) };
        return run is { Status: RunStatus.Paused } && (await waits.ShownAsync([runId], linkTo, cancel)).TryGetValue(runId, out var found)
            ? run with { WaitingFor = found }
            : run;
    }

    private async Task<RunTestView?> TestAsync(Guid runId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("""
            SELECT t.plan ->> 'step', coalesce((t.plan ->> 'only')::boolean, false), ARRAY (SELECT json_object_keys(t.plan -> 'outputs') ORDER BY 1)
            FROM run_tests t WHERE t.run_id = $1
            """);
        command.Parameters.Add(RunSql.Value(runId, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) ? new RunTestView(row.TextOrNull(0), row.GetBoolean(1), row.GetFieldValue<string[]>(2)) : null;
    }

    private async Task<Dictionary<Guid, IReadOnlyList<string>>> TagsAsync(Guid[] runs, CancellationToken cancel)
    {
        var tags = new Dictionary<Guid, IReadOnlyList<string>>();
        if (runs.Length == 0)
            return tags;
        // The bounds let Postgres leave out the partitions of other days.
        await using var command = db.CreateCommand("""
            SELECT t.run_id, array_agg(t.tag ORDER BY t.tag) FROM run_tags t WHERE t.run_id = ANY($1) AND t.run_id BETWEEN $2 AND $3 GROUP BY t.run_id
            """);
        command.Parameters.Add(RunSql.Array(runs, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(runs.Min(), NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(runs.Max(), NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            tags[row.GetGuid(0)] = row.GetFieldValue<string[]>(1);
        return tags;
    }

    private Task<RunView?> ReadAsync(Guid projectId, Guid runId, CancellationToken cancel) =>
        OneAsync($"SELECT {Columns}, r.trigger FROM runs r WHERE r.id = $1 AND r.project_id = $2", runId, projectId,
            static row => ReadRun(row, withTrigger: true), cancel);

    /// <summary>A page of a run's journal, in the order in which its steps started; null when the project has no such run.</summary>
    public Task<Page<StepView>?> FindStepsAsync(Guid projectId, Guid runId, int limit, StepCursor? after, CancellationToken cancel) =>
        FindLinesAsync("run_steps", projectId, runId, limit, after, cancel);

    /// <summary>The same of the lines that failed and that a retry has set aside.</summary>
    public Task<Page<StepView>?> FindHistoryAsync(Guid projectId, Guid runId, int limit, StepCursor? after, CancellationToken cancel) =>
        FindLinesAsync("run_step_history", projectId, runId, limit, after, cancel);

    private async Task<Page<StepView>?> FindLinesAsync(string table, Guid projectId, Guid runId, int limit, StepCursor? after, CancellationToken cancel)
    {
        var found = await OneAsync("SELECT r.status, r.finished_at, r.error, r.environment FROM runs r WHERE r.id = $1 AND r.project_id = $2", runId, projectId,
            static row => new RunHead(new RunEnding((RunStatus)row.GetInt16(0), row.TimeOrNull(1), ReadError(row, 2)), (RunEnvironment)row.GetInt16(3)), cancel);
        if (found is not var (ending, environment))
            return null;
        // A step whose output is given is done nowhere in its run: what its lines have is that.
        var pinned = environment == RunEnvironment.Test ? (await TestAsync(runId, cancel))?.Pinned : null;
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand($"""
            SELECT {StepColumns} FROM {table} s
            WHERE s.run_id = $1 AND ($2::timestamptz IS NULL OR (s.started_at, s.path) > ($2, $3)) ORDER BY s.started_at, s.path LIMIT $4
            """, connection)
        {
            Parameters =
            {
                RunSql.Value(runId, NpgsqlDbType.Uuid),
                RunSql.Value(after?.StartedAt, NpgsqlDbType.TimestampTz),
                RunSql.Value(after?.Path, NpgsqlDbType.Text),
                RunSql.Value(limit + 1, NpgsqlDbType.Integer),
            },
        };
        var steps = new List<StepView>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var step = ReadStep(reader);
            var view = StepView.Of(runId, step with { Line = ending.Close(step.Line) }, ending.HasCut(step.Line), isHistory: table != "run_steps");
            steps.Add(view with { Pinned = step.Line.Status == StepStatus.Succeeded && pinned?.Contains(step.Line.Name) == true });
        }
        if (steps.Count <= limit)
            return new(steps, null);
        steps.RemoveRange(limit, steps.Count - limit);
        return new(steps, new StepCursor(steps[^1].StartedAt, steps[^1].Path).ToString());
    }

    private sealed record RunHead(RunEnding Ending, RunEnvironment Environment);

    private const string StepColumns =
        "s.run_id, s.path, s.name, s.kind, s.status, s.effect, s.attempt, s.started_at, s.duration_ms, s.input, s.output, s.error, s.logs";

    /// <summary>Every line of the journals of these runs, by run, in the order in which the steps started.</summary>
    public async Task<Dictionary<Guid, List<StoredStep>>> JournalsAsync(IReadOnlyList<Guid> runs, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand($"""
            SELECT {StepColumns}
            FROM run_steps s WHERE s.run_id = ANY($1) ORDER BY s.run_id, s.started_at, s.path
            """, connection)
        { Parameters = { RunSql.Array(runs.ToArray(), NpgsqlDbType.Uuid) } };
        var journals = new Dictionary<Guid, List<StoredStep>>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var run = reader.GetGuid(0);
            if (!journals.TryGetValue(run, out var journal))
                journals[run] = journal = [];
            journal.Add(ReadStep(reader));
        }
        return journals;
    }

    /// <summary>Those of the runs that have an answer or are settled, for callers that wait for them.</summary>
    public async Task<List<RunNews>> NewsAsync(IReadOnlyList<Guid> runs, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand(
            $"SELECT {RunSql.News} FROM runs r WHERE r.id = ANY($1) AND (r.status NOT IN (0, 1, 2) OR r.response IS NOT NULL "
            + "OR r.status = 2 AND NOT coalesce((SELECT bool_and(w.kind = 4) FROM waitpoints w WHERE w.run_id = r.id AND w.status = 0), false))", connection)
        { Parameters = { RunSql.Array(runs.ToArray(), NpgsqlDbType.Uuid) } };
        var news = new List<RunNews>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            news.Add(RunNews.Read(reader));
        return news;
    }

    /// <summary>The id of the value that a step's input, output or error refers to, or the small value itself; null when there is no such run, line or part.</summary>
    public async Task<StoredPart?> FindPartAsync(Guid projectId, Guid runId, string path, StepPart part, CancellationToken cancel)
    {
        await using var command = db.CreateCommand($"""
            SELECT s.{(part switch { StepPart.Input => "input", StepPart.Output => "output", _ => "error" })} FROM run_steps s
            WHERE s.run_id = $1 AND s.path = $2 AND EXISTS (SELECT FROM runs r WHERE r.id = $1 AND r.project_id = $3)
            """);
        command.Parameters.Add(RunSql.Value(runId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(path, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) && row.JsonOrNull(0) is { } stored ? new StoredPart(Inline(stored), ValueReference.Read(stored)?.Id) : null;
    }

    /// <summary>True when the project has the run.</summary>
    public async Task<bool> HasAsync(Guid projectId, Guid runId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT EXISTS (SELECT FROM runs r WHERE r.id = $1 AND r.project_id = $2)");
        command.Parameters.Add(RunSql.Value(runId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        return (bool)(await command.ExecuteScalarAsync(cancel))!;
    }

    private async Task<T?> OneAsync<T>(string sql, Guid runId, Guid projectId, Func<NpgsqlDataReader, T> read, CancellationToken cancel) where T : class
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand(sql, connection)
        { Parameters = { RunSql.Value(runId, NpgsqlDbType.Uuid), RunSql.Value(projectId, NpgsqlDbType.Uuid) } };
        await using var reader = await command.ExecuteReaderAsync(cancel);
        return await reader.ReadAsync(cancel) ? read(reader) : null;
    }

    private static RunView ReadRun(NpgsqlDataReader row, bool withTrigger)
    {
        var failedStep = row.TextOrNull(12);
        var error = ReadError(row, 13);
        var id = row.GetGuid(0);
        var (output, trigger) = (row.JsonOrNull(14), withTrigger ? row.JsonOrNull(19) : null);
        return new RunView(
            id,
            row.GetGuid(1),
            row.IsDBNull(2) ? null : row.GetInt32(2),
            (RunStatus)row.GetInt16(3),
            (RunEnvironment)row.GetInt16(4),
            withTrigger ? Inline(trigger) : null,
            row.GetFieldValue<DateTimeOffset>(5),
            row.TimeOrNull(6),
            row.TimeOrNull(7),
            row.GetInt32(8),
            row.TextOrNull(9),
            row.TimeOrNull(10),
            row.JsonOrNull(11),
            failedStep,
            error is null ? null : new RunErrorView(error.Code, error.Message, failedStep),
            Inline(output),
            row.IsDBNull(15) ? null : row.GetGuid(15),
            row.IsDBNull(16) ? null : new CallerView(row.GetGuid(16), row.TextOrNull(17)),
            LargeValueView.Of(id, trigger),
            LargeValueView.Of(id, output))
        { Origin = (RunOrigin)row.GetInt16(18) };
    }

    private static RawJson? Inline(RawJson? stored) => ValueReference.IsOne(stored) ? null : stored;

    private static StoredStep ReadStep(NpgsqlDataReader row)
    {
        var (input, output, error) = (row.JsonOrNull(9), row.JsonOrNull(10), row.JsonOrNull(11));
        return new StoredStep(ReadLine(row, Inline(input), Inline(output)), ValueReference.Read(input), ValueReference.Read(output), ValueReference.Read(error));
    }

    private static StepRecord ReadLine(NpgsqlDataReader row, RawJson? input, RawJson? output) => new(
        row.GetString(1),
        row.GetString(2),
        row.GetString(3),
        (StepStatus)row.GetInt16(4),
        (StepEffect)row.GetInt16(5),
        row.GetInt32(6),
        row.GetFieldValue<DateTimeOffset>(7),
        row.IsDBNull(8) ? null : row.GetDouble(8),
        input,
        output,
        ReadError(row, 11),
        row.TextOrNull(12));

    private static StepError? ReadError(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : JsonSerializer.Deserialize(row.GetFieldValue<byte[]>(column), RunsJson.Default.StepError);
}
