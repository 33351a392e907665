using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Tests.Runs;
using static Flows.Tests.Waits.EndingWaits;

namespace Flows.Tests.Waits;

/// <summary>Runs that call flows, over a real Postgres.</summary>
[Collection(Platform.Databases)]
public sealed class CallingFlows(RunsDatabase database) : IClassFixture<RunsDatabase>
{
    [Theory]
    [InlineData(RunStatus.Succeeded, WaitStatus.Completed)]
    [InlineData(RunStatus.Failed, WaitStatus.Failed)]
    [InlineData(RunStatus.TimedOut, WaitStatus.Failed)]
    public async Task The_called_run_is_there_with_the_pause_and_its_end_wakes_the_caller(RunStatus end, WaitStatus status)
    {
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, [RunsDatabase.Step("audit", StepStatus.Paused)], Paused(Call("audit", database.Flow.ToString())));
        Assert.Equal(RunStatus.Paused, await database.StatusAsync(parent));
        var child = await ChildAsync(parent);
        Assert.Equal("""4 1 {"n":1}""", await database.ValueAsync<string>("SELECT concat(origin, ' ', depth, ' ', trigger) FROM runs WHERE id = $1", child));

        Assert.Single(await store.ClaimAsync([(child, "w1")], default));
        await RunsDatabase.ReportAsync(store, child, 1, outcome: new RunOutcome(end, RawJson.Parse("5"), end == RunStatus.Succeeded ? null : new StepError("input", "No stock."), "pick"));

