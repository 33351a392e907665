using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Flows.Tests.Worker;

public sealed class LosingARunTests
{
    private const string HangAfterALine = """{"line":"busy","pid":true,"barrier":true},{"hang":true}""";

    private static int EngineOf(FakeRun run) => run.Steps["busy"].Output!.Value.ToElement().GetProperty("pid").GetInt32();

    [Fact]
    public async Task A_run_lost_at_the_heartbeat_is_killed_and_not_reported()
    {
        await using var worker = await WorkerUnderTest.StartAsync(leaseMs: 2_000);
        var run = worker.Add(HangAfterALine);
        var handling = worker.HandleAsync(run);
        await run.StepAsync("busy");

        run.TakeAway();
        Assert.True((await handling).IsDone);

        await ChildProbe.GoneAsync(EngineOf(run));
        Assert.Null(run.Outcome);
    }

    [Fact]
    public async Task A_run_whose_report_is_stale_is_killed()
    {
        await using var worker = await WorkerUnderTest.StartAsync(leaseMs: 60_000); // no heartbeat within this test but the first
        var run = worker.Add("""{"line":"busy","pid":true,"barrier":true},{"idle":300},{"line":"next"},{"hang":true}""");
        var handling = worker.HandleAsync(run);
        await run.StepAsync("busy");

        run.TakeAway();
        Assert.True((await handling).IsDone);

        await ChildProbe.GoneAsync(EngineOf(run));
        Assert.False(run.Steps.ContainsKey("next"));
    }

    [Fact]
    public async Task Heartbeats_name_the_held_runs_and_the_worker()
    {
        await using var worker = await WorkerUnderTest.StartAsync(leaseMs: 1_000);
        var run = worker.Add("""{"line":"busy","barrier":true},{"idle":1500}""");

        await worker.HandleAsync(run);

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status); // longer than its lease, hence renewed
        Assert.Contains(worker.Api.Heartbeats, beat => beat.Held.Contains(new HeldRun(run.Id, 1)) && beat.Info.Running == 1);
        Assert.Equal("UNSANDBOXED", worker.Api.Heartbeats.First().Info.ExecutionMode);
    }

    [Fact]
    public async Task An_api_that_comes_back_within_the_lease_costs_nothing()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var run = worker.Add("""{"line":"a","barrier":true},{"line":"b","barrier":true}""");
        var failures = 0;
        worker.Api.Interfere = route => Task.FromResult<IResult?>(
            route == WorkerRoutes.Report && Interlocked.Increment(ref failures) is 1 or 2 or 4 ? Results.StatusCode(500) : null);

        await worker.HandleAsync(run);

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal(["a", "b"], run.Steps.Keys.Order());
    }

    [Fact]
    public async Task A_claim_that_fails_for_a_while_is_made_in_the_end()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var failures = 0;
        worker.Api.Interfere = route => Task.FromResult<IResult?>(
            route == WorkerRoutes.Claim && Interlocked.Increment(ref failures) <= 2 ? Results.StatusCode(503) : null);

        Assert.Equal(RunStatus.Succeeded, (await worker.RunAsync("")).Outcome!.Status);
    }

    [Fact]
    public async Task A_claim_that_keeps_failing_gives_the_job_back()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        worker.Api.Interfere = route => Task.FromResult<IResult?>(route == WorkerRoutes.Claim ? Results.StatusCode(503) : null);

        var settled = await worker.HandleAsync(worker.Add(""));

        Assert.False(settled.IsDone);
        Assert.True(settled.Delay > TimeSpan.Zero);
    }

    [Fact]
    public async Task A_worker_that_cannot_renew_stops_its_engines_by_itself()
    {
        await using var worker = await WorkerUnderTest.StartAsync(leaseMs: 2_000);
        var run = worker.Add(HangAfterALine);
        var handling = worker.HandleAsync(run);
        await run.StepAsync("busy");

        var back = new TaskCompletionSource<IResult?>(TaskCreationOptions.RunContinuationsAsynchronously);
        worker.Api.Interfere = _ => back.Task; // hangs: worse than refusing
        await handling;

        await ChildProbe.GoneAsync(EngineOf(run));
        Assert.Null(run.Outcome);
        worker.Api.Interfere = _ => Task.FromResult<IResult?>(null);
        back.SetResult(null);
    }

    [Fact]
    public async Task One_runs_poisoned_report_does_not_hold_up_the_others()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var poisoned = worker.Add("""{"line":"busy"},{"idle":200}""");
        worker.Api.PoisonedRun = poisoned.Id;

        var bad = worker.HandleAsync(poisoned);
        while (!bad.IsCompleted)
            Assert.Equal(RunStatus.Succeeded, (await worker.RunAsync("""{"line":"a","barrier":true}""")).Outcome!.Status);

        Assert.Null(poisoned.Outcome);
    }

    [Fact]
    public async Task Health_tells_when_the_api_has_been_away_for_longer_than_a_lease()
    {
        await using var worker = await WorkerUnderTest.StartAsync(leaseMs: 1_000);
        var health = worker.Services.GetRequiredService<HealthCheckService>();
        await ChildProbe.UntilAsync(() => !worker.Api.Heartbeats.IsEmpty, "no heartbeat");
        Assert.NotEqual(HealthStatus.Unhealthy, (await health.CheckHealthAsync()).Status);

        worker.Api.Interfere = _ => Task.FromResult<IResult?>(Results.StatusCode(503));
        await ChildProbe.UntilAsync(() => health.CheckHealthAsync().GetAwaiter().GetResult().Status == HealthStatus.Unhealthy, "still healthy");
        worker.Api.Interfere = _ => Task.FromResult<IResult?>(null);
        await ChildProbe.UntilAsync(() => health.CheckHealthAsync().GetAwaiter().GetResult().Status == HealthStatus.Healthy, "not healthy again");
    }
}
