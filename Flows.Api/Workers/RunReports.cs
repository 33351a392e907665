using Flows.Api.Runs;
using Flows.Api.Runs.Events;
using Flows.Api.Runs.Values;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Api.Workers;

/// <summary>Writes what workers report; reports that arrive together share a commit.</summary>
internal sealed partial class RunReports(
    RunStore store, TestSamples announcer, RunListeners listeners, IOptions<RunOptions> options, RunMetrics metrics, TimeProvider clock, ILogger<RunReports> log)
    : GroupCommit<IReadOnlyList<PackedReport>, ReportResponse>("report",
        new GroupCommitLimits(Writers: 2, MaxItems: 64, MaxBatchBytes: 8 << 20, MaxWaiting: 1024, MaxWaitingBytes: 512L << 20, options.Value.Patience), metrics, clock)
{
    /// <param name="bytes">Size of the request.</param>
    public Task<ReportResponse> ReportAsync(ReportRequest request, long bytes, CancellationToken cancel) => CommitAsync(
        [.. request.Runs.Select(report => store.Pack(request.Worker, report with { Steps = LatestOfEachPath(report.Steps) }))], bytes, cancel);

    protected override async Task<IReadOnlyList<ReportResponse>> CommitAsync(IReadOnlyList<IReadOnlyList<PackedReport>> items)
    {
        var stale = items.Select(_ => new List<HeldRun>()).ToList();
        var wave = new List<PackedReport>();
        var answers = new List<List<HeldRun>>();
        var held = new HashSet<(Guid, int)>();
        for (var i = 0; i < items.Count; i++)
        {
            foreach (var packed in items[i])
            {
                var report = packed.Report;
                // Two reports of one claim are written one after the other: a line may be in both.
                if (!held.Add((report.RunId, report.Attempt)))
                {
                    await WriteAsync(wave, answers);
                    (wave, answers, held) = ([], [], [(report.RunId, report.Attempt)]);
                }
                wave.Add(packed);
                answers.Add(stale[i]);
            }
        }
        await WriteAsync(wave, answers);
        return stale.ConvertAll(runs => new ReportResponse(runs));
    }

    /// <param name="answers">For each report the list that it joins when it is stale.</param>
    private async Task WriteAsync(List<PackedReport> wave, List<List<HeldRun>> answers)
    {
        if (wave.Count == 0)
            return;
        ReportedRuns written;
        try
        {
            written = await store.ReportAsync(wave, CancellationToken.None);
        }
        catch (PostgresException error) when (RunSql.IsRefusedData(error))
        {
            await WriteAloneAsync(wave, answers, error);
            return;
        }
        announcer.Announce(written.News);
        listeners.Tell(wave.Select(packed => packed.Report.RunId));
        for (var i = 0; i < wave.Count; i++)
        {
            var (worker, report) = (wave[i].Worker, wave[i].Report);
            if (!written.Taken.Contains((report.RunId, report.Attempt, worker)))
                answers[i].Add(new HeldRun(report.RunId, report.Attempt));
        }
    }

    /// <summary>One run's data cannot be stored: the others must not suffer, and the run must end, or its worker would report it for ever.</summary>
    private async Task WriteAloneAsync(List<PackedReport> wave, List<List<HeldRun>> answers, PostgresException error)
    {
        if (wave.Count > 1)
        {
            for (var i = 0; i < wave.Count; i++)
                await WriteAsync([wave[i]], [answers[i]]);
            return;
        }
        var (worker, report) = (wave[0].Worker, wave[0].Report);
        LogRefused(log, report.RunId, error.SqlState);
        var failed = new RunOutcome(RunStatus.Failed, Error: new StepError("limit", $"The results of the run cannot be stored: {error.MessageText}."));
        var written = await store.ReportAsync([(worker, new RunReport(report.RunId, report.Attempt, [], Outcome: failed))], CancellationToken.None);
        announcer.Announce(written.News);
        answers[0].Add(new HeldRun(report.RunId, report.Attempt));
    }

    private static IReadOnlyList<StepRecord> LatestOfEachPath(IReadOnlyList<StepRecord> steps)
    {
        var latest = new OrderedDictionary<string, StepRecord>(steps.Count, StringComparer.Ordinal);
        foreach (var step in steps)
        {
            if (!latest.TryGetValue(step.Path, out var earlier) || !earlier.IsFinished)
                latest[step.Path] = step;
        }
        return latest.Count == steps.Count ? steps : [.. latest.Values];
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Run} failed: Postgres refuses its results ({SqlState})")]
    private static partial void LogRefused(ILogger log, Guid run, string sqlState);
}