        Assert.Equal(RunStatus.Queued, await database.StatusAsync(parent));
        Assert.Equal((short)status, await database.ValueAsync<short>("SELECT status FROM waitpoints WHERE run_id = $1", parent));
        if (status == WaitStatus.Completed)
            Assert.Equal("5", await database.ValueAsync<string>("SELECT output::text FROM waitpoints WHERE run_id = $1", parent));
        else
        {
            Assert.Equal($"call_failed the run {child} that it called {(end == RunStatus.Failed ? "failed" : "used up its time")}: No stock.",
                await database.ValueAsync<string>("SELECT concat(error ->> 'code', ' ', error ->> 'message') FROM waitpoints WHERE run_id = $1", parent));
        }
    }

    [Fact]
    public async Task A_call_that_nobody_awaits_starts_its_run_and_lets_the_caller_go_on_at_once()
    {
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("audit", database.Flow.ToString(), awaited: false)));
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(parent));
        Assert.Equal($$"""{"runId" : "{{await ChildAsync(parent)}}"}""", await database.ValueAsync<string>("SELECT output::text FROM waitpoints WHERE run_id = $1", parent));
    }

    [Fact]
    public async Task A_flow_is_found_by_its_key()
    {
        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition);
        await database.ExecuteAsync("UPDATE flows SET key = 'audit-flow' WHERE id = $1", flow);
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("audit", "audit-flow")));
        Assert.Equal(flow, await database.ValueAsync<Guid>("SELECT flow_id FROM runs WHERE id = $1", await ChildAsync(parent)));
    }

    [Theory]
    [InlineData("UPDATE flows SET deleted_at = now() WHERE id = $1", "there is no flow '")]
    [InlineData("UPDATE flows SET published_version_id = NULL WHERE id = $1", "has no published version.")]
    [InlineData("UPDATE flows SET enabled = false WHERE id = $1", "is disabled.")]
    public async Task A_flow_that_cannot_be_called_fails_the_call_and_says_why(string change, string words)
    {
        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition);
        await database.ExecuteAsync(change, flow);
        await RefusedAsync(flow, words);
    }

    [Fact]
    public async Task Flows_that_call_each_other_in_a_circle_end_at_the_limit()
    {
        var store = database.Store(options: new RunOptions { MaxCallDepth = 3 });
        var run = await database.RunningAsync(store);
        for (var depth = 0; depth < 3; depth++)
        {
            await RunsDatabase.ReportAsync(store, run, 1, outcome: Paused(Call("again", database.Flow.ToString())));
            run = await ChildAsync(run);
            Assert.Single(await store.ClaimAsync([(run, "w1")], default));
        }
        await RunsDatabase.ReportAsync(store, run, 1, outcome: Paused(Call("again", database.Flow.ToString())));
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE parent_run_id = $1", run));
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
        Assert.Contains("3 levels deep already", await database.ValueAsync<string>("SELECT error ->> 'message' FROM waitpoints WHERE run_id = $1", run), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_called_runs_that_end_at_the_same_time_both_count()
    {
        var store = database.Store();
        for (var round = 0; round < 20; round++)
        {
            var parent = await database.RunningAsync(store);
            await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("a", database.Flow.ToString()), Call("b", database.Flow.ToString())));
            var children = new[] { await ChildAsync(parent, "a"), await ChildAsync(parent, "b") };
            await store.ClaimAsync(children.Select(child => (child, "w1")), default);
            await Task.WhenAll(children.Select(child => RunsDatabase.ReportAsync(store, child, 1, outcome: new RunOutcome(RunStatus.Succeeded))));
            Assert.Equal(RunStatus.Queued, await database.StatusAsync(parent));
            Assert.Equal(2, await database.ValueAsync<long>("SELECT count(*) FROM waitpoints WHERE run_id = $1 AND status = 1", parent));
        }
    }

    [Fact]
    public async Task Cancelling_a_caller_cancels_the_runs_it_waits_for_down_to_the_last()
    {
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("a", database.Flow.ToString())));
        var child = await ChildAsync(parent);
        await store.ClaimAsync([(child, "w1")], default);
        await RunsDatabase.ReportAsync(store, child, 1, outcome: Paused(Call("b", database.Flow.ToString())));
        var last = await ChildAsync(child);

        Assert.Equal(RunStatus.Cancelled, (await store.TryCancelAsync(database.Project, parent, default))?.Status);
        Assert.All(new[] { await database.StatusAsync(child), await database.StatusAsync(last) }, status => Assert.Equal(RunStatus.Cancelled, status));
    }

    [Fact]
    public async Task A_called_run_that_is_cancelled_fails_the_call()
    {
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("a", database.Flow.ToString())));
        var child = await ChildAsync(parent);
        await store.TryCancelAsync(database.Project, child, default);
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(parent));
        Assert.Equal($"the run {child} that it called was cancelled.", await database.ValueAsync<string>("SELECT error ->> 'message' FROM waitpoints WHERE run_id = $1", parent));
    }

    [Fact]
    public async Task An_end_that_was_written_by_hand_is_found_later()
    {
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("a", database.Flow.ToString())));
        await database.ExecuteAsync("UPDATE runs SET status = 4, output = '9' WHERE id = $1", await ChildAsync(parent));
        Assert.Contains(await store.EndCallsAsync(100, default), run => run.RunId == parent && run.Status == RunStatus.Queued);
        Assert.Empty(await store.EndCallsAsync(100, default));
    }

    private async Task RefusedAsync(Guid flow, string words)
    {
        var store = database.Store();
        var parent = await database.RunningAsync(store);
        await RunsDatabase.ReportAsync(store, parent, 1, outcome: Paused(Call("audit", flow.ToString())));
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(parent));
        Assert.Contains(words, await database.ValueAsync<string>("SELECT error ->> 'message' FROM waitpoints WHERE run_id = $1 AND status = 3", parent), StringComparison.Ordinal);
    }

    private Task<Guid> ChildAsync(Guid parent, string? path = null) => path is null
        ? database.ValueAsync<Guid>("SELECT id FROM runs WHERE parent_run_id = $1", parent)
        : database.ValueAsync<Guid>("SELECT id FROM runs WHERE parent_run_id = $1 AND parent_path = $2", parent, path);
}
