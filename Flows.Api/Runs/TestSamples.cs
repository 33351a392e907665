using Flows.Api.Flows.Testing;
using Flows.Contracts.Runs;
using Npgsql;

namespace Flows.Api.Runs;

/// <summary>
/// Keeps the outputs of test runs that are over as samples of their flow, and then tells of their end: who waits for it finds the samples. Other
/// runs are told of at once. Dying here, or being too slow, costs the samples of that run.
/// </summary>
internal sealed partial class TestSamples(FlowSamples samples, RunAnnouncer announcer, TimeProvider clock, ILogger<TestSamples> log)
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    /// <summary>Runs whose samples are being kept at a time; of further ones none are.</summary>
    private const int AtOnce = 32;
    private int _underWay;

    /// <summary>As <see cref="RunAnnouncer.Announce"/>: never waits and never fails.</summary>
    public void Announce(IReadOnlyCollection<RunNews> news)
    {
        var tests = news.Where(run => run.Priority == RunPriority.Test && RunTransitions.IsFinal(run.Status)).ToList();
        announcer.Announce(tests.Count == 0 ? news : [.. news.Except(tests)]);
        foreach (var run in tests)
            _ = KeepAsync(run);
    }

    private async Task KeepAsync(RunNews run)
    {
        try
        {
            if (Interlocked.Increment(ref _underWay) > AtOnce)
                return;
            using var limit = new CancellationTokenSource(s_patience, clock);
            await samples.KeepOfRunAsync(run.RunId, limit.Token);
        }
        catch (Exception error) when (error is NpgsqlException or OperationCanceledException or ObjectDisposedException)
        {
            LogNotKept(log, run.RunId, error.Message);
        }
        finally
        {
            Interlocked.Decrement(ref _underWay);
            announcer.Announce([run]);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The outputs of the test run {Run} were not kept as samples: {Reason}")]
    private static partial void LogNotKept(ILogger log, Guid run, string reason);
}
