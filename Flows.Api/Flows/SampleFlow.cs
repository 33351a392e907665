using Npgsql;

namespace Flows.Api.Flows;

/// <summary>What somebody who has just started Flows finds there: a published flow that answers a webhook.</summary>
internal sealed class SampleFlow(TimeProvider clock)
{
    public const string Definition = """
        {
          "schema": 1,
          "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
          "steps": [
            { "name": "greet", "kind": "code", "language": "javascript",
              "input": { "body": "{{trigger.body}}" },
              "source": "export default ({ body }) => `Hello, ${body?.name ?? 'world'}!`;" },
            { "name": "answer", "kind": "respond", "status": 200, "body": { "greeting": "{{greet}}" } }
          ]
        }
        """;

    /// <summary>Part of the caller's transaction.</summary>
    public async Task AddAsync(NpgsqlConnection connection, Guid projectId, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var command = new NpgsqlCommand("""
            WITH flow AS (
                INSERT INTO flows (id, project_id, name, key, draft, published_version_id, created_at, updated_at)
                VALUES ($1, $2, 'Hello', 'hello', $3::json, $4, $5, $5) RETURNING id, draft)
            INSERT INTO flow_versions (id, flow_id, number, definition, created_by, created_at)
            SELECT $4, id, 1, draft, 'Flows', $5 FROM flow
            """, connection)
        {
            Parameters =
            {
                new() { Value = Guid.CreateVersion7(now) }, new() { Value = projectId }, new() { Value = Definition },
                new() { Value = Guid.CreateVersion7(now) }, new() { Value = now },
            },
        };
        await command.ExecuteNonQueryAsync(cancel);
    }
}
