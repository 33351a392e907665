using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Api;

namespace Flows.Worker.Runs;

/// <summary>
/// Brings journal lines, responses and outcomes of all runs of this worker to the API: one call on its way, the rest gathers for the next.
/// So one run alone never waits for company, and many runs share a commit. Journal lines that no engine waits for are held back a moment.
/// </summary>
internal sealed partial class RunReporter(FlowsApi api, WorkerIdentity worker, WorkerMetrics metrics, TimeProvider clock, ILogger<RunReporter> logger) : BackgroundService
{
    private const int TriesTogether = 3;
    private const int TriesApart = 3;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly ReportBuffer _buffer = new(clock, mostBytes: 64L << 20, batchBytes: 8L << 20, patience: TimeSpan.FromMilliseconds(50));

    /// <summary>Takes lines of the journal. Waits while too much of it is on its way.</summary>
    public ValueTask JournalAsync(LiveRun run, JournalLines lines, CancellationToken cancel) => _buffer.AddAsync(run, lines, cancel);

    public void Respond(LiveRun run, RunResponse response) => _buffer.Add(run, response);

    /// <summary>Takes the last word of a run and waits until it is committed or will never be.</summary>
    public Task<ReportResult> FinishAsync(LiveRun run, RunOutcome outcome) =>
        run.IsOurs ? _buffer.Add(run, outcome) : Task.FromResult(ReportResult.Lost);

    /// <summary>Forgets what is left of a run that is no longer ours.</summary>
    public void Forget(LiveRun run) => _buffer.Drop(run, ReportResult.Lost);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await _buffer.WaitAsync(stoppingToken);
                await SendAsync(_buffer.Take());
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The runs are over when this stops: the consumer was stopped before, and it waits for them.
        }
    }

    public override void Dispose()
    {
        _buffer.Dispose();
        base.Dispose();
    }

    // Returns when everything in the batch is committed, refused, or no longer ours to report.
    private async Task SendAsync(List<ReportPart> batch)
    {
        var since = clock.GetTimestamp();
        for (var failures = 1; await TrySendAsync(batch, failures) is { } error; failures++)
        {
            if (error.IsRefusal && batch.Count == 1)
            {
                Refuse(batch[0], error);
                return;
            }

            // It answers, and yet fails: one run's lines may be what it chokes on, and then the others must not suffer.
            if (error.IsRefusal || (error.Status is not null && failures >= TriesTogether))
            {
                if (!error.IsRefusal)
                    batch.AddRange(_buffer.Take());
                if (await SendApartAsync(batch))
                    return;
            }
            if (clock.GetElapsedTime(since) > s_patience)
                GiveUp(batch);
            await Task.Delay(BackOff.After(failures), clock);
        }
    }

    // Each run's part in a call of its own. True when that settled everything; false when not one of them was taken: the API is away.
    private async Task<bool> SendApartAsync(List<ReportPart> parts)
    {
        var isAnyTaken = false;
        for (var round = 1; round <= TriesApart && parts.Count > 0; round++)
        {
            HashSet<LiveRun> failed = [];
            foreach (var part in parts.ToList())
            {
                // A run's own parts stay in order.
                if (failed.Contains(part.Run))
                    continue;
                var error = await TrySendAsync([part], round);
                if (error is { IsRefusal: false })
                {
                    failed.Add(part.Run);
                    continue;
                }
                if (error is not null)
                    Refuse(part, error);
                isAnyTaken = true;
                parts.Remove(part);
            }
            if (!isAnyTaken)
                return false;
            if (parts.Count > 0)
                await Task.Delay(BackOff.After(round), clock);
        }

        // The API takes everything else.
        GiveUp(parts);
        return true;
    }

    /// <returns>What went wrong, or null when the batch is settled.</returns>
    private async Task<ApiException?> TrySendAsync(List<ReportPart> batch, int attempt)
    {
        foreach (var lost in batch.Where(part => !part.Run.IsOurs).ToList())
        {
            batch.Remove(lost);
            Settle(lost, ReportResult.Lost);
        }
        if (batch.Count == 0)
            return null;

        var began = clock.GetTimestamp();
        try
        {
            var answer = await api.ReportAsync(new ReportRequest(worker.Id, [.. batch.Select(part => part.Report)]), CancellationToken.None);
            metrics.Reported(batch.Count, clock.GetElapsedTime(began), isTaken: true);
            Settle(batch, answer);
            return null;
        }
        catch (ApiException error)
        {
            metrics.Reported(batch.Count, clock.GetElapsedTime(began), isTaken: false);
            LogReportFailed(logger, batch.Count, attempt, error.Message);
            return error;
        }
    }

    private void GiveUp(List<ReportPart> parts)
    {
        foreach (var part in parts)
        {
            part.Run.Lose(RunEnd.GivenUp);
            Settle(part, ReportResult.Lost);
        }
        parts.Clear();
    }

    private void Settle(List<ReportPart> batch, ReportResponse response)
    {
        var stale = response.Stale.ToHashSet();
        foreach (var part in batch)
        {
            if (stale.Contains(part.Run.Held))
            {
                LogStale(logger, part.Run.Held.RunId, part.Run.Held.Attempt);
                part.Run.Lose(RunEnd.Lost);
                Settle(part, ReportResult.Lost);
                continue;
            }

            Settle(part, ReportResult.Committed);
            if (part.IsAwaited)
                part.Run.Durable?.Invoke(part.DurableSequence);
        }
    }

    private void Refuse(ReportPart part, ApiException error)
    {
        LogRefused(logger, part.Run.Held.RunId, error.Message);
        part.Run.End(RunEnd.Refused);
        _buffer.Drop(part.Run, ReportResult.Refused);
        Settle(part, ReportResult.Refused);
    }

    private void Settle(ReportPart part, ReportResult result)
    {
        _buffer.Committed(part.Bytes);
        if (result == ReportResult.Lost)
            _buffer.Drop(part.Run, result);
        part.Finished?.TrySetResult(result);
    }

    [LoggerMessage(LogLevel.Warning, "A report of {Count} runs failed (try {Tries}): {Reason}")]
    private static partial void LogReportFailed(ILogger logger, int count, int tries, string reason);

    [LoggerMessage(LogLevel.Information, "Run {RunId} is no longer attempt {Attempt}: its engine is ended.")]
    private static partial void LogStale(ILogger logger, Guid runId, int attempt);

    [LoggerMessage(LogLevel.Error, "The API will not take the report of run {RunId}: {Reason}")]
    private static partial void LogRefused(ILogger logger, Guid runId, string reason);
}
