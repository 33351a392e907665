using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Runs;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Worker;

public sealed class RunningARunTests
{
    [Fact]
    public async Task A_run_goes_from_its_job_to_its_outcome()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = worker.Add("""{"line":"a","status":"Running"},{"line":"a","status":"Succeeded","output":1},{"respond":{"status":201,"body":"hello"}}""");
        var settled = await worker.HandleAsync(run);

        Assert.True(settled.IsDone);
        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal(StepStatus.Succeeded, run.Steps["a"].Status);
        Assert.Equal(201, run.Response!.Status);
        Assert.All(worker.Api.Authorisations, header => Assert.Equal("Bearer " + FakeApi.Token, header));
    }

    [Fact]
    public async Task A_warm_engine_is_used_again_and_is_not_sent_a_definition_twice()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var first = (await worker.RunAsync("")).Outcome!.Output!.Value.ToElement();
        var second = (await worker.RunAsync("")).Outcome!.Output!.Value.ToElement();

        Assert.Equal(first.GetProperty("pid").GetInt32(), second.GetProperty("pid").GetInt32());
        Assert.True(first.GetProperty("fresh").GetBoolean());
        Assert.False(second.GetProperty("fresh").GetBoolean());
    }

    [Fact]
    public async Task An_engine_sees_nothing_of_the_workers_environment()
    {
        Environment.SetEnvironmentVariable("FLOWS_TEST_SECRET", "secret");
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("");

        var names = run.Outcome!.Output!.Value.ToElement().GetProperty("env").EnumerateArray().Select(name => name.GetString()!).ToList();
        Assert.Contains("PATH", names);
        Assert.All(names, name => Assert.True(name.StartsWith("DOTNET_", StringComparison.Ordinal) || name is "PATH" or "HOME" or "TMPDIR" or "LANG", name));
    }

    [Fact]
    public async Task A_barrier_waits_for_the_commit()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var commit = new TaskCompletionSource();
        worker.Api.Interfere = async route =>
        {
            if (route == WorkerRoutes.Report)
                await commit.Task;
            return null;
        };
        var run = worker.Add("""{"line":"a","status":"Succeeded"},{"line":"b","barrier":true},{"line":"c","status":"Succeeded"}""");

        var handling = worker.HandleAsync(run);
        await Task.WhenAny(handling, Task.Delay(300)); // the time in which it must not go on
        Assert.False(handling.IsCompleted);
        Assert.Empty(run.Steps);
        commit.SetResult();
        await handling;

        Assert.Equal(2, run.Outcome!.Output!.Value.ToElement().GetProperty("durable")[0].GetInt32());
        Assert.Equal(["a", "b"], worker.Api.Reports.First().Runs[0].Steps.Select(step => step.Path));
    }

    [Fact]
    public async Task A_step_that_starts_and_ends_within_one_report_is_one_line()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        await worker.RunAsync("""{"line":"a","status":"Running"},{"line":"b","status":"Running"},{"line":"a","status":"Succeeded"},{"line":"b","status":"Succeeded"}""");

        var lines = worker.Api.Reports.SelectMany(report => report.Runs).SelectMany(run => run.Steps).ToList();
        Assert.Equal(["a", "b"], lines.Select(line => line.Path));
        Assert.All(lines, line => Assert.Equal(StepStatus.Succeeded, line.Status));
    }

    [Fact]
    public async Task Jobs_that_come_together_are_claimed_together()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        // The first call is under way until all have asked; what comes meanwhile gathers behind it.
        var asked = new TaskCompletionSource();
        worker.Api.Interfere = async route =>
        {
            if (route == WorkerRoutes.Claim)
                await asked.Task;
            return null;
        };

        var runs = Enumerable.Range(0, 5).Select(_ => worker.Add("")).ToList();
        var claims = worker.Services.GetRequiredService<RunClaims>();
        var answers = runs.Select(run => claims.ClaimAsync(run.Id)).ToList();
        asked.SetResult();

        Assert.Equal(runs.Select(run => run.Id), (await Task.WhenAll(answers)).Select(answer => answer.Run!.Held.RunId));
        Assert.InRange(worker.Api.Claims.Count, 1, 2);
        Assert.Equal(5, worker.Api.Claims.Sum(claim => claim.Runs.Count));
    }

    [Fact]
    public async Task A_job_whose_run_is_over_is_forgotten()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var run = await worker.RunAsync("");

        Assert.True((await worker.HandleAsync(run)).IsDone);
        Assert.Equal(1, run.Attempt);
    }

    [Fact]
    public async Task A_large_output_is_reported_whole()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("""{"log":12000000},{"log":12000000},{"line":"z","barrier":true}""");

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal(12_000_002, run.Steps["log2"].Output!.Value.Length);
        Assert.True(worker.Api.Reports.Count >= 2); // never all in one call
    }

    [Fact]
    public async Task A_deeply_nested_payload_reaches_the_engine()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = worker.Api.AddRun(
            worker.Project, Guid.CreateVersion7(), """{"script":[]}""", trigger: new string('[', 200) + new string(']', 200));
        await worker.HandleAsync(run);

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
    }

    [Fact]
    public async Task Output_that_the_api_will_not_take_fails_the_run_and_no_other()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var refused = worker.Add("""{"line":"big","status":"Running","barrier":true},{"line":"big","status":"Succeeded"}""");
        var refusals = 0;
        worker.Api.Interfere = route => Task.FromResult<IResult?>(
            route == WorkerRoutes.Report && refused.Steps.ContainsKey("big") && Interlocked.Increment(ref refusals) == 1 ? Results.StatusCode(413) : null);

        await worker.HandleAsync(refused);

        Assert.Equal(RunStatus.Failed, refused.Outcome!.Status);
        Assert.Equal("report_refused", refused.Outcome.Error!.Code);
    }
}
