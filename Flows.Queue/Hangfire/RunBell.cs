using Flows.Contracts.Runs;
using Hangfire;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Flows.Queue.Hangfire;

/// <summary>
/// The one job that Hangfire knows: a bell for a run. Its name, its method and the method's parameters are stored in Redis with every
/// job, so they never change. It takes no CancellationToken of Hangfire's: that one also ends when the job is merely delivered again.
/// </summary>
internal sealed partial class RunBell(
    HangfireRedis redis, IRunHandler handler, IBackgroundJobClient client, IHostApplicationLifetime lifetime, TimeProvider clock,
    ILogger<RunBell> logger)
{
    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(5);

    /// <summary>Always succeeds, unless Redis is away: how the run went is in its row. What Hangfire would retry here is rung for again.</summary>
    [AutomaticRetry(Attempts = 0, OnAttemptsExceeded = AttemptsExceededAction.Delete)]
    public async Task Run(Guid runId, Guid projectId, int priority)
    {
        await redis.Database.KeyDeleteAsync(redis.Bell(runId)); // from here on a new ring is a new delivery

        var settlement = await HandleAsync(new RunJob(runId, projectId, (RunPriority)priority));
        if (!settlement.IsDone)
            client.Schedule<RunBell>(Lanes.Of((RunPriority)priority), bell => bell.Run(runId, projectId, priority), DueAfter(settlement.Delay));
    }

    /// <summary>Rounded up: Hangfire keeps whole seconds only and drops the rest, so that a job would come up to a second early.</summary>
    private DateTimeOffset DueAfter(TimeSpan delay)
    {
        var due = clock.GetUtcNow() + delay;
        return due.AddTicks((TimeSpan.TicksPerSecond - due.Ticks % TimeSpan.TicksPerSecond) % TimeSpan.TicksPerSecond);
    }

    private async Task<JobSettlement> HandleAsync(RunJob job)
    {
        try
        {
            return await handler.HandleAsync(job, lifetime.ApplicationStopping);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return JobSettlement.NotNow(TimeSpan.Zero);
        }
        catch (Exception error)
        {
            // The pump's one catch-all: whatever a handler throws is a delivery that failed.
            LogFailed(logger, error, job.RunId);
            return JobSettlement.NotNow(s_afterFailure);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The run {RunId} could not be handled; it will be delivered again.")]
    private static partial void LogFailed(ILogger logger, Exception error, Guid runId);
}
