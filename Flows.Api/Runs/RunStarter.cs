using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>Makes runs of flows: of the published version, or of the draft as it is now.</summary>
internal sealed class RunStarter(RunInbox inbox, KeyedRunInbox keyed, RunWaiters waiters, NpgsqlDataSource db, TimeProvider clock)
{
    /// <summary>Accepts a run; when this returns it is in Postgres.</summary>
    /// <param name="flow">Enabled and published.</param>
    /// <param name="waiter">Set when the caller waits; made by <see cref="NewWaiter"/> for the same run.</param>
    /// <param name="tags">Words that the run is found by.</param>
    public async Task<NewRun> StartAsync(
        PublishedFlow flow, Guid runId, RunOrigin origin, RawJson trigger, RunWaiters.Waiter? waiter, CancellationToken cancel, IReadOnlyList<string>? tags = null)
    {
        var run = RunOf(flow, runId, origin, trigger, waiter, tags);
        await inbox.AcceptAsync(run, cancel);
        return run;
    }

    /// <summary>The same, unless an earlier call with the key has started one: then that run is the outcome, and nothing is written.</summary>
    public Task<KeyedOutcome> StartOnceAsync(
        PublishedFlow flow, Guid runId, RunOrigin origin, RawJson trigger, RunWaiters.Waiter? waiter, IReadOnlyList<string> tags, byte[] keyHash, byte[] bodyHash,
        CancellationToken cancel) =>
        keyed.AcceptAsync(new KeyedRun(RunOf(flow, runId, origin, trigger, waiter, tags), keyHash, bodyHash), cancel);

    private NewRun RunOf(PublishedFlow flow, Guid runId, RunOrigin origin, RawJson trigger, RunWaiters.Waiter? waiter, IReadOnlyList<string>? tags) =>
        new(runId, flow.ProjectId, flow.FlowId, flow.VersionId!.Value, flow.Version, RunEnvironment.Production, origin,
            waiter is null ? RunPriority.Normal : RunPriority.Sync, clock.GetUtcNow(), trigger, waiter is null ? null : waiters.Instance)
        { Tags = tags ?? [], TraceParent = RunTraces.Parent };

    /// <summary>Accepts a test run of the flow's draft from its beginning to its end. Null: the project has no such flow.</summary>
    public async Task<NewRun?> StartDraftAsync(
        Guid projectId, Guid flowId, Guid runId, RunOrigin origin, RawJson trigger, IReadOnlyList<string> tags, CancellationToken cancel) =>
        await SnapshotDraftAsync(projectId, flowId, cancel) is { } versionId
            ? await StartTestAsync(projectId, flowId, versionId, runId, origin, trigger, plan: null, waiter: null, tags, cancel)
            : null;

    /// <summary>Accepts a test run of a definition that Flows itself brings along, under a flow of the project.</summary>
    /// <exception cref="UnavailableException">The flow is gone.</exception>
    public async Task StartDefinitionAsync(Guid projectId, Guid flowId, string definition, Guid runId, RawJson trigger, CancellationToken cancel)
    {
        var version = await SnapshotAsync(projectId, flowId, definition, cancel) ?? throw new UnavailableException("The flow of the run was deleted in this very moment.");
        await StartTestAsync(projectId, flowId, version, runId, RunOrigin.Test, trigger, plan: null, waiter: null, [], cancel);
    }

    /// <summary>Accepts a test run of a draft's copy.</summary>
    /// <param name="versionId">Of <see cref="SnapshotDraftAsync"/>.</param>
    /// <param name="plan">What it takes as given and where it ends; null for nothing and at the end.</param>
    public async Task<NewRun> StartTestAsync(
        Guid projectId, Guid flowId, Guid versionId, Guid runId, RunOrigin origin, RawJson trigger, TestPlan? plan, RunWaiters.Waiter? waiter,
        IReadOnlyList<string> tags, CancellationToken cancel)
    {
        var run = new NewRun(runId, projectId, flowId, versionId, null, RunEnvironment.Test, origin,
            RunPriority.Test, clock.GetUtcNow(), trigger, waiter is null ? null : waiters.Instance)
        { Tags = tags, TraceParent = RunTraces.Parent, Test = RunStore.PackPlan(plan) };
        await inbox.AcceptAsync(run, cancel);
        return run;
    }

    /// <summary>The id of a run that is about to be accepted.</summary>
    public Guid NewId() => Guid.CreateVersion7(clock.GetUtcNow());

    /// <summary>
    /// The copy of a draft that test runs walk: engines and workers keep definitions by id, so it never changes; the newest copy serves while the
    /// draft is the same. Two first test runs at once may both make one, which costs a row.
    /// </summary>
    /// <returns>Null: the project has no such flow.</returns>
    public Task<Guid?> SnapshotDraftAsync(Guid projectId, Guid flowId, CancellationToken cancel) => SnapshotAsync(projectId, flowId, definition: null, cancel);

    /// <param name="definition">Null takes the flow's draft.</param>
    private async Task<Guid?> SnapshotAsync(Guid projectId, Guid flowId, string? definition, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("""
            WITH flow AS (
                SELECT id, coalesce($5::json, draft) AS draft FROM flows WHERE id = $1 AND project_id = $2 AND deleted_at IS NULL
            ), newest AS (
                SELECT v.id, v.definition FROM flow_versions v JOIN flow ON v.flow_id = flow.id WHERE v.number IS NULL ORDER BY v.id DESC LIMIT 1
            ), made AS (
                INSERT INTO flow_versions (id, flow_id, number, definition, created_at)
                SELECT $3, flow.id, NULL, flow.draft, $4 FROM flow
                WHERE NOT EXISTS (SELECT FROM newest WHERE newest.definition::text = flow.draft::text)
                RETURNING id
            )
            SELECT coalesce((SELECT id FROM made), (SELECT id FROM newest)) FROM flow
            """, connection)
        {
            Parameters =
            {
                RunSql.Value(flowId, NpgsqlDbType.Uuid),
                RunSql.Value(projectId, NpgsqlDbType.Uuid),
                RunSql.Value(NewId(), NpgsqlDbType.Uuid),
                RunSql.Value(clock.GetUtcNow(), NpgsqlDbType.TimestampTz),
                RunSql.Value(definition, NpgsqlDbType.Text),
            },
        };
        await using var row = await command.ExecuteReaderAsync(cancel);
        var found = await row.ReadAsync(cancel) ? row.GetGuid(0) : (Guid?)null;
        await row.NextResultAsync(cancel); // the commit
        return found;
    }
}
