using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using static Flows.Tests.Runs.RunsDatabase;

namespace Flows.Tests.Runs;

[Collection(Platform.Databases)]
public sealed class ReportingRuns(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    private static readonly RunOutcome s_success = new(RunStatus.Succeeded, RawJson.Parse("""{"total":1}"""));

    [Fact]
    public async Task A_report_of_an_old_attempt_leaves_nothing_behind_and_one_of_the_newer_is_taken()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var run = await database.RunningAsync(store, "w1", clock);
        clock.Advance(TimeSpan.FromSeconds(9));
        await store.RescueAsync(100, default);
        Assert.Single(await store.ClaimAsync([(run, "w2")], default));

        Assert.False(await ReportAsync(store, run, 1, [Step("a", StepStatus.Succeeded, "1")], s_success, new RunResponse(200, null, RawJson.Null)));
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = $1", run));
        Assert.True(await database.ValueAsync<bool>("SELECT response IS NULL AND output IS NULL AND status = 1 FROM runs WHERE id = $1", run));

        Assert.False(await ReportAsync(store, run, 2, outcome: s_success, worker: "w1"));
        Assert.True(await ReportAsync(store, run, 2, [Step("a", StepStatus.Succeeded, "2")], s_success, worker: "w2"));
        Assert.Equal(RunStatus.Succeeded, await database.StatusAsync(run));
    }

    [Fact]
    public async Task A_run_ends_once()
    {
        var store = database.Store();
        var run = await database.RunningAsync(store);
        Assert.True(await ReportAsync(store, run, 1, outcome: s_success));
        Assert.False(await ReportAsync(store, run, 1, outcome: new RunOutcome(RunStatus.Failed)));
        Assert.Equal(RunStatus.Succeeded, await database.StatusAsync(run));
        Assert.Equal("""{"total":1}""", await database.ValueAsync<string>("SELECT output::text FROM runs WHERE id = $1", run));
    }

    [Fact]
    public async Task A_finished_line_of_the_journal_is_never_changed_and_an_unfinished_one_is_finished()
    {
        var store = database.Store();
        var run = await database.RunningAsync(store);
        await ReportAsync(store, run, 1, [Step("done", StepStatus.Succeeded, "1"), Step("open", StepStatus.Running, effect: StepEffect.Effect) with { Input = RawJson.Parse("7") }]);

        Assert.True(await ReportAsync(store, run, 1, [Step("done", StepStatus.Failed, "2"), Step("open", StepStatus.Succeeded, "3")]));

        Assert.Equal("1/1", await LineAsync(run, "done"));
        Assert.Equal("1/3", await LineAsync(run, "open"));
        Assert.Equal("7", await database.ValueAsync<string>("SELECT input::text FROM run_steps WHERE run_id = $1 AND path = 'open'", run));
    }

    [Fact]
    public async Task Stale_reports_do_not_hold_up_the_others_of_the_same_commit()
    {
        var store = database.Store();
        var good = await database.RunningAsync(store);
        var gone = await database.RunningAsync(store);
        await store.TryCancelAsync(database.Project, gone, default);
        var unknown = Guid.CreateVersion7();

        var reported = await store.ReportAsync(
            [.. new[] { gone, good, unknown }.Select(run => ("w1", new RunReport(run, 1, [Step("a", StepStatus.Succeeded, "1")], null, s_success)))], default);

        Assert.Equal([(good, 1, "w1")], reported.Taken);
        Assert.Equal(good, Assert.Single(reported.News).RunId);
        Assert.Equal(1, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = ANY($1)", new[] { gone, good, unknown }));
    }

    [Fact]
    public async Task The_answer_is_kept_as_it_was_first_given()
    {
        var store = database.Store();
        var run = await database.RunningAsync(store);
        await ReportAsync(store, run, 1, response: new RunResponse(201, null, RawJson.Parse("\"first\"")));
        await ReportAsync(store, run, 1, outcome: s_success, response: new RunResponse(500, null, RawJson.Parse("\"second\"")));
        Assert.Equal("201", await database.ValueAsync<string>("SELECT response->>'status' FROM runs WHERE id = $1", run));
    }

    [Fact]
    public async Task Reports_and_heartbeats_of_the_same_runs_never_wait_for_each_other_in_a_circle()
    {
        var store = database.Store();
        var runs = await database.QueueAsync(store, 60);
        await store.ClaimAsync([.. runs.Select(run => (run, "w1"))], default);

        async Task ReportAllAsync(int seed)
        {
            for (var round = 0; round < 20; round++)
            {
                var order = runs.ToArray();
                new Random((seed * 100) + round).Shuffle(order);
                await store.ReportAsync([.. order.Select(run => ("w1", new RunReport(run, 1, [Step($"s{seed}_{round}", StepStatus.Succeeded, "1")])))], default);
            }
        }

        async Task RenewAllAsync(int seed)
        {
            for (var round = 0; round < 20; round++)
            {
                var order = runs.ToArray();
                new Random((seed * 100) + round).Shuffle(order);
                Assert.Equal(60, (await store.RenewAsync("w1", [.. order.Select(run => (run, 1))], default)).Count);
            }
        }

        await Task.WhenAll(ReportAllAsync(1), ReportAllAsync(2), RenewAllAsync(3), RenewAllAsync(4)); // a deadlock throws 40P01
        Assert.Equal(60 * 40, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = ANY($1)", runs));
    }

    [Fact]
    public async Task Characters_that_Postgres_refuses_are_replaced()
    {
        var store = database.Store();
        var run = await database.RunningAsync(store);
        var broken = RawJson.FromUtf8(new byte[] { (byte)'"', 0xC3, (byte)'"' });
        Assert.True(await ReportAsync(store, run, 1, [Step("a", StepStatus.Succeeded) with { Logs = "a\0b", Output = broken, Input = RawJson.Parse("\"\\u0000\"") }]));
        Assert.Equal("a\uFFFDb", await database.ValueAsync<string>("SELECT logs FROM run_steps WHERE run_id = $1", run));
        Assert.Equal("\"\uFFFD\"", await database.ValueAsync<string>("SELECT output::text FROM run_steps WHERE run_id = $1", run));
    }

    private Task<string> LineAsync(Guid run, string path) =>
        database.ValueAsync<string>("SELECT status || '/' || output::text FROM run_steps WHERE run_id = $1 AND path = $2", run, path);
}
