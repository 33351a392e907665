using Flows.Api.Runs;
using Flows.Bench.Simulation;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Runs;

namespace Flows.Tests.Proofs;

/// <summary>The simulator's store and the statements on a real Postgres are given the same calls, chosen by chance, and must never differ.</summary>
[Collection(Platform.Databases)]
[Trait("Category", "Proof")]
public sealed class TheSimulatedStore(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    private const int Steps = 3;
    // Whole milliseconds, which is what both sides can tell apart.
    private readonly ManualClock _clock = new(DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds()));
    private readonly RunOptions _options = new() { MaxAttempts = 3 };

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Does_what_Postgres_does(int seed)
    {
        var random = new Random(seed);
        var store = database.Store(_clock, _options);
        var accepted = Enum.GetValues<RunStatus>().ToDictionary(status => status, _ => 0);
        for (var run = 0; run < 12; run++)
        {
            var id = (await database.QueueAsync(store, clock: _clock))[0];
            var model = new SimulatedStore { Lease = Ms(_options.Lease), RingAgainAfter = Ms(_options.RingAgainAfter), MaxAttempts = _options.MaxAttempts };
            model.Accept(Now);
            for (var call = 0; call < 40; call++)
            {
                _clock.Advance(TimeSpan.FromMilliseconds(random.Next(1, 4_000)));
                var (what, expected, actual) = await CallAsync(random, store, id, model);
                Assert.True(expected == actual, $"run {run}, call {call}: {what} was {actual} in Postgres and {expected} in the model");
                Assert.Equal(Describe(model), await DescribeAsync(id));
                accepted[model.Status] += actual ? 1 : 0;
            }
        }
        Assert.All(accepted, status => Assert.True(status.Value > 0, $"No call led to {status.Key}: the calls are too tame."));
    }

    private async Task<(string What, bool Expected, bool Actual)> CallAsync(Random random, RunStore store, Guid run, SimulatedStore model)
    {
        var worker = random.Next(10) < 8 ? Math.Max(1, model.Worker) : random.Next(1, 3);
        var attempt = random.Next(10) < 8 ? model.Attempt : random.Next(0, model.Attempt + 2);
        switch (random.Next(12))
        {
            case 0 or 1 or 2:
                return ("claim", model.TryClaim(worker, Now), (await store.ClaimAsync([(run, Name(worker))], default)).Count == 1);
            case 3:
                return ("renew", model.TryRenew(worker, attempt, Now), (await store.RenewAsync(Name(worker), [(run, attempt)], default)).Count == 1);
            case 4 or 5 or 6:
                return await ReportAsync(random, store, run, model, worker, attempt);
            case 7 or 8:
                return ("rescue", model.TryRescue(Now), (await store.RescueAsync(1_000, default)).Any(news => news.RunId == run));
            case 9:
                return random.Next(4) == 0
                    ? ("cancel", model.TryCancel(Now), await store.TryCancelAsync(database.Project, run, default) is not null)
                    : ("due", model.TryTakeDue(Now), (await store.TakeDueAsync(10_000, default)).Any(job => job.RunId == run) && model.Status == RunStatus.Queued);
            default:
                var (step, happened) = (random.Next(Steps), random.Next(2) == 0);
                return ("decide", model.TryDecide(step, happened, 200, Now), await store.TryDecideAsync(
                    database.Project, run, Path(step), happened ? Decision.Happened : Decision.Repeat, happened ? RawJson.Parse("200") : null, default) is not null);
        }
    }

    private static readonly RunStatus?[] s_outcomes =
        [null, null, null, RunStatus.Queued, RunStatus.Queued, RunStatus.Paused, RunStatus.NeedsDecision, RunStatus.NeedsDecision, RunStatus.Succeeded, RunStatus.Failed, RunStatus.TimedOut];

    private async Task<(string, bool, bool)> ReportAsync(Random random, RunStore store, Guid run, SimulatedStore model, int worker, int attempt)
    {
        var outcome = s_outcomes[random.Next(s_outcomes.Length)];
        var hasError = outcome is RunStatus.Failed or RunStatus.TimedOut || (outcome == RunStatus.Queued && random.Next(3) > 0);
        Lines lines = default;
        var records = new List<StepRecord>();
        for (var step = 0; step < Steps; step++)
        {
            if (random.Next(2) == 0)
                continue;
            var (status, value) = ((StepStatus)random.Next(6), (byte)random.Next(100));
            lines = lines.With(step, status, value);
            records.Add(RunsDatabase.Step(Path(step), status, $"{value}"));
        }
        var report = new RunReport(run, attempt, records, Outcome: outcome is { } to
            ? new RunOutcome(to, Error: hasError ? new StepError("engine_crashed", "It died.") : null, FailedStep: to == RunStatus.NeedsDecision ? Path(0) : null) : null);
        return ($"report {outcome}", model.TryReport(worker, attempt, lines, outcome, hasError, Now),
            (await store.ReportAsync([(Name(worker), report)], default)).Taken.Count == 1);
    }

    private long Now => _clock.GetUtcNow().ToUnixTimeMilliseconds();

    private static string Describe(SimulatedStore model) => string.Join(' ',
        model.Status, model.Attempt, model.Worker == 0 ? "-" : Name(model.Worker), model.LeaseUntil, model.DueAt, model.LostLeases,
        string.Join(';', Enumerable.Range(0, Steps).Where(step => model.Journal.StatusOf(step) is not null)
            .Select(step => $"{Path(step)}={model.Journal.StatusOf(step)}:{model.Journal.ValueOf(step)}")));

    private async Task<string> DescribeAsync(Guid run)
    {
        await using var command = database.Source.CreateCommand("""
            SELECT status, attempt, worker, lease_until, due_at, lost_leases, (SELECT string_agg(concat(path, '/', s.status, '/', s.output), ';' ORDER BY path) FROM run_steps s WHERE run_id = id)
            FROM runs WHERE id = $1
            """);
        command.Parameters.Add(new() { Value = run });
        await using var row = await command.ExecuteReaderAsync();
        Assert.True(await row.ReadAsync());
        long? Time(int column) => row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column).ToUnixTimeMilliseconds();
        var lines = row.IsDBNull(6) ? "" : string.Join(';', row.GetString(6).Split(';').Select(line => line.Split('/')).Select(line => $"{line[0]}={(StepStatus)int.Parse(line[1], null)}:{line[2]}"));
        return string.Join(' ', (RunStatus)row.GetInt16(0), row.GetInt32(1), row.IsDBNull(2) ? "-" : row.GetString(2), Time(3), Time(4), row.GetInt16(5), lines);
    }

    private static string Path(int step) => $"step{step}";

    private static string Name(int worker) => $"w{worker}";

    private static long Ms(TimeSpan span) => (long)span.TotalMilliseconds;
}
