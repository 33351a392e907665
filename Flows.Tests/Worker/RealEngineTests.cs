using Flows.Contracts.Runs;

namespace Flows.Tests.Worker;

/// <summary>The engine that is delivered, served by the worker that is delivered.</summary>
public sealed class RealEngineTests
{
    private static readonly string s_engine = Path.Combine(AppContext.BaseDirectory, "Flows.Engine");

    private const string ThreeSteps = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} },
          "steps": [
            { "name": "sum", "kind": "code", "language": "javascript", "input": { "a": 40 }, "source": "export default async ({ a }) => { console.log('adding'); return a + 2; };" },
            { "name": "answer", "kind": "respond", "status": 201, "body": { "sum": "{{sum}}" } } ] }
        """;

    [Fact]
    public async Task A_flow_with_code_runs_from_its_job_to_its_answer()
    {
        await using var worker = await WorkerUnderTest.StartAsync(s_engine);

        for (var i = 0; i < 2; i++)
        {
            var run = worker.AddFlow(ThreeSteps);
            Assert.True((await worker.HandleAsync(run)).IsDone);

            Assert.Null(run.Outcome!.Error);
            Assert.Equal(RunStatus.Succeeded, run.Outcome.Status);
            Assert.Equal(201, run.Response!.Status);
            Assert.Equal("""{"sum":42}""", run.Response.Body.ToString());
            Assert.Equal("42", run.Steps["sum"].Output!.Value.ToString());
            Assert.Contains("adding", run.Steps["sum"].Logs, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_definition_that_the_engine_cannot_read_is_the_runs_failure_each_time()
    {
        await using var worker = await WorkerUnderTest.StartAsync(s_engine);

        for (var i = 0; i < 2; i++)
        {
            var run = worker.AddFlow("""{ "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} }, "steps": 7 }""");
            await worker.HandleAsync(run);

            Assert.Equal(RunStatus.Failed, run.Outcome!.Status);
            Assert.Contains("steps", run.Outcome.Error!.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_worker_that_goes_down_lets_the_step_finish_and_hands_the_run_back_before_the_next_one()
    {
        await using var worker = await WorkerUnderTest.StartAsync(s_engine);
        var run = worker.AddFlow("""
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "start", "input": {} }, "steps": [
              { "name": "each", "kind": "loop", "items": [1, 2], "parallel": 2, "steps": [
                { "name": "slow", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => new Promise(done => setTimeout(() => done('slept'), 1500));" },
                { "name": "next", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => 1;" } ] } ] }
            """);
        var handling = worker.HandleAsync(run);
        await Task.WhenAll(run.StepAsync("each[0].slow"), run.StepAsync("each[1].slow"));

        worker.Stop();
        Assert.True((await handling).IsDone);

        Assert.Equal((RunStatus.Queued, null), (run.Outcome!.Status, run.Outcome.Error));
        Assert.Equal(
            ["each Running", "each[0].slow Succeeded", "each[1].slow Succeeded"],
            run.Steps.Values.OrderBy(step => step.Path, StringComparer.Ordinal).Select(step => $"{step.Path} {step.Status}"));
    }

    [Fact]
    public async Task Endless_code_ends_with_the_runs_time_and_names_the_step()
    {
        await using var worker = await WorkerUnderTest.StartAsync(s_engine);

        var run = worker.AddFlow(ThreeSteps.Replace("return a + 2", "for (;;);", StringComparison.Ordinal), activeMs: 3_000);
        await worker.HandleAsync(run);

        Assert.Equal(RunStatus.TimedOut, run.Outcome!.Status);
        Assert.Equal("sum", run.Outcome.FailedStep);
    }
}
