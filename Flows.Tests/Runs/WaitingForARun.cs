using System.Net;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using StackExchange.Redis;

namespace Flows.Tests.Runs;

[Collection(Platform.Databases)]
public sealed class WaitingForARun(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private RunsHost _host = null!;
    private Guid _flow;

    public async Task InitializeAsync()
    {
        _host = await database.HostAsync();
        (_flow, _) = await database.PublishAsync(RunsDatabase.Definition);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_respond_step_answers_before_the_run_ends()
    {
        var (answer, run) = await CallAsync();
        await _host.ReportAsync(run, 1, response: new RunResponse(201, new Dictionary<string, string> { ["X-Order"] = "7", ["Connection"] = "close" }, RawJson.Parse("""{"ok":true}""")));

        using var got = await answer;
        Assert.Equal(HttpStatusCode.Created, got.StatusCode);
        Assert.Equal("""{"ok":true}""", await got.Content.ReadAsStringAsync());
        Assert.Equal("7", got.Headers.GetValues("X-Order").Single());
        Assert.Equal(run.ToString(), got.Headers.GetValues("Flows-Run-Id").Single());
        Assert.Null(got.Headers.ConnectionClose);
        Assert.Equal(RunStatus.Running, await database.StatusAsync(run));
        Assert.Empty((await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Succeeded))).Stale);
    }

    [Theory]
    [InlineData(RunStatus.Succeeded, HttpStatusCode.OK, "{\"n\":1}")]
    [InlineData(RunStatus.Failed, HttpStatusCode.InternalServerError, "flow_failed")]
    [InlineData(RunStatus.TimedOut, HttpStatusCode.GatewayTimeout, "flow_timed_out")]
    [InlineData(RunStatus.NeedsDecision, HttpStatusCode.Accepted, "NeedsDecision")]
    [InlineData(RunStatus.Paused, HttpStatusCode.Accepted, "Paused")]
    public async Task Every_ending_without_a_respond_step_has_an_answer(RunStatus ending, HttpStatusCode expected, string words)
    {
        var (answer, run) = await CallAsync();
        var failed = ending is RunStatus.Succeeded ? null : new StepError("http_5xx", "secret-free words");
        await _host.ReportAsync(run, 1, new RunOutcome(ending, RawJson.Parse("""{"n":1}"""), failed, failed is null ? null : "fetch"));

        using var got = await answer;
        Assert.Equal(expected, got.StatusCode);
        Assert.Contains(words, await got.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(run.ToString(), got.Headers.GetValues("Flows-Run-Id").Single());
        if (ending == RunStatus.Failed)
        {
            var problem = await RunsHost.JsonAsync(got);
            Assert.Equal(("fetch", run), (problem.GetProperty("step").GetString(), problem.GetProperty("runId").GetGuid()));
        }
    }

    [Fact]
    public async Task A_cancelled_run_answers_with_409()
    {
        var (answer, run) = await CallAsync();
        using var cancel = await _host.Api.PostAsync($"/api/v1/runs/{run}/cancel", null);
        using var got = await answer;
        Assert.Equal(HttpStatusCode.Conflict, got.StatusCode);
        Assert.Equal("run_cancelled", (await RunsHost.JsonAsync(got)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_run_whose_workers_keep_dying_is_answered_when_its_attempts_are_used_up()
    {
        var (answer, run) = await CallAsync();
        await database.ExecuteAsync("UPDATE runs SET lost_leases = 4, lease_until = now() - interval '1 second' WHERE id = $1", run);
        using var got = await answer.WaitAsync(s_limit);
        Assert.Equal(HttpStatusCode.InternalServerError, got.StatusCode);
        Assert.Equal(run.ToString(), got.Headers.GetValues("Flows-Run-Id").Single());
        Assert.Equal("attempts_exhausted", (await _host.GetJsonAsync($"/api/v1/runs/{run}")).GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Callers_of_an_instance_that_is_stopped_are_answered_each_and_none_is_cut_off()
    {
        const int Callers = 40;
        await using var stopping = await RunsHost.StartAsync(database, new() { ["Flows:Runs:StopPatience"] = "00:00:03" });
        var calls = Enumerable.Range(0, Callers).Select(_ => stopping.Anonymous.PostAsync($"/webhooks/{_flow}/sync", null)).ToList();
        List<Guid> runs;
        do
        {
            await Task.Delay(10);
            runs = [.. (await _host.GetJsonAsync($"/api/v1/runs?flow={_flow}&limit=100")).GetProperty("items").EnumerateArray().Select(run => run.GetProperty("id").GetGuid())];
        }
        while (runs.Count < Callers);
        var ended = runs.Take(Callers / 2).ToList();
        await _host.SendAsync(WorkerRoutes.Claim, new ClaimRequest("w1", ended), WorkerJson.Default.ClaimRequest, WorkerJson.Default.ClaimResponse);

        // Half of the runs end while the instance is going down, by way of another one; the rest do not.
        var stop = stopping.StopAsync();
        await _host.SendAsync(WorkerRoutes.Report, new ReportRequest("w1", [.. ended.Select(run => new RunReport(run, 1, [], Outcome: new RunOutcome(RunStatus.Succeeded, RawJson.Parse("1"))))]),
            WorkerJson.Default.ReportRequest, WorkerJson.Default.ReportResponse);

        var answers = await Task.WhenAll(calls).WaitAsync(s_limit);
        await stop;
        var byStatus = answers.ToLookup(answer => answer.StatusCode, answer => Guid.Parse(answer.Headers.GetValues("Flows-Run-Id").Single()));
        Assert.Equal(ended.Order(), byStatus[HttpStatusCode.OK].Order());
        Assert.Equal(runs.Except(ended).Order(), byStatus[HttpStatusCode.Accepted].Order());
        Assert.All(answers.Where(answer => answer.StatusCode == HttpStatusCode.Accepted), answer => Assert.NotNull(answer.Headers.Location));
        foreach (var answer in answers)
            answer.Dispose();
    }

    [Fact]
    public async Task Word_lost_on_the_way_costs_no_more_than_the_next_look()
    {
        var (answer, run) = await CallAsync();
        // Straight into the table: nobody is told.
        Assert.True(await RunsDatabase.ReportAsync(database.Store(), run, 1, outcome: new RunOutcome(RunStatus.Succeeded, RawJson.Parse("\"late\""))));
        using var got = await answer.WaitAsync(s_limit);
        Assert.Equal("late", await got.Content.ReadAsStringAsync());
        Assert.Equal("text/plain", got.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task Another_replica_that_hears_the_end_tells_the_one_that_holds_the_caller()
    {
        await using var other = await RunsHost.StartAsync(database);
        var heard = new TaskCompletionSource<IReadOnlyList<Guid>>(TaskCreationOptions.RunContinuationsAsynchronously);
        await other.Get<IConnectionMultiplexer>().GetSubscriber().SubscribeAsync(RunAnnouncer.ChannelOf(_host.Get<RunWaiters>().Instance),
            (_, message) => heard.TrySetResult(RunAnnouncer.ReadIds(message!)));
        var (answer, run) = await CallAsync();
        await other.ReportAsync(run, 1, new RunOutcome(RunStatus.Succeeded, RawJson.Parse("1")));
        Assert.Equal([run], await heard.Task.WaitAsync(s_limit));
        using var got = await answer.WaitAsync(s_limit);
        Assert.Equal("1", await got.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_wait_that_takes_too_long_ends_with_the_place_to_look()
    {
        await using var hasty = await RunsHost.StartAsync(database, new() { ["Flows:Timeouts:Webhook"] = "00:00:01" });
        using var got = await hasty.Anonymous.PostAsync($"/webhooks/{_flow}/sync", null);
        Assert.Equal(HttpStatusCode.Accepted, got.StatusCode);
        var pending = await RunsHost.JsonAsync(got);
        Assert.EndsWith($"/api/v1/runs/{pending.GetProperty("runId").GetGuid()}", pending.GetProperty("url").GetString(), StringComparison.Ordinal);
        Assert.Equal("Queued", pending.GetProperty("status").GetString());
        Assert.Equal(pending.GetProperty("url").GetString(), got.Headers.Location?.ToString());
        Assert.Equal(0, hasty.Get<RunWaiters>().Count);
    }

    [Fact]
    public async Task A_caller_that_goes_away_is_forgotten()
    {
        using var leaving = new CancellationTokenSource();
        var call = _host.Anonymous.PostAsync($"/webhooks/{_flow}/sync", null, leaving.Token);
        await RunsHost.NewestRunAsync(database, _flow);
        Assert.Equal(1, _host.Get<RunWaiters>().Count);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        for (var i = 0; i < 3_000 && _host.Get<RunWaiters>().Count > 0; i++)
            await Task.Delay(10);
        Assert.Equal(0, _host.Get<RunWaiters>().Count);
    }

    [Fact]
    public async Task Too_many_waiting_callers_are_told_to_come_back()
    {
        await using var small = await RunsHost.StartAsync(database, new() { ["Flows:Runs:MaxWaiters"] = "1" });
        using var leaving = new CancellationTokenSource();
        var first = small.Anonymous.PostAsync($"/webhooks/{_flow}/sync", null, leaving.Token);
        await RunsHost.NewestRunAsync(database, _flow);
        using var second = await small.Anonymous.PostAsync($"/webhooks/{_flow}/sync", null);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
    }

    [Fact]
    public async Task Wait_gives_the_run_when_it_has_ended_and_not_at_its_answer()
    {
        var call = _host.Api.PostAsync($"/api/v1/flows/{_flow}/runs?wait=20", null);
        var run = await RunsHost.NewestRunAsync(database, _flow);
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, response: new RunResponse(200, null, RawJson.Null));
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Failed, null, new StepError("input", "No good"), "fetch"));
        using var got = await call;
        Assert.Equal(HttpStatusCode.OK, got.StatusCode);
        var view = await RunsHost.JsonAsync(got);
        Assert.Equal("Failed", view.GetProperty("status").GetString());
        Assert.Equal("""{"code":"input","message":"No good","step":"fetch"}""", view.GetProperty("error").GetRawText());
    }

    [Fact]
    public async Task Wait_gives_202_when_its_time_is_over()
    {
        using var got = await _host.Api.PostAsync($"/api/v1/flows/{_flow}/runs?wait=1", null);
        Assert.Equal(HttpStatusCode.Accepted, got.StatusCode);
        Assert.Equal($"/api/v1/runs/{(await RunsHost.JsonAsync(got)).GetProperty("id").GetGuid()}", got.Headers.Location?.ToString());
        using var never = await _host.Api.PostAsync($"/api/v1/flows/{_flow}/runs?wait=901", null);
        Assert.Equal(HttpStatusCode.BadRequest, never.StatusCode);
    }

    /// <summary>A synchronous call whose run has been claimed.</summary>
    private async Task<(Task<HttpResponseMessage> Answer, Guid Run)> CallAsync()
    {
        var answer = _host.Anonymous.PostAsync($"/webhooks/{_flow}/sync", null);
        var run = await RunsHost.NewestRunAsync(database, _flow);
        Assert.NotNull(await _host.ClaimAsync(run));
        return (answer, run);
    }
}
