using Flows.Api.Migrations;
using Flows.Api.Webhooks;
using Flows.Queue;
using Microsoft.Extensions.Options;

namespace Flows.Api.Runs;

/// <summary>Takes runs in whose callers may send them again: see <see cref="RunInbox"/>. The same key gives the same run, on every replica and after every crash.</summary>
internal sealed class KeyedRunInbox(RunStore store, RunBells bells, IOptions<RunOptions> options, IOptions<WebhookOptions> webhooks, RunMetrics metrics, TimeProvider clock)
    : GroupCommit<KeyedRun, KeyedOutcome>("accept_once",
        new GroupCommitLimits(Writers: 2, MaxItems: 128, MaxBatchBytes: 8 << 20, MaxWaiting: 4096,
            MaxWaitingBytes: (long)options.Value.PendingMiB << 20, options.Value.Patience), metrics, clock)
{
    private const int Tries = 3;
    private readonly TimeProvider _clock = clock;

    /// <exception cref="UnavailableException">Not accepted, or Postgres did not say so in time: the caller sends it again.</exception>
    public Task<KeyedOutcome> AcceptAsync(KeyedRun run, CancellationToken cancel) =>
        CommitAsync(run with { Run = store.Pack(run.Run) }, run.Run.Trigger.Length + 1024, cancel);

    protected override async Task<IReadOnlyList<KeyedOutcome>> CommitAsync(IReadOnlyList<KeyedRun> items)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await store.AcceptOnceAsync(items, _clock.GetUtcNow() - webhooks.Value.KeyWindow, CancellationToken.None);
            }
            catch (Npgsql.NpgsqlException error) when (attempt < Tries && Database.IsUnavailable(error))
            {
                // As in RunInbox: the ids make the second try harmless.
            }
        }
    }

    protected override void AfterCommit(IReadOnlyList<KeyedRun> items, IReadOnlyList<KeyedOutcome> results)
    {
        for (var i = 0; i < items.Count; i++)
        {
            if (!results[i].IsNew)
                continue;
            Metrics.Accepted(items[i].Run.Origin, items[i].Run.Environment);
            bells.Ring(new RunJob(items[i].Run.RunId, items[i].Run.ProjectId, items[i].Run.Priority) { FlowId = items[i].Run.FlowId });
        }
    }
}

/// <summary>Forgets idempotency keys when their window is over.</summary>
internal sealed class KeyForgetter(RunStore store, IOptions<WebhookOptions> options, SchemaState schema, TimeProvider clock, ILogger<KeyForgetter> log)
    : Housekeeper(TimeSpan.FromMinutes(1), schema, clock, log)
{
    private const int MostAtOnce = 5_000;
    private readonly TimeProvider _clock = clock;

    internal override async Task<bool> SweepAsync(CancellationToken cancel) =>
        await store.ForgetKeysAsync(_clock.GetUtcNow() - options.Value.KeyWindow, MostAtOnce, cancel) == MostAtOnce;
}
