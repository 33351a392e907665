using Flows.Api.Projects;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Api.Waits;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;

namespace Flows.Api.Workers;

/// <summary>Hands runs to workers; the claims of several workers that ask at the same time share a commit.</summary>
internal sealed class RunClaims(
    RunStore store, RunReader runs, RunValues values, WaitReader waits, RunLinks links, IOptions<RunOptions> options, ProjectTermsBook projects,
    RunMetrics metrics, TimeProvider clock)
    : GroupCommit<AskedClaim, ClaimResponse>("claim",
        new GroupCommitLimits(Writers: 2, MaxItems: 64, MaxBatchBytes: 64 << 10, MaxWaiting: 4096, MaxWaitingBytes: 64 << 20, options.Value.Patience), metrics, clock)
{
    private const int BytesOfAnId = 16;
    private static readonly Dictionary<string, RawJson> s_none = [];
    private readonly TimeProvider _clock = clock;

    /// <param name="linkBase">Where callers outside reach this installation.</param>
    public Task<ClaimResponse> ClaimAsync(ClaimRequest request, string linkBase, CancellationToken cancel) =>
        CommitAsync(new AskedClaim(request, linkBase), request.Runs.Count * BytesOfAnId, cancel);

    protected override async Task<IReadOnlyList<ClaimResponse>> CommitAsync(IReadOnlyList<AskedClaim> items)
    {
        var withheld = await WithheldAsync(items);
        var asked = items.SelectMany(item => item.Request.Runs.Where(run => !withheld.Contains((run, item.Request.Worker))).Select(run => (run, item.Request.Worker))).Distinct().ToList();
        var claimed = await store.ClaimAsync(asked, CancellationToken.None);

        var now = _clock.GetUtcNow();
        foreach (var run in claimed.Where(run => run.Attempt == 1))
            Metrics.Claimed(run.RunId, now);

        var tests = claimed.Where(run => run.Environment == RunEnvironment.Test).Select(run => run.RunId).ToList();
        var plans = tests.Count == 0 ? [] : await store.PlansAsync(tests, CancellationToken.None);

        // Nobody else writes into these journals now: the attempts before are refused. If we die here, or this fails, the leases run out.
        var resumed = claimed.Where(run => run.Attempt > 1 || run.IsRetried).Select(run => run.RunId).ToList();
        var journals = resumed.Count == 0 ? [] : await runs.JournalsAsync(resumed, CancellationToken.None);
        var points = resumed.Count == 0 ? [] : await waits.StatesAsync(resumed, CancellationToken.None);

        var terms = new Dictionary<Guid, ProjectTerms>();
        foreach (var project in claimed.Select(run => run.ProjectId).Distinct())
            terms[project] = await projects.OfAsync(project);

        var fetching = items.Where(item => item.Request.FetchesValues).Select(item => item.Request.Worker).ToHashSet();
        var writers = claimed.ToDictionary(run => (run.RunId, run.Worker), run =>
            (Run: run, Claim: new ClaimWriter(run, journals.GetValueOrDefault(run.RunId) ?? [], points.GetValueOrDefault(run.RunId), fetching.Contains(run.Worker))));
        var large = await values.ReadAsync([.. writers.Values.SelectMany(writer => writer.Claim.Wanted)], CancellationToken.None);

        return items.Select(item => new ClaimResponse(
            [.. item.Request.Runs.Where(run => writers.ContainsKey((run, item.Request.Worker))).Select(run =>
            {
                writers.Remove((run, item.Request.Worker), out var writer);
                return writer.Claim.Write(TermsOf(writer.Run, terms[writer.Run.ProjectId], item.LinkBase, plans.GetValueOrDefault(run)), large);
            })],
            [.. item.Request.Runs.Where(run => withheld.Contains((run, item.Request.Worker)))])).ToList();
    }

    /// <summary>Test runs with a plan that a worker of an earlier version asks for: it would do what is given, so the jobs go back to the queue for another.</summary>
    private async Task<HashSet<(Guid Run, string Worker)>> WithheldAsync(IReadOnlyList<AskedClaim> items)
    {
        var asked = items.Where(item => !item.Request.TakesTests).SelectMany(item => item.Request.Runs.Select(run => (run, item.Request.Worker))).ToList();
        if (asked.Count == 0)
            return [];
        var plans = await store.PlansAsync([.. asked.Select(ask => ask.run).Distinct()], CancellationToken.None);
        return [.. asked.Where(ask => plans.ContainsKey(ask.run))];
    }

    private RunClaim TermsOf(ClaimedRun run, ProjectTerms project, string linkBase, TestPlan? test) => new(
        run.RunId,
        run.Attempt,
        run.ProjectId,
        run.FlowId,
        run.FlowName,
        run.VersionId,
        run.Environment,
        (int)options.Value.Lease.TotalMilliseconds,
        Math.Max(1, (long)project.RunTimeout.TotalMilliseconds - run.SpentMs),
        RawJson.Null,
        [],
        s_none,
        s_none,
        Pauses: new PauseTerms(Math.Max(0, (long)project.Paused.TotalMilliseconds - run.PausedMs), linkBase, links.KeyOf(run.RunId)),
        IsOnItsOwn: run.IsOnItsOwn,
        TraceParent: run.TraceParent,
        Test: test,
        OnUncertain: project.OnUncertain);
}

/// <param name="LinkBase">As this caller sees the installation, unless a setting says how others do.</param>
internal sealed record AskedClaim(ClaimRequest Request, string LinkBase);
