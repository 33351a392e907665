using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>A run that its caller may ask for again.</summary>
/// <param name="KeyHash">SHA-256 of the caller's key.</param>
/// <param name="BodyHash">SHA-256 of what the caller sent.</param>
internal sealed record KeyedRun(NewRun Run, byte[] KeyHash, byte[] BodyHash);

/// <param name="RunId">The run that the key stands for: this one, or one that was accepted before.</param>
/// <param name="IsNew">The run was written.</param>
/// <param name="SameBody">False: the key stands for something else.</param>
internal sealed record KeyedOutcome(Guid RunId, bool IsNew, bool SameBody);

internal sealed partial class RunStore
{
    // Each statement returns rows, also where nobody reads them: the reader of a batch passes over those that cannot.
    // A key is taken by one row. A second transaction with the same key waits here for the commit of the first, whatever replica it comes from.
    // Keys are taken in their order, so that two batches can never wait for each other.
    private const string TakeKeys = """
        INSERT INTO webhook_keys (flow_id, key_hash, body_hash, run_id, created_at)
        SELECT DISTINCT ON (k.flow_id, k.key_hash) k.flow_id, k.key_hash, k.body_hash, k.run_id, $5
        FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::uuid[]) AS k(flow_id, key_hash, body_hash, run_id)
        ORDER BY k.flow_id, k.key_hash, k.run_id
        ON CONFLICT (flow_id, key_hash) DO UPDATE SET body_hash = EXCLUDED.body_hash, run_id = EXCLUDED.run_id, created_at = EXCLUDED.created_at
            WHERE webhook_keys.created_at < $6
        RETURNING 1
        """;

    private const string WithKey = """
        WHERE EXISTS (SELECT FROM webhook_keys k WHERE k.flow_id = n.flow_id AND k.key_hash = ANY($13) AND k.run_id = n.id)

        """;

    // A statement of its own: it sees what the transaction that we may have waited for has committed.
    private const string ReadKeys = """
        SELECT c.at, k.run_id, k.body_hash = c.body_hash FROM unnest($1::uuid[], $2::bytea[], $3::bytea[]) WITH ORDINALITY AS c(flow_id, key_hash, body_hash, at)
        JOIN webhook_keys k ON k.flow_id = c.flow_id AND k.key_hash = c.key_hash
        """;

    /// <summary>
    /// Writes runs as Queued together with their keys, in one commit; a run whose key is taken is not written. Writing the same again gives the
    /// same outcomes.
    /// </summary>
    /// <param name="forgotten">Keys that were taken before this moment are free.</param>
    public async Task<IReadOnlyList<KeyedOutcome>> AcceptOnceAsync(IReadOnlyList<KeyedRun> runs, DateTimeOffset forgotten, CancellationToken cancel)
    {
        var flows = Each(runs, item => item.Run.FlowId);
        var keys = Each(runs, item => item.KeyHash);
        var bodies = Each(runs, item => item.BodyHash);
        List<NewRun> plain = [.. runs.Select(item => Pack(item.Run))];
        var outcomes = new KeyedOutcome[runs.Count];
        var tagged = plain.Where(run => run.Tags.Count > 0).ToList();
        var large = plain.SelectMany(run => run.Large).ToList();
        var traced = plain.Where(run => run.TraceParent is not null).ToList();
        List<Statement> statements =
        [
            new(TakeKeys,
            [
                RunSql.Array(flows, NpgsqlDbType.Uuid),
                RunSql.Array(keys, NpgsqlDbType.Bytea),
                RunSql.Array(bodies, NpgsqlDbType.Bytea),
                RunSql.Array(Each(runs, item => item.Run.RunId), NpgsqlDbType.Uuid),
                RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz),
                RunSql.Value(forgotten, NpgsqlDbType.TimestampTz),
            ], static _ => { }),
            new(InsertRuns + WithKey + OnlyNew + " RETURNING 1", [.. ColumnsOf(plain), RunSql.Array(keys, NpgsqlDbType.Bytea)], static _ => { }),
            .. tagged.Count == 0 ? Array.Empty<Statement>() : [Tag(tagged)],
            .. large.Count == 0 ? Array.Empty<Statement>() : [Keep(large)],
            .. traced.Count == 0 ? Array.Empty<Statement>() : [Trace(traced)],
            new(ReadKeys,
            [
                RunSql.Array(flows, NpgsqlDbType.Uuid),
                RunSql.Array(keys, NpgsqlDbType.Bytea),
                RunSql.Array(bodies, NpgsqlDbType.Bytea),
            ], row =>
            {
                var index = (int)row.GetInt64(0) - 1;
                var run = row.GetGuid(1);
                outcomes[index] = new KeyedOutcome(run, run == runs[index].Run.RunId, row.GetBoolean(2));
            }),
        ];
        await WriteAllAsync(RunSql.Durable, statements, cancel);
        return outcomes;
    }

    /// <summary>Forgets keys that nobody can use any more, the oldest first.</summary>
    /// <returns>How many.</returns>
    public async Task<int> ForgetKeysAsync(DateTimeOffset before, int most, CancellationToken cancel) => (await WriteAsync(RunSql.Behind, """
        DELETE FROM webhook_keys WHERE (flow_id, key_hash) IN (
            SELECT flow_id, key_hash FROM webhook_keys WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
        RETURNING 1
        """, [RunSql.Value(before, NpgsqlDbType.TimestampTz), RunSql.Value(most, NpgsqlDbType.Integer)], static _ => 0, cancel)).Count;

    // A run that the statement before has not written, because its key was taken, gets no tags either.
    private const string InsertTags = """
        INSERT INTO run_tags (run_id, tag, project_id)
        SELECT t.run_id, t.tag, t.project_id FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS t(run_id, tag, project_id)
        WHERE EXISTS (SELECT FROM runs r WHERE r.id = t.run_id)
        ON CONFLICT (run_id, tag) DO NOTHING
        RETURNING 1
        """;

    private static Statement Tag(IEnumerable<NewRun> runs)
    {
        var lines = runs.SelectMany(run => run.Tags.Select(tag => (Run: run, Tag: tag))).ToList();
        return new(InsertTags,
        [
            RunSql.Array(Each(lines, line => line.Run.RunId), NpgsqlDbType.Uuid),
            RunSql.Array(Each(lines, line => line.Tag), NpgsqlDbType.Text),
            RunSql.Array(Each(lines, line => line.Run.ProjectId), NpgsqlDbType.Uuid),
        ], static _ => { });
    }
}
