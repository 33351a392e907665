using System.Collections.Concurrent;
using Flows.Bench.Hosted;

namespace Flows.Bench.Chaos;

/// <param name="Runs">Runs that callers start.</param>
/// <param name="Kills">Processes that are killed meanwhile; a FLUSHALL counts as one.</param>
/// <param name="Seed">Decides flows, victims and pauses. The machine decides the rest.</param>
/// <param name="Lease">Of runs in Postgres, and three quarters of it of jobs in Redis; the product's default is 8 s.</param>
/// <param name="Settle">How long everything may take to come to its end after the last kill.</param>
internal sealed record CampaignPlan(int Runs, int Kills, int Seed, TimeSpan Lease, TimeSpan Settle)
{
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromMilliseconds(1200);
    public int Workers { get; init; } = 2;
}

/// <summary>What came of a campaign.</summary>
/// <param name="Statuses">How many runs ended how.</param>
/// <param name="LeftWaiting">Runs that waited for a decision when everything else had ended, and were decided then.</param>
internal sealed record CampaignOutcome(
    int Started, int WithoutAnswer, int RunsInPostgres, IReadOnlyDictionary<string, int> Kills, IReadOnlyDictionary<string, int> Statuses, int MostAttempts,
    int TakenUpAgain, int LedgerEntries, int LeftWaiting, int Happened, int Repeated, int FinishedLinesWatched, TimeSpan Took, TimeSpan Settled,
    IReadOnlyList<string> Violations);

/// <summary>Starts runs, kills processes, waits for the end of everything, and judges.</summary>
internal sealed class Campaign(CampaignPlan plan, TimeProvider clock, Action<string> say)
{
    private const int MostBusy = 250;
    private readonly ConcurrentQueue<StartedRun> _started = new();

    /// <param name="enough">Ends the storm early; what it has done by then is judged all the same.</param>
    public async Task<CampaignOutcome> RunAsync(CancellationToken enough, CancellationToken cancel)
    {
        await using var ledger = await Ledger.StartAsync(clock);
        await using var platform = await LocalPlatform.StartAsync(plan.Workers,
            $"--Flows:Runs:Lease={plan.Lease:c}", $"--Flows:Queue:Lease={plan.Lease * 0.75:c}",
            // So many kills hit the same run more than five times; that it then fails is another test's matter.
            "--Flows:Runs:MaxAttempts=100");
        var flows = new Dictionary<CampaignFlow, Guid>();
        foreach (var flow in CampaignFlow.All.Prepend(CampaignFlow.Called))
        {
            flows[flow] = await platform.Target.PublishAsync(flow.Name, flow.Definition.Replace("LEDGER", ledger.Address, StringComparison.Ordinal)
                .Replace("CALLED", $"{flows.GetValueOrDefault(CampaignFlow.Called)}", StringComparison.Ordinal));
        }

        var database = new CampaignDatabase(platform.Database, clock);
        var starter = new RunStarter(platform, flows, clock);
        var killer = new ProcessKiller(platform, database, new Random(plan.Seed), clock);
        var person = new DecidingPerson(platform, ledger, database, clock);
        var watcher = new JournalWatcher(database, _started, clock);
        var since = clock.GetTimestamp();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        Task[] background = [person.WorkAsync(over.Token), watcher.WorkAsync(over.Token)];

        await StormAsync(starter, killer, database, enough, cancel);
        var took = clock.GetElapsedTime(since);
        var settled = await SettleAsync(database, since: clock.GetTimestamp(), cancel);
        await over.CancelAsync();
        await Task.WhenAll(background);

        var waiting = await LastDecisionsAsync(person, database, cancel);
        var (runs, lines) = (await database.RunsAsync(cancel), await database.LinesAsync(cancel));
        watcher.CompareAll(lines);
        var verdict = new Verdict(flows.ToDictionary(flow => flow.Value, flow => flow.Key), runs, lines, ledger.Entries);
        List<string> violations = [.. verdict.Violations(_started), .. watcher.Violations, .. waiting.Violations];
        return new CampaignOutcome(
            _started.Count, starter.WithoutAnswer, runs.Count, killer.Kills,
            runs.CountBy(run => ((Contracts.Runs.RunStatus)run.Status).ToString()).ToDictionary(), runs.Max(run => run.Attempt), runs.Count(run => run.Attempt > 1),
            ledger.Entries.Count, waiting.Count, person.Happened, person.Repeated, watcher.Seen, took, settled, violations);
    }

