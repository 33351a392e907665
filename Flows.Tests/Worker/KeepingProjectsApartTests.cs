using Flows.Contracts.Runs;

namespace Flows.Tests.Worker;

public sealed class KeepingProjectsApartTests
{
    private static int EngineOf(FakeRun run) => run.Outcome!.Output!.Value.ToElement().GetProperty("pid").GetInt32();

    [Fact]
    public async Task Two_projects_never_share_an_engine()
    {
        await using var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Worker:Concurrency", "3"));
        var projects = Enumerable.Range(0, 6).Select(_ => Guid.CreateVersion7()).ToList();
        Dictionary<int, Guid> owners = [];

        for (var round = 0; round < 3; round++)
        {
            var runs = projects.Select(project => worker.Add("", project)).ToList();
            await Task.WhenAll(runs.Select(worker.HandleAsync));
            foreach (var run in runs)
            {
                Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
                Assert.Equal(run.Project, owners.TryGetValue(EngineOf(run), out var owner) ? owner : owners[EngineOf(run)] = run.Project);
            }
            Assert.True(worker.Engines <= 3, $"{worker.Engines} engines");
        }
    }

    [Fact]
    public async Task The_first_runs_of_two_projects_take_engines_that_were_ready()
    {
        await using var worker = await WorkerUnderTest.StartAsync();
        await ChildProbe.UntilAsync(() => worker.Engines == 2, "no warm engines");

        await worker.RunAsync("", Guid.CreateVersion7());
        await ChildProbe.UntilAsync(() => worker.Engines == 2, "an engine too many");
        await worker.RunAsync("", Guid.CreateVersion7());

        await ChildProbe.UntilAsync(() => worker.Engines == 3, "no spare for a third project");
    }

    [Fact]
    public async Task Without_reuse_every_run_has_a_process_of_its_own()
    {
        await using var worker = await WorkerUnderTest.StartAsync(
            settings: [("Flows:Execution:Reuse", "false"), ("Flows:Worker:Concurrency", "2")]);

        HashSet<int> engines = [];
        for (var i = 0; i < 5; i++)
        {
            var run = await worker.RunAsync("");
            Assert.True(engines.Add(EngineOf(run)), "an engine served twice");
        }
        Assert.True(worker.Engines <= 2);
        foreach (var engine in engines)
            await ChildProbe.GoneAsync(engine);
    }

    [Fact]
    public async Task An_engine_is_replaced_after_its_number_of_runs()
    {
        await using var worker = await WorkerUnderTest.StartAsync(
            settings: [("Flows:Execution:RecycleRuns", "2"), ("Flows:Worker:Concurrency", "1")]);

        var engines = new List<int>();
        for (var i = 0; i < 12; i++)
            engines.Add(EngineOf(await worker.RunAsync("")));

        // It serves on until its successor is ready, though never longer than twice its time. The last one's time is not over.
        var served = engines.GroupBy(engine => engine).Select(group => group.Count()).ToList();
        Assert.All(served.SkipLast(1), runs => Assert.InRange(runs, 2, 4));
        Assert.InRange(served[^1], 1, 4);
    }

    [Fact]
    public async Task An_idle_engine_that_dies_is_replaced_unnoticed()
    {
        await using var worker = await WorkerUnderTest.StartAsync(settings: ("Flows:Worker:Concurrency", "1"));
        var first = EngineOf(await worker.RunAsync(""));

        ChildProbe.Kill(first);
        await ChildProbe.GoneAsync(first);
        var run = await worker.RunAsync("");

        Assert.Equal(RunStatus.Succeeded, run.Outcome!.Status);
        Assert.Equal(1, run.Attempt);
    }
}
