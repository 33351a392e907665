using System.Net;
using System.Net.Http.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

/// <summary>A person cancels, or decides on a step whose effect is uncertain.</summary>
[Collection(Platform.Databases)]
public sealed class EndingARunByHand(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(RunStatus.Queued, true)]
    [InlineData(RunStatus.Running, true)]
    [InlineData(RunStatus.Paused, true)]
    [InlineData(RunStatus.NeedsDecision, true)]
    [InlineData(RunStatus.Succeeded, false)]
    [InlineData(RunStatus.Failed, false)]
    [InlineData(RunStatus.TimedOut, false)]
    public async Task Whatever_is_not_over_can_be_cancelled(RunStatus status, bool can)
    {
        var run = await database.RunningAsync(database.Store());
        await database.ExecuteAsync("UPDATE runs SET status = $2 WHERE id = $1", run, (short)status);

        using var answer = await _host.Api.PostAsync($"/api/v1/runs/{run}/cancel", null);

        var body = await RunsHost.JsonAsync(answer);
        Assert.Equal(can ? HttpStatusCode.OK : HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Equal((can ? RunStatus.Cancelled : status).ToString(), body.GetProperty(can ? "status" : "runStatus").GetString());
        if (can)
            Assert.Single((await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Succeeded))).Stale);
    }

    [Fact]
    public async Task Another_projects_run_cannot_be_found()
    {
        using var answer = await _host.Api.PostAsync($"/api/v1/runs/{Guid.CreateVersion7()}/cancel", null);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Of_a_cancel_and_a_finish_at_the_same_moment_exactly_one_wins()
    {
        var store = database.Store();
        for (var round = 0; round < 100; round++)
        {
            var run = await database.RunningAsync(store);
            var cancel = Task.Run(() => store.TryCancelAsync(database.Project, run, default));
            var finish = Task.Run(() => RunsDatabase.ReportAsync(store, run, 1, outcome: new RunOutcome(RunStatus.Succeeded)));
            var (cancelled, finished) = (await cancel is not null, await finish);
            Assert.True(cancelled ^ finished);
            Assert.Equal(cancelled ? RunStatus.Cancelled : RunStatus.Succeeded, await database.StatusAsync(run));
        }
    }

    [Theory]
    [InlineData("happened", RunStatus.Queued, "1/{\"id\":7}")]
    [InlineData("repeat", RunStatus.Queued, "none")]
    [InlineData("stop", RunStatus.Failed, "2/null")]
    public async Task A_decision_settles_the_step_and_moves_the_run_on(string decision, RunStatus expected, string line)
    {
        var run = await UncertainAsync();
        Assert.Equal("send", (await _host.GetJsonAsync($"/api/v1/runs/{run}")).GetProperty("waitingFor").GetProperty("path").GetString());

        using var answer = await DecideAsync(run, "send", decision, decision == "happened" ? new { id = 7 } : null);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(expected, await database.StatusAsync(run));
        Assert.Equal(line, await database.ValueAsync<string>(
            "SELECT coalesce((SELECT status || '/' || coalesce(output::text, 'null') FROM run_steps WHERE run_id = $1 AND path = 'send'), 'none')", run));
        if (expected == RunStatus.Queued)
            Assert.Equal(2, (await _host.ClaimAsync(run))!.Attempt);
        using var again = await DecideAsync(run, "send", decision, null);
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
    }

    [Fact]
    public async Task A_decision_on_a_step_that_is_not_uncertain_changes_nothing()
    {
        var run = await UncertainAsync();
        using var unknown = await DecideAsync(run, "other", "repeat", null);
        Assert.Equal(HttpStatusCode.BadRequest, unknown.StatusCode);
        using var finished = await DecideAsync(run, "before", "repeat", null);
        Assert.Equal(HttpStatusCode.BadRequest, finished.StatusCode);
        using var word = await DecideAsync(run, "send", "maybe", null);
        Assert.Equal(HttpStatusCode.BadRequest, word.StatusCode);
        Assert.Equal(RunStatus.NeedsDecision, await database.StatusAsync(run));
        Assert.Equal(2, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = $1", run));
    }

    private async Task<Guid> UncertainAsync()
    {
        var run = await _host.StartRunAsync(database.Flow);
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.NeedsDecision, FailedStep: "send"), null, "w1",
            RunsDatabase.Step("before", StepStatus.Succeeded, "1"), RunsDatabase.Step("send", StepStatus.Running, effect: StepEffect.Effect));
        return run;
    }

    private Task<HttpResponseMessage> DecideAsync(Guid run, string path, string decision, object? output) =>
        _host.Api.PostAsJsonAsync($"/api/v1/runs/{run}/decide", output is null ? new { path, decision } : (object)new { path, decision, output });
}
