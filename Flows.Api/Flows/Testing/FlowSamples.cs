using System.Text.Json;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Flows.Testing;

/// <summary>An output of a step, kept beside the draft for tests and previews.</summary>
/// <param name="Step">A step's name, or <see cref="FlowSamples.Trigger"/>.</param>
/// <param name="Pinned">Test runs take it instead of doing the step, and no run replaces it.</param>
/// <param name="FromRun">The run whose output it is; null for a person's own.</param>
internal sealed record FlowSample(string Step, RawJson Output, bool Pinned, Guid? FromRun, DateTimeOffset UpdatedAt);

/// <summary>The samples of flows. Test runs refresh those that are not pinned; runs of published versions touch none.</summary>
internal sealed class FlowSamples(NpgsqlDataSource db, TimeProvider clock)
{
    public const string Trigger = "trigger";

    /// <summary>Largest sample that a person may keep, in bytes of JSON.</summary>
    public const int MostBytes = 1 << 20;
    /// <summary>All samples of one flow together, in bytes of JSON.</summary>
    public const int MostBytesOfFlow = 16 << 20;
    /// <summary>Samples of one flow.</summary>
    public const int MostOfFlow = 2_000;

    /// <summary>By the names of their steps.</summary>
    public async Task<List<FlowSample>> OfFlowAsync(Guid flowId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("SELECT step, output, pinned, from_run, updated_at FROM flow_samples WHERE flow_id = $1 ORDER BY step");
        command.Parameters.Add(RunSql.Value(flowId, NpgsqlDbType.Uuid));
        var samples = new List<FlowSample>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            samples.Add(new FlowSample(row.GetString(0), row.JsonOrNull(1) ?? RawJson.Null, row.GetBoolean(2),
                row.IsDBNull(3) ? null : row.GetGuid(3), row.GetFieldValue<DateTimeOffset>(4)));
        }
        return samples;
    }

    /// <returns>The sample as it is kept; null when the flow would have more than it may.</returns>
    public async Task<FlowSample?> PutAsync(Guid flowId, string step, RawJson output, bool pinned, Guid? fromRun, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = db.CreateCommand("""
            INSERT INTO flow_samples (flow_id, step, output, size, pinned, from_run, updated_at)
            SELECT $1, $2, $3, $4, $5, $6, $7
            WHERE (SELECT coalesce(sum(size), 0) + $4 <= $8 AND count(*) < $9 FROM flow_samples WHERE flow_id = $1 AND step <> $2)
            ON CONFLICT (flow_id, step) DO UPDATE SET
                output = excluded.output, size = excluded.size, pinned = excluded.pinned, from_run = excluded.from_run, updated_at = excluded.updated_at
            """);
        command.Parameters.AddRange((NpgsqlParameter[])
        [
            RunSql.Value(flowId, NpgsqlDbType.Uuid), RunSql.Value(step, NpgsqlDbType.Text), RunSql.Value(output.Utf8, NpgsqlDbType.Json),
            RunSql.Value(output.Length, NpgsqlDbType.Integer), RunSql.Value(pinned, NpgsqlDbType.Boolean), RunSql.Value(fromRun, NpgsqlDbType.Uuid),
            RunSql.Value(now, NpgsqlDbType.TimestampTz), RunSql.Value((long)MostBytesOfFlow, NpgsqlDbType.Bigint), RunSql.Value((long)MostOfFlow, NpgsqlDbType.Bigint),
        ]);
        return await command.ExecuteNonQueryAsync(cancel) == 1 ? new FlowSample(step, output, pinned, fromRun, now) : null;
    }

    /// <returns>False: there was none.</returns>
    public async Task<bool> DeleteAsync(Guid flowId, string step, CancellationToken cancel)
    {
        await using var command = db.CreateCommand("DELETE FROM flow_samples WHERE flow_id = $1 AND step = $2");
        command.Parameters.Add(RunSql.Value(flowId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(step, NpgsqlDbType.Text));
        return await command.ExecuteNonQueryAsync(cancel) == 1;
    }

    // Of a step inside a loop the last item's. What was given in the run has not come of it. In the order of their names, so that two runs of a
    // flow cannot wait for each other.
    private static readonly string s_keep = $"""
        WITH run AS (
            SELECT r.id, r.flow_id, r.trigger, t.plan -> 'outputs' AS given
            FROM runs r JOIN flows f ON f.id = r.flow_id AND f.deleted_at IS NULL LEFT JOIN run_tests t ON t.run_id = r.id
            WHERE r.id = $1 AND r.environment = {(int)RunEnvironment.Test}
        ), lines AS (
            SELECT DISTINCT ON (s.name) s.name, s.output
            FROM run CROSS JOIN LATERAL (SELECT * FROM run_steps s WHERE s.run_id = $1 AND s.status = {(int)StepStatus.Succeeded}) s
            WHERE s.output IS NOT NULL AND s.kind <> 'stop' AND NOT {ValueReference.IsIn("s.output")}
              AND s.name NOT IN (SELECT json_object_keys(run.given))
            ORDER BY s.name, s.started_at DESC, s.path DESC
        ), found AS (
            SELECT name, output, octet_length(output::text) AS size FROM lines
            UNION ALL
            SELECT '{Trigger}', trigger, octet_length(trigger::text) FROM run WHERE NOT {ValueReference.IsIn("trigger")} AND trigger::text <> 'null'
        )
        INSERT INTO flow_samples (flow_id, step, output, size, pinned, from_run, updated_at)
        SELECT run.flow_id, f.name, f.output, f.size, false, run.id, $2 FROM run CROSS JOIN found f
        WHERE (SELECT coalesce(sum(size), 0) FROM found) + (SELECT coalesce(sum(k.size), 0) FROM flow_samples k JOIN run ON k.flow_id = run.flow_id WHERE k.step NOT IN (SELECT name FROM found)) <= $3
        ORDER BY f.name
        ON CONFLICT (flow_id, step) DO UPDATE SET output = excluded.output, size = excluded.size, from_run = excluded.from_run, updated_at = excluded.updated_at
        WHERE NOT flow_samples.pinned AND flow_samples.output::text <> excluded.output::text
        """;

    /// <summary>Keeps what the steps of a test run have given last, as far as it is small enough for the journal's row and nobody has pinned something else.</summary>
    /// <exception cref="NpgsqlException">It was not kept; the flow may be gone by now.</exception>
    public async Task KeepOfRunAsync(Guid runId, CancellationToken cancel)
    {
        await using var command = db.CreateCommand(s_keep);
        command.Parameters.Add(RunSql.Value(runId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz));
        command.Parameters.Add(RunSql.Value((long)MostBytesOfFlow, NpgsqlDbType.Bigint));
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Null when a value may be kept as a sample; else what is wrong with it.</summary>
    public static string? Problem(JsonElement output) =>
        RawJson.From(output).Length is var length and > MostBytes ? $"The sample has {length} bytes of JSON; {MostBytes} are allowed (limit: sample size)." : null;
}
