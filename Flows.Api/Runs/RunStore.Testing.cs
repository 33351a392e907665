using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using NpgsqlTypes;

namespace Flows.Api.Runs;

internal sealed partial class RunStore
{
    // As with tags: a run that the statement before has not written has no plan.
    private const string InsertTests = """
        INSERT INTO run_tests (run_id, plan)
        SELECT t.run_id, t.plan FROM unnest($1::uuid[], $2::json[]) AS t(run_id, plan)
        WHERE EXISTS (SELECT FROM runs r WHERE r.id = t.run_id)
        ON CONFLICT (run_id) DO NOTHING
        RETURNING 1
        """;

    private static Statement Plan(IReadOnlyList<NewRun> runs) => new(InsertTests,
    [
        RunSql.Array(Each(runs, run => run.RunId), NpgsqlDbType.Uuid),
        RunSql.Array(Each(runs, run => Json(run.Test)), NpgsqlDbType.Json),
    ], static _ => { });

    /// <summary>The plans of those of the runs that have one.</summary>
    public async Task<Dictionary<Guid, TestPlan>> PlansAsync(IReadOnlyCollection<Guid> runs, CancellationToken cancel)
    {
        var plans = new Dictionary<Guid, TestPlan>();
        await using var command = db.CreateCommand("SELECT t.run_id, t.plan FROM unnest($1) AS r(id) CROSS JOIN LATERAL (SELECT * FROM run_tests WHERE run_id = r.id) t");
        command.CommandTimeout = CommandTimeout;
        command.Parameters.Add(RunSql.Array(runs.ToArray(), NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            if (JsonSerializer.Deserialize(row.GetFieldValue<byte[]>(1), EngineJson.Default.TestPlan) is { } plan)
                plans[row.GetGuid(0)] = plan;
        }
        return plans;
    }

    /// <summary>A plan as its row will hold it; null for none.</summary>
    public static RawJson? PackPlan(TestPlan? plan) =>
        plan is null ? null : RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(plan, EngineJson.Default.TestPlan));
}
