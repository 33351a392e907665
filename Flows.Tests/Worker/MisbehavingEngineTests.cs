using Flows.Contracts.Runs;

namespace Flows.Tests.Worker;

public sealed class MisbehavingEngineTests
{
    [Fact]
    public async Task A_run_out_of_time_ends_with_its_whole_process_tree()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("""{"spawn":true},{"line":"busy"},{"hang":true}""", activeMs: 1_000);

        Assert.Equal(RunStatus.TimedOut, run.Outcome!.Status);
        Assert.Equal("timeout", run.Outcome.Error!.Code);
        Assert.Equal("busy", run.Outcome.FailedStep);
        var pids = run.Steps["spawned"].Output!.Value.ToElement();
        await ChildProbe.GoneAsync(pids.GetProperty("engine").GetInt32());
        await ChildProbe.GoneAsync(pids.GetProperty("child").GetInt32());
    }

    [Fact]
    public async Task A_grandchild_in_a_group_of_its_own_is_killed_too()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("""{"spawn":true,"detached":true},{"hang":true}""", activeMs: 1_000);

        await ChildProbe.GoneAsync(run.Steps["spawned"].Output!.Value.ToElement().GetProperty("child").GetInt32());
    }

    [Fact]
    public async Task An_engine_of_another_protocol_is_given_no_run_and_the_job_goes_back()
    {
        var engine = ScriptedEngine.Create();
        await File.WriteAllTextAsync(engine, (await File.ReadAllTextAsync(engine)).Replace("{ protocol: 1, version", "{ protocol: 99, version", StringComparison.Ordinal));
        await using var worker = await WorkerUnderTest.StartAsync(engine);
        var run = worker.Add("""{"finish":"Succeeded"}""");

        var settlement = await worker.HandleAsync(run);

        Assert.False(settlement.IsDone);
        Assert.True(settlement.Delay > TimeSpan.Zero);
        Assert.Null(run.Outcome);
        Assert.Empty(run.Steps);
    }

    [Theory]
    [InlineData("""{"line":"busy"},{"crash":3}""", "exit code 3")]
    [InlineData("""{"line":"busy"},{"garbage":true},{"hang":true}""", "unreadable")]
    public async Task A_run_whose_engine_breaks_is_handed_back(string script, string message)
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync(script);

        Assert.Equal(RunStatus.Queued, run.Outcome!.Status);
        Assert.Equal("engine_crashed", run.Outcome.Error!.Code);
        Assert.Contains(message, run.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.Equal("busy", run.Outcome.FailedStep);
        Assert.Equal(StepStatus.Running, run.Steps["busy"].Status);
    }

    [Fact]
    public async Task The_next_attempt_runs_on_a_new_engine_and_succeeds()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        var run = await worker.RunAsync("""{"crash":3,"firstAttemptOnly":true}""");
        Assert.Equal(RunStatus.Queued, run.Outcome!.Status);

        await worker.HandleAsync(run);

        Assert.Equal(RunStatus.Succeeded, run.Outcome.Status);
        Assert.Equal(2, run.Attempt);
    }

    [Fact]
    public async Task Running_out_of_memory_is_final()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("""{"line":"big"},{"crash":134,"says":"Unhandled exception. System.OutOfMemoryException"}""");

        Assert.Equal(RunStatus.Failed, run.Outcome!.Status);
        Assert.Equal("memory_limit", run.Outcome.Error!.Code);
        Assert.Equal("big", run.Outcome.FailedStep);
    }

    [Fact]
    public async Task A_flood_on_standard_error_harms_nobody()
    {
        await using var worker = await WorkerUnderTest.StartAsync();

        var run = await worker.RunAsync("""{"stderr":50000000}""");

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
    }

    [Fact]
    public async Task An_engine_that_journals_without_end_is_stopped()
    {
        await using var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Limits:RunLogMiB", "1"));

        var run = await worker.RunAsync(string.Join(',', Enumerable.Repeat("""{"log":500000}""", 20)));

        Assert.Equal(RunStatus.Failed, run.Outcome!.Status);
        Assert.Equal("limit", run.Outcome.Error!.Code);
    }

    [Fact]
    public async Task An_engine_that_ignores_the_end_of_its_input_does_not_outlive_the_worker()
    {
        int engine;
        await using (var worker = await WorkerUnderTest.StartAsync(ScriptedEngine.Create(ignoresEndOfInput: true)))
        {
            var run = await worker.RunAsync("");
            engine = run.Outcome!.Output!.Value.ToElement().GetProperty("pid").GetInt32();
            Assert.True(ChildProbe.IsAlive(engine));
        }
        await ChildProbe.GoneAsync(engine);
    }

    [Fact]
    public async Task A_worker_that_cannot_start_engines_leaves_the_runs_alone()
    {
        await using var worker = await WorkerUnderTest.StartAsync(ScriptedEngine.CreateProgram("#!/bin/sh\necho no engine here >&2\nexit 7\n"));

        var run = worker.Add("");
        var settled = await worker.HandleAsync(run);

        Assert.False(settled.IsDone);
        Assert.True(settled.Delay > TimeSpan.Zero);
        Assert.Equal(0, run.Attempt);
    }
}
