using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Api;

namespace Flows.Worker.Runs;

/// <summary>What came of asking for a run.</summary>
/// <param name="Run">The run, when it is ours now.</param>
/// <param name="TryAgainIn">When it is not: null says that the job is to be forgotten, a time says when to ask again.</param>
internal readonly record struct ClaimAnswer(LiveRun? Run, TimeSpan? TryAgainIn);

/// <summary>
/// Claims runs for all slots of this worker. Calls that come while one is on its way share the next: one slot waits for nobody, and under
/// load a call claims as many runs as have come together. No timer is needed for that.
/// </summary>
internal sealed partial class RunClaims(FlowsApi api, LiveRuns live, WorkerIdentity worker, TimeProvider clock, ILogger<RunClaims> logger)
{
    private const int MostRuns = 100;
    private const int MostTries = 4;
    private static readonly TimeSpan s_projectFull = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Queue<Request> _waiting = new();
    private bool _isCalling;

    /// <summary>Asks for one run. It cannot be cancelled: a claim that is under way may have been granted, and somebody must then own it.</summary>
    public Task<ClaimAnswer> ClaimAsync(Guid runId)
    {
        var request = new Request(runId);
        lock (_lock)
        {
            _waiting.Enqueue(request);
            if (!_isCalling)
            {
                _isCalling = true;
                _ = Task.Run(CallWhileWaitedAsync);
            }
        }
        return request.Answer.Task;
    }

    private async Task CallWhileWaitedAsync()
    {
        while (true)
        {
            List<Request> batch = [];
            lock (_lock)
            {
                while (batch.Count < MostRuns && _waiting.TryDequeue(out var request))
                    batch.Add(request);
                _isCalling = batch.Count > 0;
            }
            if (batch.Count == 0)
                return;
            await ClaimAsync(batch);
        }
    }

    private async Task ClaimAsync(List<Request> batch)
    {
        var request = new ClaimRequest(worker.Id, [.. batch.Select(item => item.RunId).Distinct()], FetchesValues: true, TakesTests: true);
        for (var failures = 0; ;)
        {
            // The lease is counted from before the question was sent. Should the answer be lost, the API gives the runs to somebody else
            // when their leases run out.
            var sentAt = clock.GetTimestamp();
            try
            {
                Settle(batch, await api.ClaimAsync(request, CancellationToken.None), sentAt);
                return;
            }
            catch (ApiException error)
            {
                failures++;
                if (error.IsRefusal || failures >= MostTries)
                {
                    LogClaimFailed(logger, batch.Count, failures, error.Message);
                    foreach (var item in batch)
                        item.Answer.SetResult(new ClaimAnswer(null, BackOff.After(5)));
                    return;
                }
            }
            await Task.Delay(BackOff.After(failures), clock);
        }
    }

    private void Settle(List<Request> batch, ClaimResponse response, long sentAt)
    {
        var claims = response.Claims.DistinctBy(claim => claim.RunId).ToDictionary(claim => claim.RunId);
        var notNow = response.NotNow.ToHashSet();
        foreach (var item in batch)
        {
            // Two jobs for one run in one batch: the first takes the claim, the second is a bell that was heard.
            if (claims.Remove(item.RunId, out var claim))
            {
                var run = new LiveRun(claim, sentAt, clock);
                live.Add(run);
                item.Answer.SetResult(new ClaimAnswer(run, null));
            }
            else
                item.Answer.SetResult(new ClaimAnswer(null, notNow.Contains(item.RunId) ? s_projectFull : null));
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Count} runs could not be claimed after {Tries} tries and go back to the queue: {Reason}")]
    private static partial void LogClaimFailed(ILogger logger, int count, int tries, string reason);

    private sealed record Request(Guid RunId)
    {
        public TaskCompletionSource<ClaimAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
