using System.Net;
using System.Net.Http.Json;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Runs;

namespace Flows.Tests.Waits;

/// <summary>Pauses, and what ends them, over the API and a real Postgres.</summary>
[Collection(Platform.Databases)]
public sealed class EndingWaits(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_time_that_has_come_is_taken_once_however_many_look()
    {
        var clock = new ManualClock();
        var store = database.Store(clock);
        var runs = await database.QueueAsync(store, 1_500, clock);
        await store.ClaimAsync(runs.Select(run => (run, "w1")), default);
        await store.ReportAsync(runs.Select(run => ("w1", new RunReport(run, 1, [], null,
            Paused(new WaitRequest("w", WaitKind.Delay, clock.GetUtcNow().AddMinutes(5)))))), default);
        Assert.Equal((long)runs.Length, await CountAsync(runs, RunStatus.Paused));
        Assert.Empty(await store.WakeDueAsync(1_000, default));

        clock.Advance(TimeSpan.FromMinutes(5));
        var woken = (await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            var all = new List<Guid>();
            while (await store.WakeDueAsync(500, default) is { Count: > 0 } some)
                all.AddRange(some.Select(run => run.RunId));
            return all;
        }))).SelectMany(some => some).ToList();

        Assert.Equal(runs.Order(), woken.Order());
        Assert.Equal((long)runs.Length, await CountAsync(runs, RunStatus.Queued));
        Assert.Equal(300_000L, await database.ValueAsync<long>("SELECT paused_ms FROM runs WHERE id = $1", runs[0]));
    }

    [Fact]
    public async Task A_paused_run_says_what_it_waits_for_and_its_claim_brings_what_came_of_it()
    {
        var run = await RunningAsync();
        await PauseAsync(run, 1, Webhook("w"));
        var waiting = (await _host.GetJsonAsync($"/api/v1/runs/{run}")).GetProperty("waitingFor");
        Assert.Equal(("webhook", "w"), (waiting.GetProperty("kind").GetString(), waiting.GetProperty("path").GetString()));
        Assert.NotNull(waiting.GetProperty("expires").GetString());
        var listed = (await _host.GetJsonAsync("/api/v1/runs?status=Paused")).GetProperty("items").EnumerateArray().Single(item => item.GetProperty("id").GetGuid() == run);
        Assert.False(listed.GetProperty("waitingFor").TryGetProperty("url", out _));

        using var resumed = await _host.Anonymous.PutAsync(waiting.GetProperty("url").GetString() + "?x=1", JsonContent.Create(new { n = 7 }));
        Assert.Equal(HttpStatusCode.Accepted, resumed.StatusCode);
        Assert.Equal(run, (await RunsHost.JsonAsync(resumed)).GetProperty("runId").GetGuid());
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));

        var state = Assert.Single((await _host.ClaimAsync(run))!.Waits!);
        Assert.Equal(("w", WaitStatus.Completed), (state.Path, state.Status));
        var output = state.Output!.Value.ToElement();
        Assert.Equal(("PUT", 7, "1"), (output.GetProperty("method").GetString(), output.GetProperty("body").GetProperty("n").GetInt32(), output.GetProperty("query").GetProperty("x").GetString()));
    }

    [Fact]
    public async Task A_call_that_comes_before_the_pause_counts_and_a_second_one_changes_nothing()
    {
        var run = await RunningAsync();
        foreach (var n in new[] { 1, 2 })
        {
            using var answer = await _host.Anonymous.PostAsync(Link(run, LinkPurpose.Resume, "w"), JsonContent.Create(n));
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        }
        Assert.Equal(RunStatus.Running, await database.StatusAsync(run));

        await PauseAsync(run, 1, Webhook("w"));
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
        var state = Assert.Single((await _host.ClaimAsync(run))!.Waits!);
        Assert.Equal(1, state.Output!.Value.ToElement().GetProperty("body").GetInt32());
    }

    [Fact]
    public async Task An_end_that_comes_while_the_run_is_busy_with_another_is_not_lost()
    {
        var run = await RunningAsync();
        await PauseAsync(run, 1, Webhook("a"), Webhook("b"));
        await ResumeAsync(run, "a");
        Assert.NotNull(await _host.ClaimAsync(run));
        await ResumeAsync(run, "b");
        await PauseAsync(run, 2);
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
        var claim = await _host.ClaimAsync(run);
        Assert.Equal(["a", "b"], claim!.Waits!.Where(wait => wait.Status == WaitStatus.Completed).Select(wait => wait.Path).Order());
    }

    [Fact]
    public async Task Pauses_and_their_ends_that_meet_leave_no_run_behind()
    {
        var store = database.Store();
        for (var round = 0; round < 60; round++)
        {
            var run = await database.RunningAsync(store);
            await Task.WhenAll(
                RunsDatabase.ReportAsync(store, run, 1, outcome: Paused(Webhook("w"))),
                store.ChangeWaitAsync(run, "w", _ => new WaitChange(WaitKind.Webhook, WaitStatus.Completed, RawJson.Parse("1")), default));
            Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
        }
    }

    [Fact]
    public async Task A_report_of_an_old_attempt_leaves_no_wait_and_starts_no_run()
    {
        var run = await RunningAsync();
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Queued));
        Assert.NotNull(await _host.ClaimAsync(run));
        Assert.Single((await _host.ReportAsync(run, 1, Paused(Webhook("w"), Call("c", database.Flow.ToString())))).Stale);
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM waitpoints WHERE run_id = $1", run));
        Assert.Equal(0, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE parent_run_id = $1", run));
    }

    [Fact]
    public async Task A_link_that_was_changed_is_unknown_and_one_of_a_run_that_is_over_is_gone()
    {
        var run = await RunningAsync();
        var link = Link(run, LinkPurpose.Resume, "w");
        foreach (var wrong in new[] { link[..^2], link + "AAAA", Link(Guid.CreateVersion7(), LinkPurpose.Resume, "w").Replace("/resume/", "/approve/", StringComparison.Ordinal), "/resume/x" })
        {
            using var answer = await _host.Anonymous.PostAsync(wrong, null);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Succeeded));
        using var gone = await _host.Anonymous.GetAsync(link);
        Assert.Equal(HttpStatusCode.Gone, gone.StatusCode);
        Assert.Equal("The run that this link belongs to is over.", (await RunsHost.JsonAsync(gone)).GetProperty("detail").GetString());
        Assert.Equal("no-store", gone.Headers.CacheControl?.ToString());
    }

    [Fact]
    public async Task What_nobody_has_ended_in_time_expires_and_its_link_says_so()
    {
        var run = await RunningAsync();
        await PauseAsync(run, 1, new WaitRequest("w", WaitKind.Webhook, TimeProvider.System.GetUtcNow().AddSeconds(-1)));
        await _host.Get<DueWaitWaker>().SweepAsync(default);
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
        Assert.Equal(WaitStatus.Expired, Assert.Single((await _host.ClaimAsync(run))!.Waits!).Status);
        using var late = await _host.Anonymous.PostAsync(Link(run, LinkPurpose.Resume, "w"), null);
        Assert.Equal(HttpStatusCode.Gone, late.StatusCode);
    }

    [Fact]
    public async Task A_step_whose_wait_has_expired_waits_anew_after_a_retry_and_its_link_opens_again()
    {
        var run = await RunningAsync();
        await PauseAsync(run, 1, new WaitRequest("w", WaitKind.Webhook, TimeProvider.System.GetUtcNow().AddSeconds(-1)));
        await _host.Get<DueWaitWaker>().SweepAsync(default);
        Assert.NotNull(await _host.ClaimAsync(run));
        var expired = new StepError("wait_expired", "nobody called its link in time.");
        await _host.ReportAsync(run, 2, new RunOutcome(RunStatus.Failed, Error: expired, FailedStep: "w"), steps: RunsDatabase.Step("w", StepStatus.Failed) with { Error = expired });

        using var retried = await _host.Api.PostAsync($"/api/v1/runs/{run}/retry", null);
        Assert.True(retried.IsSuccessStatusCode);
        var claim = (await _host.ClaimAsync(run))!;
        Assert.Empty(claim.Journal);
        Assert.Null(claim.Waits); // the engine meets the step as if for the first time
        await PauseAsync(run, 3, Webhook("w"));
        Assert.Equal(RunStatus.Paused, await database.StatusAsync(run));

        await ResumeAsync(run, "w");
        Assert.Equal(WaitStatus.Completed, Assert.Single((await _host.ClaimAsync(run))!.Waits!).Status);
    }

    [Fact]
    public async Task A_worker_that_dies_after_the_line_and_before_the_pause_leaves_a_run_that_waits_on_its_next_attempt()
    {
        var run = await RunningAsync();
        await _host.ReportAsync(run, 1, null, null, "w1", RunsDatabase.Step("w", StepStatus.Paused));
        await LoseAsync(run);
        Assert.Equal(StepStatus.Paused, Assert.Single((await _host.ClaimAsync(run))!.Journal).Status);

        // Of the dead one, too late.
        Assert.Single((await _host.ReportAsync(run, 1, Paused(Webhook("w")))).Stale);
        Assert.Equal(RunStatus.Running, await database.StatusAsync(run));
        await PauseAsync(run, 2, Webhook("w"));
        await ResumeAsync(run, "w");
        Assert.Equal(WaitStatus.Completed, Assert.Single((await _host.ClaimAsync(run))!.Waits!).Status);
    }

    [Fact]
    public async Task A_worker_that_dies_with_what_a_resume_brought_leaves_it_to_the_next()
    {
        var run = await RunningAsync();
        await PauseAsync(run, 1, Webhook("w"));
        await ResumeAsync(run, "w");
        var first = Assert.Single((await _host.ClaimAsync(run))!.Waits!);
        await LoseAsync(run);
        var second = Assert.Single((await _host.ClaimAsync(run))!.Waits!);
        Assert.Equal((first.Path, first.Status, first.Output), (second.Path, second.Status, second.Output));
        using var again = await _host.Anonymous.PostAsync(Link(run, LinkPurpose.Resume, "w"), null);
        Assert.Equal(HttpStatusCode.Accepted, again.StatusCode); // the same answer, and no second effect
        Assert.Equal(RunStatus.Running, await database.StatusAsync(run));
    }

    // What a killed worker does to its run, without the wait for the lease.
    private async Task LoseAsync(Guid run)
    {
        await database.ExecuteAsync("UPDATE runs SET lease_until = now() - interval '1 second' WHERE id = $1", run);
        await _host.Get<StaleRunRescuer>().SweepAsync(default);
        Assert.Equal(RunStatus.Queued, await database.StatusAsync(run));
    }

    [Fact]
    public async Task A_synchronous_resume_is_answered_by_the_next_respond_step()
    {
        var run = await RunningAsync();
        await _host.ReportAsync(run, 1, response: new RunResponse(200, null, RawJson.Parse("\"first\"")));
        await PauseAsync(run, 1, Webhook("w"));
        var call = _host.Anonymous.PostAsync(Link(run, LinkPurpose.Resume, "w") + "/sync", null);
        await UntilAsync(run, RunStatus.Queued);
        Assert.NotNull(await _host.ClaimAsync(run));
        await _host.ReportAsync(run, 2, response: new RunResponse(201, null, RawJson.Parse("\"second\"")));
        using var answer = await call;
        Assert.Equal((HttpStatusCode.Created, "second"), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Cancelling_a_paused_run_drops_its_waits()
    {
        var run = await RunningAsync();
        await PauseAsync(run, 1, Webhook("w"));
        using var cancelled = await _host.Api.PostAsync($"/api/v1/runs/{run}/cancel", null);
        Assert.Equal("Cancelled", (await RunsHost.JsonAsync(cancelled)).GetProperty("status").GetString());
        Assert.Equal(WaitStatus.Dropped, await StatusOfAsync(run, "w"));
    }

    private async Task<Guid> RunningAsync()
    {
        var run = await _host.StartRunAsync(database.Flow);
        Assert.NotNull(await _host.ClaimAsync(run));
        return run;
    }

    private async Task PauseAsync(Guid run, int attempt, params WaitRequest[] waits) =>
        Assert.Empty((await _host.ReportAsync(run, attempt, Paused(waits), steps: [.. waits.Select(wait => RunsDatabase.Step(wait.Path, StepStatus.Paused))])).Stale);

    private async Task ResumeAsync(Guid run, string path)
    {
        using var answer = await _host.Anonymous.PostAsync(Link(run, LinkPurpose.Resume, path), null);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }

    private async Task UntilAsync(Guid run, RunStatus status)
    {
        for (var i = 0; i < 3_000 && await database.StatusAsync(run) != status; i++)
            await Task.Delay(10);
        Assert.Equal(status, await database.StatusAsync(run));
    }

    private string Link(Guid run, LinkPurpose purpose, string path) => _host.Get<RunLinks>().PathTo(run, purpose, path);

    private async Task<WaitStatus> StatusOfAsync(Guid run, string path) =>
        (WaitStatus)await database.ValueAsync<short>("SELECT status FROM waitpoints WHERE run_id = $1 AND path = $2", run, path);

    private Task<long> CountAsync(Guid[] runs, RunStatus status) =>
        database.ValueAsync<long>("SELECT count(*) FROM runs WHERE id = ANY($1) AND status = $2", runs, (short)status);

    internal static RunOutcome Paused(params WaitRequest[] waits) => new(RunStatus.Paused, Waits: waits.Length == 0 ? null : waits);

    internal static WaitRequest Webhook(string path) => new(path, WaitKind.Webhook, TimeProvider.System.GetUtcNow().AddDays(1));

    internal static WaitRequest Call(string path, string flow, bool awaited = true) =>
        new(path, WaitKind.Call, TimeProvider.System.GetUtcNow().AddDays(1), Call: new CallRequest(flow, RawJson.Parse("""{"n":1}"""), awaited));
}