    // Runs and kills are spread evenly over each other. The choices come from the seed, in one order.
    private async Task StormAsync(RunStarter starter, ProcessKiller killer, CampaignDatabase database, CancellationToken enough, CancellationToken cancel)
    {
        var random = new Random(plan.Seed ^ 0x5eed);
        var calls = new List<Task>();
        var number = 0;
        var since = clock.GetTimestamp();
        var (waited, slowed) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var kill = 1; kill <= plan.Kills && !enough.IsCancellationRequested; kill++)
        {
            for (var until = (long)plan.Runs * kill / plan.Kills; number < until;)
            {
                var flow = CampaignFlow.All[random.Next(CampaignFlow.All.Count)];
                var n = number++;
                calls.Add(StartAsync(starter, flow, n, cancel));
            }
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(100, (int)plan.LongestPause.TotalMilliseconds)), clock, cancel);
            waited += await killer.KillAsync(cancel);
            slowed += await UntilLessBusyAsync(database, cancel);
            calls.RemoveAll(call => call.IsCompletedSuccessfully);
            if (kill % 25 == 0)
                say($"{clock.GetElapsedTime(since):mm\\:ss}  {kill} of {plan.Kills} kills, {_started.Count} runs accepted, {await database.BusyAsync(cancel)} under way, "
                    + $"waited {waited.TotalSeconds:F0} s for runs to be held and {slowed.TotalSeconds:F0} s because too many were under way");
        }
        await Task.WhenAll(calls);
    }

    private async Task StartAsync(RunStarter starter, CampaignFlow flow, int number, CancellationToken cancel) =>
        _started.Enqueue(await starter.StartAsync(flow, number, cancel));

    // The machine may be too slow for the pace of the kills: then the storm waits, so that kills go on hitting the middle of things.
    private async Task<TimeSpan> UntilLessBusyAsync(CampaignDatabase database, CancellationToken cancel)
    {
        var since = clock.GetTimestamp();
        while (await database.BusyAsync(cancel) > MostBusy && clock.GetElapsedTime(since) < plan.Settle)
            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, cancel);
        return clock.GetElapsedTime(since);
    }

    private async Task<TimeSpan> SettleAsync(CampaignDatabase database, long since, CancellationToken cancel)
    {
        while (await database.BusyAsync(cancel) > 0 && clock.GetElapsedTime(since) < plan.Settle)
            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, cancel);
        return clock.GetElapsedTime(since);
    }

    private async Task<(int Count, List<string> Violations)> LastDecisionsAsync(DecidingPerson person, CampaignDatabase database, CancellationToken cancel)
    {
        var waiting = (await database.RunsAsync(cancel)).Where(run => run.Status == (short)Contracts.Runs.RunStatus.NeedsDecision).ToList();
        var violations = waiting.Where(run => !run.IsWaitingExplained).Select(run => $"run {run.Id} waits for a decision and does not say on what").ToList();
        for (var since = clock.GetTimestamp(); clock.GetElapsedTime(since) < plan.Settle;)
        {
            await person.DecideAsync(leaveSome: false, cancel);
            await Task.Delay(TimeSpan.FromMilliseconds(300), clock, cancel);
            if ((await database.RunsAsync(cancel)).All(run => run.Status > (short)Contracts.Runs.RunStatus.NeedsDecision))
                break;
        }
        return (waiting.Count, violations);
    }
}
