using System.Text.Json;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;

namespace Flows.Api.Workers;

/// <summary>Hands runs to workers; the claims of several workers that ask at the same time share a commit.</summary>
internal sealed class RunClaims(
    RunStore store, RunReader runs, IOptions<RunOptions> options, IOptions<RunTimeouts> timeouts, TimeProvider clock)
    : GroupCommit<ClaimRequest, ClaimResponse>(
        new GroupCommitLimits(Writers: 2, MaxItems: 64, MaxBatchBytes: 64 << 10, MaxWaiting: 4096, MaxWaitingBytes: 64 << 20, options.Value.Patience), clock)
{
    private const int BytesOfAnId = 16;
    private static readonly Dictionary<string, RawJson> s_none = [];

    public Task<ClaimResponse> ClaimAsync(ClaimRequest request, CancellationToken cancel) =>
        CommitAsync(request, request.Runs.Count * BytesOfAnId, cancel);

    protected override async Task<IReadOnlyList<ClaimResponse>> CommitAsync(IReadOnlyList<ClaimRequest> items)
    {
        var asked = items.SelectMany(request => request.Runs.Select(run => (run, request.Worker))).Distinct().ToList();
        var claimed = await store.ClaimAsync(asked, CancellationToken.None);

        // Nobody else writes into these journals now: the attempts before are refused. If we die here, or this fails, the leases run out.
        var resumed = claimed.Where(run => run.Attempt > 1 || run.IsRetried).Select(run => run.RunId).ToList();
        var journals = resumed.Count == 0 ? [] : await runs.JournalsAsync(resumed, CancellationToken.None);

        var free = claimed.ToDictionary(run => (run.RunId, run.Worker));
        return items.Select(request => new ClaimResponse(
            [.. request.Runs.Where(run => free.ContainsKey((run, request.Worker))).Select(run =>
            {
                free.Remove((run, request.Worker), out var claim);
                return AsClaim(claim!, journals.GetValueOrDefault(run) ?? []);
            })],
            [])).ToList();
    }

    private RunClaim AsClaim(ClaimedRun run, List<StepRecord> journal) => new(
        run.RunId,
        run.Attempt,
        run.ProjectId,
        run.FlowId,
        run.FlowName,
        run.VersionId,
        run.Environment,
        (int)options.Value.Lease.TotalMilliseconds,
        Math.Max(1, (long)timeouts.Value.Flow.TotalMilliseconds - run.SpentMs),
        run.Trigger,
        journal,
        s_none,
        s_none,
        Inputs: run.EditedInput is { } edited ? JsonSerializer.Deserialize(edited.Utf8.Span, RunsJson.Default.DictionaryStringRawJson) : null);
}
