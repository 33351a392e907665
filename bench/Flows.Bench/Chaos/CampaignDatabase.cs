using Npgsql;

namespace Flows.Bench.Chaos;

/// <summary>A run as Postgres has it.</summary>
/// <param name="IsWaitingExplained">It says which step it waits for a decision on.</param>
internal sealed record RunRow(Guid Id, Guid FlowId, short Status, int Attempt, int Number, string? FailedStep, string? ErrorCode, bool IsWaitingExplained)
{
    /// <summary>The run that has called this one, and the path of the step there.</summary>
    public (Guid Run, string Path)? CalledBy { get; init; }
}

/// <summary>A line of a journal.</summary>
/// <param name="FinishedAt">Null while it is an intent, or waits.</param>
internal sealed record LineRow(Guid Run, string Path, short Status, short Effect, int RunAttempt, string? Output, DateTimeOffset? FinishedAt)
{
    public DateTimeOffset StartedAt { get; init; }
    /// <summary>Which try of the step it tells of, from 1.</summary>
    public int Try { get; init; } = 1;
}

/// <summary>Looks at the truth with a connection of its own. Postgres may be killed at any moment: questions are asked again for a while.</summary>
internal sealed class CampaignDatabase(NpgsqlDataSource source, TimeProvider clock)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    public Task<List<RunRow>> RunsAsync(CancellationToken cancel) => AskAsync("""
        SELECT id, flow_id, status, attempt, coalesce((trigger->>'n')::int, -1), failed_step, error->>'code', coalesce(waiting_for->>'path' = failed_step, false),
            parent_run_id, parent_path FROM runs
        """, row => new RunRow(row.GetGuid(0), row.GetGuid(1), row.GetInt16(2), row.GetInt32(3), row.GetInt32(4), TextOf(row, 5), TextOf(row, 6), row.GetBoolean(7))
    {
        CalledBy = row.IsDBNull(8) ? null : (row.GetGuid(8), TextOf(row, 9) ?? ""),
    }, cancel);

    public Task<List<LineRow>> LinesAsync(CancellationToken cancel) => AskAsync($"{Lines}", LineOf, cancel);

    public Task<List<LineRow>> LinesOfAsync(Guid[] runs, CancellationToken cancel) => AskAsync($"{Lines} WHERE run_id = ANY($1)", LineOf, cancel, runs);

    /// <summary>How many runs are neither over nor waiting for a person, be it by a run that they have called.</summary>
    public async Task<long> BusyAsync(CancellationToken cancel) => (await AskAsync("""
        SELECT count(*) FROM runs r WHERE status < 2 OR status = 2 AND NOT EXISTS (SELECT FROM runs c WHERE c.parent_run_id = r.id AND c.status = 3)
        """, row => row.GetInt64(0), cancel)).Single();

    /// <summary>The processes of the workers that hold a run at the moment, one for each run.</summary>
    public Task<List<int>> HoldersAsync(CancellationToken cancel) => AskAsync(
        "SELECT w.process_id FROM runs r JOIN workers w ON w.id = r.worker WHERE r.status = 1 ORDER BY r.id", row => row.GetInt32(0), cancel);

    /// <summary>Runs that have waited for a decision for a second, so that what their engine had sent has arrived wherever it went.</summary>
    public Task<List<(Guid Id, string Path)>> UndecidedAsync(CancellationToken cancel) => AskAsync("""
        SELECT id, failed_step FROM runs WHERE status = 3 AND status_changed_at < now() - interval '1 s' AND failed_step IS NOT NULL LIMIT 200
        """, row => (row.GetGuid(0), row.GetString(1)), cancel);

    private const string Lines = """
        SELECT run_id, path, status, effect, run_attempt, output::text,
            CASE WHEN status NOT IN (0, 5) AND duration_ms IS NOT NULL THEN started_at + duration_ms * interval '1 ms' END, started_at, attempt FROM run_steps
        """;

    private static LineRow LineOf(NpgsqlDataReader row) => new(row.GetGuid(0), row.GetString(1), row.GetInt16(2), row.GetInt16(3), row.GetInt32(4),
        TextOf(row, 5), row.IsDBNull(6) ? null : row.GetFieldValue<DateTimeOffset>(6))
    {
        StartedAt = row.GetFieldValue<DateTimeOffset>(7),
        Try = row.GetInt32(8),
    };

    private static string? TextOf(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    private async Task<List<T>> AskAsync<T>(string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancel, params object[] values)
    {
        for (var since = clock.GetTimestamp(); ;)
        {
            try
            {
                await using var command = source.CreateCommand(sql);
                foreach (var value in values)
                    command.Parameters.Add(new NpgsqlParameter { Value = value });
                command.CommandTimeout = 60;
                var rows = new List<T>();
                await using var reader = await command.ExecuteReaderAsync(cancel);
                while (await reader.ReadAsync(cancel))
                    rows.Add(read(reader));
                return rows;
            }
            catch (NpgsqlException) when (clock.GetElapsedTime(since) < s_patience)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), clock, cancel);
            }
        }
    }
}
