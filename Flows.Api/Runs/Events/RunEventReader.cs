using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs.Events;

/// <summary>How a run stands.</summary>
internal sealed record RunEvent(
    Guid Id, Guid FlowId, string Status, int Attempt, DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? FinishedAt, string? FailedStep, EventError? Error);

/// <summary>How a step stands. Its input and output are in the journal.</summary>
internal sealed record StepEvent(string Path, string Name, string Kind, string Status, int Attempt, DateTimeOffset StartedAt, double? DurationMs, EventError? Error);

internal sealed record EventError(string? Code, string? Message);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RunEvent))]
[JsonSerializable(typeof(StepEvent))]
internal sealed partial class EventsJson : JsonSerializerContext;

/// <summary>Reads what has changed in a run, or in the newest runs of a project.</summary>
internal sealed class RunEventReader(NpgsqlDataSource db)
{
    private const int MaxSteps = 1_000;
    private const int MaxRuns = 200;
    private const string RunColumns =
        "r.id, r.flow_id, r.status, r.attempt, r.created_at, r.started_at, r.finished_at, r.failed_step, r.error ->> 'code', r.error ->> 'message', r.status_changed_at";

    /// <summary>True when the project has the run; its status.</summary>
    public async Task<RunStatus?> StatusAsync(Guid projectId, Guid runId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT r.status FROM runs r WHERE r.id = $1 AND r.project_id = $2");
        command.Parameters.Add(RunSql.Value(runId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        return await command.ExecuteScalarAsync(cancel) is short status ? (RunStatus)status : null;
    }

    /// <summary>The run and its steps that changed after a moment. The run comes last, so that whoever hears its end has heard its steps.</summary>
    public async Task<EventLook> LookAsync(Guid projectId, Guid runId, DateTimeOffset after, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        // The run first: steps that are committed with its end are then found by the second statement.
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new($"SELECT {RunColumns} FROM runs r WHERE r.id = $1 AND r.project_id = $2")
                {
                    Parameters = { RunSql.Value(runId, NpgsqlDbType.Uuid), RunSql.Value(projectId, NpgsqlDbType.Uuid) },
                },
                new("""
                    SELECT s.path, s.name, s.kind, s.status, s.attempt, s.started_at, s.duration_ms, s.error ->> 'code', s.error ->> 'message',
                        s.started_at + coalesce(s.duration_ms, 0) * interval '1 millisecond' AS changed_at
                    FROM run_steps s
                    WHERE s.run_id = $1 AND (s.duration_ms IS NULL OR s.started_at + s.duration_ms * interval '1 millisecond' > $2)
                    ORDER BY changed_at DESC, s.path LIMIT $3
                    """)
                {
                    Parameters =
                    {
                        RunSql.Value(runId, NpgsqlDbType.Uuid),
                        RunSql.Value(after, NpgsqlDbType.TimestampTz),
                        RunSql.Value(MaxSteps + 1, NpgsqlDbType.Integer),
                    },
                },
            },
        };
        await using var row = await batch.ExecuteReaderAsync(cancel);
        if (!await row.ReadAsync(cancel))
            return new EventLook([], IsOver: true, HasGap: false); // it was deleted
        var run = ReadRun(row, out var status);
        var steps = new List<Told>();
        await row.NextResultAsync(cancel);
        while (await row.ReadAsync(cancel))
            steps.Add(ReadStep(row));
        var hasGap = steps.Count > MaxSteps;
        return new EventLook([.. steps.Take(MaxSteps).Reverse(), run], RunTransitions.IsFinal(status), hasGap, IsMoving: status == RunStatus.Running);
    }

    /// <summary>Those of the project's newest runs whose status changed after a moment.</summary>
    public async Task<EventLook> LookAsync(Guid projectId, DateTimeOffset after, CancellationToken cancel)
    {
        await using var command = db.CreateCommand($"""
            SELECT * FROM (SELECT {RunColumns} FROM runs r WHERE r.project_id = $1 ORDER BY r.id DESC LIMIT $2) n
            WHERE n.status_changed_at > $3 ORDER BY n.status_changed_at
            """);
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(MaxRuns, NpgsqlDbType.Integer));
        command.Parameters.Add(RunSql.Value(after, NpgsqlDbType.TimestampTz));
        var runs = new List<Told>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            runs.Add(ReadRun(row, out _));
        return new EventLook(runs, IsOver: false, HasGap: false);
    }

    private static Told ReadRun(NpgsqlDataReader row, out RunStatus status)
    {
        status = (RunStatus)row.GetInt16(2);
        var run = new RunEvent(row.GetGuid(0), row.GetGuid(1), status.ToString(), row.GetInt32(3), row.GetFieldValue<DateTimeOffset>(4), row.TimeOrNull(5),
            row.TimeOrNull(6), row.TextOrNull(7), Error(row, 8));
        return new Told("run", run.Id.ToString(), string.Create(CultureInfo.InvariantCulture, $"{status} {run.Attempt}"),
            row.GetFieldValue<DateTimeOffset>(10), JsonSerializer.SerializeToUtf8Bytes(run, EventsJson.Default.RunEvent));
    }

    private static Told ReadStep(NpgsqlDataReader row)
    {
        var step = new StepEvent(row.GetString(0), row.GetString(1), row.GetString(2), ((StepStatus)row.GetInt16(3)).ToString(), row.GetInt32(4),
            row.GetFieldValue<DateTimeOffset>(5), row.IsDBNull(6) ? null : row.GetDouble(6), Error(row, 7));
        return new Told("step", step.Path, string.Create(CultureInfo.InvariantCulture, $"{step.Status} {step.Attempt} {step.StartedAt.UtcTicks}"),
            row.GetFieldValue<DateTimeOffset>(9), JsonSerializer.SerializeToUtf8Bytes(step, EventsJson.Default.StepEvent));
    }

    private static EventError? Error(NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) && row.IsDBNull(column + 1) ? null : new EventError(row.TextOrNull(column), row.TextOrNull(column + 1));
}
