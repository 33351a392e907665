using Flows.Api.Runs;
using Flows.Api.Workers;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;

namespace Flows.Api.Chaos;

/// <summary>Why a drill cannot begin.</summary>
/// <param name="Code">A stable word to branch on.</param>
internal sealed record ChaosRefusal(string Code, string Detail);

/// <summary>
/// Kills a worker in the middle of a sample run and watches what becomes of the run. All that is known of a drill is in its row: any replica may take the next
/// step of any drill, at any time and at the same time as another, and an API that dies in the middle costs nothing.
/// </summary>
internal sealed partial class ChaosDrills(
    ChaosRows rows, ChaosSample sample, WorkerRegistry workers, RunStore runs, RunAnnouncer announcer, RunStarter starter, IOptions<RunOptions> options, TimeProvider clock,
    ILogger<ChaosDrills> log)
{
    /// <summary>A drill that is not over after this is given up.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(4);

    private static readonly TimeSpan s_forAWorker = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_forAnotherWorker = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_forTheOrder = TimeSpan.FromSeconds(9);
    private static readonly TimeSpan s_longestHold = TimeSpan.FromSeconds(55); // a code step has a minute
    private static readonly TimeSpan s_tick = TimeSpan.FromMilliseconds(200);

    /// <summary>Begins a drill: its sample run is accepted when this returns.</summary>
    /// <returns>The drill's id, or why not.</returns>
    public async Task<(Guid? Id, ChaosRefusal? Refusal)> BeginAsync(Guid projectId, string startedBy, CancellationToken cancel)
    {
        if (!await rows.IsTestProjectAsync(projectId, cancel))
            return (null, new("not_a_test_project", "Workers are killed for test projects only. An owner or admin says that this is one: PATCH /api/v1/projects/{id} with { \"isTest\": true }."));
        var alive = (await workers.ListAsync(cancel)).Where(worker => worker.Alive).ToList();
        if (alive.Count < 2)
            return (null, new("too_few_workers", $"{(alive.Count == 0 ? "No worker is" : "Only one worker is")} alive. It takes a second one to go on with the run."));
        if (!alive.Exists(worker => worker.AllowsChaos))
            return (null, new("not_allowed_by_workers", "No worker may be told to end itself. Start workers with Flows__Worker__AllowChaos=true, where something starts them again."));

        var flowId = await sample.EnsureAsync(projectId, cancel);
        var (id, runId, now) = (Guid.CreateVersion7(clock.GetUtcNow()), starter.NewId(), clock.GetUtcNow());
        if (!await rows.TryBeginAsync(id, projectId, runId, flowId, startedBy, now, Longest, cancel))
            return (null, new("under_way", "A worker is being killed already, in this project or another. One at a time."));

        // As long as an order may take to reach the worker: two heartbeats in a lease at least.
        var hold = (options.Value.Lease / 2) + s_forTheOrder;
        try
        {
            await sample.StartAsync(projectId, flowId, runId, hold < s_longestHold ? hold : s_longestHold, cancel);
        }
        catch (Exception error) when (error is UnavailableException or OperationCanceledException)
        {
            await FailAsync((await rows.FindAsync(projectId, id, CancellationToken.None))!, run: null, "The sample run could not be started.", CancellationToken.None);
            throw;
        }
        LogBegun(log, id, runId, startedBy);
        return (id, null);
    }

    /// <summary>Takes the steps of a drill as they fall due, until it satisfies the condition, is over, or the time is up.</summary>
    /// <returns>What is known then.</returns>
    public async Task<ChaosReport?> FollowAsync(Guid projectId, Guid id, Predicate<ChaosReport> until, TimeSpan limit, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        while (true)
        {
            if (await rows.FindAsync(projectId, id, cancel) is not { } drill)
                return null;
            var report = await AdvanceAsync(drill, cancel);
            if (!report.IsOpen || until(report) || clock.GetElapsedTime(began) >= limit)
                return report;
            await Task.Delay(s_tick, clock, cancel);
        }
    }

    /// <summary>Takes one step of a drill if one is due.</summary>
    public async Task<ChaosReport> AdvanceAsync(ChaosDrill drill, CancellationToken cancel)
    {
        if (drill.EndedAt is { } ended)
            return drill.Kept ?? drill.Report(run: null, livesOn: false, ended, drill.Problem);
        var run = await rows.RunOfAsync(drill.RunId, cancel);
        return drill.OrderedAt is null ? await OrderAsync(drill, run, cancel) : await WatchAsync(drill, run, cancel);
    }

    private async Task<ChaosReport> OrderAsync(ChaosDrill drill, ChaosRun? run, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (run is { Status: not (RunStatus.Queued or RunStatus.Running) })
            return await FailAsync(drill, run, $"The sample run is {run.Status} before its worker was told anything.", cancel);
        if (now - drill.StartedAt > s_forAWorker)
        {
            return await FailAsync(drill, run, run is { Status: RunStatus.Running }
                ? $"The sample run has not come to the steps that are to be cut off within {s_forAWorker.TotalSeconds:0} s."
                : $"No worker has taken the sample run within {s_forAWorker.TotalSeconds:0} s.", cancel);
        }
        if (run is not { Status: RunStatus.Running, Worker: { } holder }
            || run.Lines.Count(line => line.Status == StepStatus.Running && ChaosSample.UnderWay.Contains(line.Path)) < ChaosSample.UnderWay.Count)
            return drill.Report(run, livesOn: false, endedAt: null, problem: null);

        var alive = (await workers.ListAsync(cancel)).Where(worker => worker.Alive).ToList();
        if (alive.Find(worker => worker.Id == holder) is not { AllowsChaos: true } target)
            return await FailAsync(drill, run, $"The worker {holder}, which has taken the run, may not be told to end itself (Flows__Worker__AllowChaos).", cancel);
        if (alive.Count < 2)
            return await FailAsync(drill, run, "Only one worker is alive by now.", cancel);

        // Written down first: whoever finds the worker gone knows why.
        if (await rows.TryOrderAsync(drill.Id, holder, target.Running, run.Attempt, run.Lines, now, cancel))
        {
            LogOrdered(log, drill.Id, holder, drill.RunId, run.Attempt);
            await workers.TellToEndAsync(holder, new HeldRun(drill.RunId, run.Attempt), cancel);
        }
        return (await rows.FindAsync(drill.ProjectId, drill.Id, cancel))!.Report(run, livesOn: false, endedAt: null, problem: null);
    }

    private async Task<ChaosReport> WatchAsync(ChaosDrill drill, ChaosRun? run, CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        if (run is null)
            return await FailAsync(drill, run, "The sample run is gone.", cancel);
        var all = await workers.ListAsync(cancel);
        var killed = all.Find(worker => worker.Id == drill.Worker);
        if (run.Attempt > drill.Attempt && drill.TakenAt is null)
            await rows.TryTakeAsync(drill.Id, run.Worker, run.ClaimedAt ?? now, killed?.SeenAt ?? drill.OrderedAt!.Value, cancel);
        if (run.AskedAbout is { } path)
        {
            // Noted before it is answered, so that the question is not forgotten when we die between the two.
            await rows.AskedAsync(drill.Id, path, cancel);
            if (await runs.TryDecideAsync(drill.ProjectId, drill.RunId, path, Decision.Repeat, output: null, cancel) is { } decided)
                announcer.Announce([decided]);
        }
        var successor = all.Where(worker => worker.StartedAt > drill.OrderedAt && worker.Host == killed?.Host).MinBy(worker => worker.StartedAt);
        if (successor is not null && drill.ReplacedBy is null)
            await rows.ReplacedAsync(drill.Id, successor.Id, successor.StartedAt, cancel);

        drill = (await rows.FindAsync(drill.ProjectId, drill.Id, cancel))!;
        var livesOn = killed is not null && killed.SeenAt > drill.TakenAt;
        if (drill.TakenAt is null && RunTransitions.IsFinal(run.Status))
            return await FailAsync(drill, run, $"The sample run ended before its worker had ended itself. With leases of {options.Value.Lease:c} (Flows__Runs__Lease) a worker hears of it too late.", cancel);
        if (drill.TakenAt is not null && RunTransitions.IsFinal(run.Status) && (drill.ReplacedBy is not null || now - drill.GoneAt > s_forAnotherWorker))
        {
            var report = drill.Report(run, livesOn, now, problem: null);
            if (await rows.TryEndAsync(report, cancel))
                LogOver(log, drill.Id, drill.Worker!, report.TakenOverAfterMs ?? 0, report.Findings.Count);
            return report;
        }
        return now - drill.StartedAt > Longest
            ? await FailAsync(drill, run, $"It was not over within {Longest.TotalMinutes:0} minutes.", cancel)
            : drill.Report(run, livesOn, endedAt: null, problem: null);
    }

    private async Task<ChaosReport> FailAsync(ChaosDrill drill, ChaosRun? run, string problem, CancellationToken cancel)
    {
        // The row last: whoever reads that it is over finds nobody told to end itself, and no run that still waits.
        if (drill.Worker is not null)
            await workers.TellToEndAsync(drill.Worker, run: null, cancel);
        if (run is not null && !RunTransitions.IsFinal(run.Status))
        {
            if (await runs.TryCancelAsync(drill.ProjectId, drill.RunId, cancel) is { } cancelled)
                announcer.Announce([cancelled]);
            run = await rows.RunOfAsync(drill.RunId, cancel);
        }
        var report = drill.Report(run, livesOn: false, clock.GetUtcNow(), problem);
        if (await rows.TryEndAsync(report, cancel))
            LogFailed(log, drill.Id, problem);
        return report;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Chaos {Drill}: a worker will be killed in the middle of the sample run {Run}, as {Person} has asked")]
    private static partial void LogBegun(ILogger log, Guid drill, Guid run, string person);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Chaos {Drill}: the worker {Worker} is told to end itself in the middle of run {Run}, attempt {Attempt}")]
    private static partial void LogOrdered(ILogger log, Guid drill, string worker, Guid run, int attempt);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Chaos {Drill}: the run of the killed worker {Worker} went on after {Milliseconds} ms and is over; {Findings} findings")]
    private static partial void LogOver(ILogger log, Guid drill, string worker, double milliseconds, int findings);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Chaos {Drill} came to nothing: {Reason}")]
    private static partial void LogFailed(ILogger log, Guid drill, string reason);
}
