using Flows.Api.Runs;
using Flows.Contracts.Json;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Chaos;

/// <summary>
/// The flow that is under way when a worker is killed. It touches nothing but a number of its own in the project's storage, which it forgets at its end,
/// and has a step of every kind that a crash may meet: one that has ended, one that may be repeated, and an effect that may or may not have happened.
/// </summary>
internal sealed class ChaosSample(NpgsqlDataSource db, RunStarter starter, TimeProvider clock)
{
    public const string Key = "chaos-sample";
    private const string Name = "Sample run for killing a worker";

    /// <summary>The two steps that are under way when the worker is killed.</summary>
    public static readonly IReadOnlySet<string> UnderWay = new HashSet<string>(StringComparer.Ordinal) { "both:Computes.computing", "both:Acts.acting" };

    /// <summary>How often the run counts, whatever happens to its worker.</summary>
    public const int Counts = 2;

    // Both steps take until a moment that is told from the output of the first: what the wait for a worker takes does not shorten it, and
    // doing them again after the crash takes no longer than that moment.
    private const string Wait = "({ until }) => new Promise(done => setTimeout(() => done('done'), Math.max(0, until - Date.now())))";

    public const string Definition = $$$"""
        {
          "schema": 1,
          "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
          "steps": [
            { "name": "began", "title": "Looks at the clock", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => Date.now();" },
            { "name": "before", "title": "Counts, before the crash", "kind": "action", "piece": "storage", "action": "increment", "input": { "key": "chaos:{{run.id}}", "scope": "flow" } },
            { "name": "both", "title": "Computes and acts at once", "kind": "router", "mode": "parallel", "branches": [
              { "name": "Computes", "when": true, "steps": [
                { "name": "computing", "title": "Computes something", "kind": "code", "language": "javascript", "input": { "until": "{{began + trigger.holdMs}}" },
                  "source": "export default {{{Wait}}};" } ] },
              { "name": "Acts", "when": true, "steps": [
                { "name": "acting", "title": "Says that it must not be repeated", "kind": "code", "language": "javascript", "effect": "effect", "onUncertain": "ask", "input": { "until": "{{began + trigger.holdMs}}" },
                  "source": "export default {{{Wait}}};" } ] } ] },
            { "name": "after", "title": "Counts, after the crash", "kind": "action", "piece": "storage", "action": "increment", "input": { "key": "chaos:{{run.id}}", "scope": "flow" } },
            { "name": "tidy", "title": "Forgets the number", "kind": "action", "piece": "storage", "action": "delete", "input": { "key": "chaos:{{run.id}}", "scope": "flow" } },
            { "name": "end", "kind": "stop", "output": { "counted": "{{after}}" } }
          ]
        }
        """;

    /// <summary>The id of the project's sample flow, which is made when it is not there. It is a flow as any other: people may look at its runs, and delete it.</summary>
    public async Task<Guid> EnsureAsync(Guid projectId, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = db.CreateCommand("""
            WITH made AS (
                INSERT INTO flows (id, project_id, name, key, draft, created_at, updated_at) VALUES ($1, $2, $3, $4, $5::json, $6, $6)
                ON CONFLICT (project_id, key) WHERE deleted_at IS NULL AND key IS NOT NULL DO NOTHING
                RETURNING id)
            SELECT id FROM made UNION ALL SELECT id FROM flows WHERE project_id = $2 AND key = $4 AND deleted_at IS NULL LIMIT 1
            """);
        command.Parameters.Add(RunSql.Value(Guid.CreateVersion7(now), NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(projectId, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(Name, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(Key, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(Definition, NpgsqlDbType.Text));
        command.Parameters.Add(RunSql.Value(now, NpgsqlDbType.TimestampTz));
        return (Guid)(await command.ExecuteScalarAsync(cancel) ?? throw new UnavailableException("The sample flow was deleted in this very moment. Try again."));
    }

    /// <summary>Starts a test run of the sample as it is written here, whatever somebody has made of the flow's draft.</summary>
    /// <param name="hold">How long the steps that are to be cut off are under way.</param>
    public Task StartAsync(Guid projectId, Guid flowId, Guid runId, TimeSpan hold, CancellationToken cancel) =>
        starter.StartDefinitionAsync(projectId, flowId, Definition, runId, RawJson.Parse($$"""{ "holdMs": {{(long)hold.TotalMilliseconds}} }"""), cancel);
}
