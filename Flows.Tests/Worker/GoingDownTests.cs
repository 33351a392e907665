using Flows.Contracts.Runs;

namespace Flows.Tests.Worker;

public sealed class GoingDownTests
{
    [Fact]
    public async Task A_run_may_finish_within_the_drain_time()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var run = worker.Add("""{"line":"busy","barrier":true},{"idle":500}""");
        var handling = worker.HandleAsync(run);
        await run.StepAsync("busy");

        worker.Stop();
        Assert.True((await handling).IsDone);

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
    }

    [Fact]
    public async Task A_run_that_takes_longer_is_handed_back()
    {
        await using var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Worker:DrainTimeout", "00:00:00.5"));
        var run = worker.Add("""{"line":"busy","pid":true,"barrier":true},{"hang":true}""");
        var handling = worker.HandleAsync(run);
        await run.StepAsync("busy");

        worker.Stop();
        Assert.True((await handling).IsDone);

        Assert.Equal(RunStatus.Queued, run.Outcome!.Status);
        Assert.Null(run.Outcome.Error);
        await ChildProbe.GoneAsync(run.Steps["busy"].Output!.Value.ToElement().GetProperty("pid").GetInt32());
    }

    [Fact]
    public async Task A_job_that_comes_too_late_goes_back_untouched()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        worker.Stop();

        var run = worker.Add("");
        Assert.False((await worker.HandleAsync(run)).IsDone);
        Assert.Equal(0, run.Attempt);
    }
}
