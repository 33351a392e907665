using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Api;
using Flows.Worker.Egress;
using Flows.Worker.Sandbox;
using Flows.Worker.Sandbox.Groups;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Runs;

/// <summary>
/// Renews the claims of all held runs in one call, as often as a setting says, and tells the API that this worker lives. A run that the API does not
/// renew is ended at once; when the API cannot be reached, the lease of each run ends it (see <see cref="LiveRun"/>).
/// </summary>
internal sealed partial class Heartbeat(
    FlowsApi api, LiveRuns live, EngineProcesses engines, EgressBroker egress, ControlGroups groups, WorkerIdentity worker, IOptions<WorkerOptions> options,
    IOptions<ExecutionOptions> execution, TimeProvider clock, ILogger<Heartbeat> logger) : BackgroundService
{
    private long _leaseTicks = LeaseTerms.DefaultLease.Ticks;
    private bool _isHurried;

    /// <summary>The lease that the API grants; the default until it has said so.</summary>
    public TimeSpan Lease => TimeSpan.FromTicks(Interlocked.Read(ref _leaseTicks));

    /// <summary>From the start of one heartbeat to the next. A setting that does not fit the lease of the API gives way to it.</summary>
    private TimeSpan Every()
    {
        if (options.Value.HeartbeatEvery is not { } every)
            return Lease / LeaseTerms.BeatsInALease;
        if (every <= Lease / 2)
            return every;
        if (!_isHurried)
        {
            _isHurried = true;
            LogHurried(logger, every, Lease);
        }
        return Lease / 2;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            for (var failures = 0; ;)
            {
                var started = clock.GetTimestamp();
                failures = await BeatAsync(timeout: Lease / 4, stoppingToken) ? 0 : failures + 1;

                // The lease may have changed with the answer.
                var wait = failures == 0 ? Every() - clock.GetElapsedTime(started) : BackOff.After(failures);
                if (wait > TimeSpan.Zero)
                    await Task.Delay(wait, clock, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Nothing is held any more; the API forgets this worker when it has not heard of it for a while.
        }
    }

    private async Task<bool> BeatAsync(TimeSpan timeout, CancellationToken stopping)
    {
        var held = live.All;
        var info = new WorkerInfo(
            worker.Version, Environment.MachineName, Environment.ProcessId, worker.StartedAt,
            options.Value.Concurrency, held.Count, engines.Count, execution.Value.EffectiveMode,
            execution.Value.WhyMode, egress.Mode, (await egress.DescribeAsync()).How, options.Value.AllowChaos, groups.How);
        var sentAt = clock.GetTimestamp();
        HeartbeatResponse response;
        try
        {
            response = await api.HeartbeatAsync(new HeartbeatRequest(worker.Id, info, [.. held.Select(run => run.Held)]), timeout, stopping);
        }
        catch (ApiException error)
        {
            LogHeartbeatFailed(logger, held.Count, error.Message);
            return false;
        }

        if (response.End is { } end && options.Value.AllowChaos && held.Any(run => run.Held == end))
        {
            LogEnding(logger, end.RunId, end.Attempt, held.Count);
            AbruptEnd.OfThisProcess();
        }

        var lost = response.Lost.ToHashSet();
        var lease = TimeSpan.FromMilliseconds(Math.Clamp(response.LeaseMs, 1_000, 600_000));
        Interlocked.Exchange(ref _leaseTicks, lease.Ticks);
        var left = lease - clock.GetElapsedTime(sentAt);
        foreach (var run in held)
        {
            if (lost.Contains(run.Held))
            {
                LogLost(logger, run.Held.RunId, run.Held.Attempt);
                run.Lose(RunEnd.Lost);
            }
            else
                run.Renew(left);
        }
        return true;
    }

    [LoggerMessage(LogLevel.Warning, "The heartbeat for {Count} runs failed: {Reason}")]
    private static partial void LogHeartbeatFailed(ILogger logger, int count, string reason);

    [LoggerMessage(LogLevel.Warning, "Flows__Worker__HeartbeatEvery is {Every}, and the API grants leases of {Lease}: claims are renewed twice in each instead")]
    private static partial void LogHurried(ILogger logger, TimeSpan every, TimeSpan lease);

    [LoggerMessage(LogLevel.Critical, "This worker ends itself as it was told to, in the middle of run {RunId}, attempt {Attempt}; it holds {Count} runs in all.")]
    private static partial void LogEnding(ILogger logger, Guid runId, int attempt, int count);

    [LoggerMessage(LogLevel.Information, "Run {RunId}, attempt {Attempt}, is no longer ours: its engine is ended.")]
    private static partial void LogLost(ILogger logger, Guid runId, int attempt);
}
