using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Tests.Runs;

[Collection(Platform.Databases)]
public sealed class ClaimingRuns(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Fact]
    public async Task Of_two_workers_that_ask_for_the_same_thousand_runs_each_gets_some_and_no_run_goes_to_both()
    {
        var store = database.Store();
        var runs = await database.QueueAsync(store, 1000);

        async Task<List<Guid>> TakeAsync(string worker, int seed)
        {
            var mine = new List<Guid>();
            var order = runs.ToArray();
            new Random(seed).Shuffle(order);
            foreach (var batch in order.Chunk(7))
                mine.AddRange((await store.ClaimAsync([.. batch.Select(run => (run, worker))], default)).Select(claim => claim.RunId));
            return mine;
        }

        var taken = await Task.WhenAll(Task.Run(() => TakeAsync("w1", 1)), Task.Run(() => TakeAsync("w2", 2)));

        Assert.Equal(runs.Order(), taken[0].Concat(taken[1]).Order());
        Assert.All(taken, some => Assert.NotEmpty(some));
        Assert.Equal(1000, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE status = 1 AND attempt = 1 AND id = ANY($1)", runs));
    }

    [Fact]
    public async Task Two_workers_in_one_commit_do_not_both_get_a_run()
    {
        var store = database.Store();
        var run = (await database.QueueAsync(store))[0];
        var claim = Assert.Single(await store.ClaimAsync([(run, "w1"), (run, "w2")], default));
        Assert.Equal(claim.Worker, await database.ValueAsync<string>("SELECT worker FROM runs WHERE id = $1", run));
    }

    [Fact]
    public async Task A_claim_carries_what_the_worker_needs_and_a_lease()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var run = database.NewRun(clock, """{"n":12345678901234567890}""");
        await store.AcceptAsync([run], default);

        var claim = Assert.Single(await store.ClaimAsync([(run.RunId, "w1")], default));

        Assert.Equal(1, claim.Attempt);
        Assert.Equal("Orders", claim.FlowName);
        Assert.Equal(run.VersionId, claim.VersionId);
        Assert.Equal("""{"n":12345678901234567890}""", claim.Trigger.ToString());
        var lease = await database.ValueAsync<DateTime>("SELECT lease_until FROM runs WHERE id = $1", run.RunId);
        Assert.Equal(6, (lease - clock.GetUtcNow().UtcDateTime).TotalSeconds, 0.001);
    }

    [Fact]
    public async Task A_test_with_something_given_goes_only_to_a_worker_that_knows_what_that_means()
    {
        var host = await database.HostAsync();
        var plan = new TestPlan("b", Only: true, new Dictionary<string, RawJson> { ["a"] = RawJson.Parse("1") });
        var run = database.NewRun() with { Environment = RunEnvironment.Test, Test = RunStore.PackPlan(plan) };
        await database.Store().AcceptAsync([run], default);
        Task<ClaimResponse> AskAsync(bool takesTests) =>
            host.SendAsync(WorkerRoutes.Claim, new ClaimRequest("w1", [run.RunId], TakesTests: takesTests), WorkerJson.Default.ClaimRequest, WorkerJson.Default.ClaimResponse);

        var refused = await AskAsync(takesTests: false);
        Assert.Equal((0, run.RunId), (refused.Claims.Count, Assert.Single(refused.NotNow)));
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run.RunId));
        var claim = Assert.Single((await AskAsync(takesTests: true)).Claims);
        Assert.Equal(("b", true, "1"), (claim.Test!.Step, claim.Test.Only, claim.Test.Outputs!["a"].ToString()));
    }

    [Fact]
    public async Task A_heartbeat_renews_what_the_worker_holds_and_names_the_rest_as_lost()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var held = await database.RunningAsync(store, clock: clock);
        var cancelled = await database.RunningAsync(store, clock: clock);
        var others = await database.RunningAsync(store, "w2", clock);
        await store.TryCancelAsync(database.Project, cancelled, default);
        clock.Advance(TimeSpan.FromSeconds(5));

        var renewed = await store.RenewAsync("w1", [(held, 1), (cancelled, 1), (others, 1), (held, 2)], default);

        Assert.Equal([(held, 1)], renewed);
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.DoesNotContain(held, (await store.RescueAsync(100, default)).Select(run => run.RunId));
        Assert.Equal(RunStatus.Running, await database.StatusAsync(held));
    }

    [Fact]
    public async Task Active_time_adds_up_over_claims_and_does_not_count_waiting()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var run = await database.RunningAsync(store, clock: clock);
        clock.Advance(TimeSpan.FromSeconds(3));
        await RunsDatabase.ReportAsync(store, run, 1, outcome: new RunOutcome(RunStatus.Queued));
        clock.Advance(TimeSpan.FromHours(1));
        var second = Assert.Single(await store.ClaimAsync([(run, "w2")], default));
        Assert.Equal((2, 3000), (second.Attempt, second.SpentMs));
    }
}
