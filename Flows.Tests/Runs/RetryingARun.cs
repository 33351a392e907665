using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

/// <summary>A person has a run done again, in place or as a new one, alone or with many.</summary>
[Collection(Platform.Databases)]
public sealed class RetryingARun(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private const string Definition = """
        { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} }, "steps": [
          { "name": "a", "kind": "code", "language": "javascript", "source": "export default () => 1;", "input": {} },
          { "name": "pay", "kind": "code", "language": "javascript", "source": "export default () => 2;", "input": {}, "effect": "effect" },
          { "name": "end", "kind": "stop" } ] }
        """;

    private static readonly StepError s_error = new("http_5xx", "The other side was down.");
    private RunsHost _host = null!;
    private Guid _flow;

    public async Task InitializeAsync()
    {
        _host = await database.HostAsync();
        (_flow, _) = await database.PublishAsync(Definition);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task The_same_run_goes_on_from_the_step_that_failed_and_keeps_what_it_did()
    {
        var run = await FailedAsync();
        await database.ExecuteAsync("UPDATE runs SET active_ms = 600000, output = '1' WHERE id = $1", run);

        var (status, body) = await PostAsync($"/api/v1/runs/{run}/retry", null);

        Assert.Equal((HttpStatusCode.OK, "Queued", run), (status, body.GetProperty("status").GetString(), body.GetProperty("id").GetGuid()));
        Assert.Equal((JsonValueKind.Null, JsonValueKind.Null), (body.GetProperty("error").ValueKind, body.GetProperty("output").ValueKind));
        var claim = (await _host.ClaimAsync(run))!;
        Assert.Equal((2, 600_000, "a"), (claim.Attempt, claim.ActiveMs, Assert.Single(claim.Journal).Path));
        Assert.Empty((await _host.ReportAsync(run, 2, new RunOutcome(RunStatus.Succeeded), null, "w1", RunsDatabase.Step("pay", StepStatus.Succeeded, "2"))).Stale);
        Assert.Equal(["a Succeeded", "pay Succeeded"], await LinesAsync(run, "steps"));
        var failed = Assert.Single((await _host.GetJsonAsync($"/api/v1/runs/{run}/steps/history")).GetProperty("items").EnumerateArray());
        Assert.Equal("The other side was down.", failed.GetProperty("error").GetProperty("message").GetString());
    }

    [Theory]
    [InlineData(RunStatus.Cancelled, true)]
    [InlineData(RunStatus.TimedOut, true)]
    [InlineData(RunStatus.Succeeded, false)]
    [InlineData(RunStatus.Queued, false)]
    [InlineData(RunStatus.Running, false)]
    [InlineData(RunStatus.NeedsDecision, false)]
    public async Task Only_a_run_that_ended_without_success_goes_on_in_place(RunStatus status, bool can)
    {
        var run = await FailedAsync();
        await database.ExecuteAsync("UPDATE runs SET status = $2 WHERE id = $1", run, (short)status);
        var (answer, body) = await PostAsync($"/api/v1/runs/{run}/retry", """{ "from": "failed", "version": "same" }""");
        Assert.Equal(can ? HttpStatusCode.OK : HttpStatusCode.Conflict, answer);
        if (!can)
            Assert.Equal(status.ToString(), body.GetProperty("runStatus").GetString());
        Assert.Equal(can ? RunStatus.Queued : status, await database.StatusAsync(run));
        Assert.Equal(can ? 0 : 1, await database.ValueAsync<long>("SELECT count(*) FROM run_steps WHERE run_id = $1 AND status = 2", run));
    }

    [Fact]
    public async Task A_step_cut_off_by_a_cancel_is_shown_as_ended_and_its_effect_stays_uncertain_after_a_retry()
    {
        var run = await _host.StartRunAsync(_flow);
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, null, null, "w1", RunsDatabase.Step("pay", StepStatus.Running, effect: StepEffect.Effect));
        await PostAsync($"/api/v1/runs/{run}/cancel", null);

        var step = Assert.Single((await _host.GetJsonAsync($"/api/v1/runs/{run}/steps")).GetProperty("items").EnumerateArray());
        Assert.Equal(("Failed", "cancelled", true),
            (step.GetProperty("status").GetString(), step.GetProperty("error").GetProperty("code").GetString(), step.GetProperty("interrupted").GetBoolean()));
        Assert.Contains("not known", step.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);

        await PostAsync($"/api/v1/runs/{run}/retry", null);
        var intent = Assert.Single((await _host.ClaimAsync(run))!.Journal);
        Assert.Equal(("pay", StepStatus.Running, StepEffect.Effect), (intent.Path, intent.Status, intent.Effect));
    }

    [Fact]
    public async Task A_decision_to_stop_is_asked_for_again_by_a_retry()
    {
        var run = await _host.StartRunAsync(_flow);
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.NeedsDecision, FailedStep: "pay"), null, "w1", RunsDatabase.Step("pay", StepStatus.Running, effect: StepEffect.Effect));
        await PostAsync($"/api/v1/runs/{run}/decide", """{ "path": "pay", "decision": "stop" }""");
        Assert.Equal(["pay Failed"], await LinesAsync(run, "steps"));
        await PostAsync($"/api/v1/runs/{run}/retry", null);
        Assert.Equal(StepStatus.Running, Assert.Single((await _host.ClaimAsync(run))!.Journal).Status);
        Assert.Equal(["pay Failed"], await LinesAsync(run, "steps/history"));
    }

    [Fact]
    public async Task From_a_step_a_new_run_begins_with_what_stands_before_it_and_with_the_edited_input()
    {
        var run = await FailedAsync("""{"n":1}""");
        var (status, body) = await PostAsync($"/api/v1/runs/{run}/retry", """{ "from": "pay", "input": { "sum": 7 } }""");

        var next = body.GetProperty("id").GetGuid();
        Assert.Equal((HttpStatusCode.Accepted, run), (status, body.GetProperty("retriedFrom").GetGuid()));
        Assert.NotEqual(run, next);
        var claim = (await _host.ClaimAsync(next))!;
        Assert.Equal((1, """{"n":1}"""), (claim.Attempt, claim.Trigger.ToString()));
        Assert.Equal(("a", "1"), (Assert.Single(claim.Journal).Path, claim.Journal[0].Output.ToString()));
        Assert.Equal("""{ "sum": 7 }""", claim.Inputs!["pay"].ToString());
        Assert.Equal(RunStatus.Failed, await database.StatusAsync(run)); // the source stays as it was
        Assert.Equal(["a Succeeded", "pay Failed"], await LinesAsync(run, "steps"));
    }

    [Fact]
    public async Task From_the_start_a_new_run_begins_with_the_trigger_or_an_edited_one()
    {
        var run = await FailedAsync("""{"n":1}""");
        var same = (await PostAsync($"/api/v1/runs/{run}/retry", """{ "from": "start" }""")).Body.GetProperty("id").GetGuid();
        var edited = (await PostAsync($"/api/v1/runs/{run}/retry", """{ "from": "start", "input": {"n":2} }""")).Body.GetProperty("id").GetGuid();
        var (first, second) = ((await _host.ClaimAsync(same))!, (await _host.ClaimAsync(edited))!);
        Assert.Equal(("""{"n":1}""", """{"n":2}"""), (first.Trigger.ToString(), second.Trigger.ToString()));
        Assert.Empty(first.Journal);
    }

    [Fact]
    public async Task On_the_latest_version_results_are_kept_while_their_steps_are_unchanged()
    {
        var (flow, _) = await database.PublishAsync(Definition);
        var run = await FailedAsync(flow: flow);
        await PublishAgainAsync(flow, Definition.Replace("=> 2", "=> 3", StringComparison.Ordinal));
        var (status, body) = await PostAsync($"/api/v1/runs/{run}/retry", """{ "from": "failed", "version": "latest" }""");
        Assert.Equal((HttpStatusCode.Accepted, 2), (status, body.GetProperty("version").GetInt32()));
        Assert.Equal("a", Assert.Single((await _host.ClaimAsync(body.GetProperty("id").GetGuid()))!.Journal).Path);

        await PublishAgainAsync(flow, Definition.Replace("=> 1", "=> 4", StringComparison.Ordinal));
        (status, body) = await PostAsync($"/api/v1/runs/{run}/retry", """{ "from": "failed", "version": "latest" }""");
        Assert.Equal((HttpStatusCode.Conflict, "version_differs", "a"), (status, body.GetProperty("code").GetString(), body.GetProperty("step").GetString()));
    }

    [Theory]
    [InlineData("""{ "from": "nope" }""", "$.from")]
    [InlineData("""{ "from": "" }""", "$.from")]
    [InlineData("""{ "version": "newest" }""", "$.version")]
    [InlineData("""{ "input": 1 }""", "$.input")]
    [InlineData("""{ "from": "end", "input": 1 }""", "$.input")]
    public async Task What_cannot_be_understood_is_refused_with_the_field(string request, string field)
    {
        var (status, body) = await PostAsync($"/api/v1/runs/{await FailedAsync()}/retry", request);
        Assert.Equal((HttpStatusCode.BadRequest, field), (status, body.GetProperty("errors")[0].GetProperty("path").GetString()));
    }

    [Fact]
    public async Task Many_runs_are_cancelled_and_retried_in_one_call_and_each_refusal_has_its_reason()
    {
        var (flow, _) = await database.PublishAsync(Definition);
        var (queued, failed, stranger) = (await _host.StartRunAsync(flow), await FailedAsync(flow: flow), Guid.CreateVersion7());
        var (_, cancelled) = await PostAsync("/api/v1/runs/cancel", $$"""{ "ids": ["{{queued}}", "{{failed}}", "{{stranger}}"] }""");
        Assert.Equal(queued, Assert.Single(cancelled.GetProperty("done").EnumerateArray()).GetProperty("runId").GetGuid());
        Assert.Equal(["wrong_status Failed", "run_not_found "],
            cancelled.GetProperty("refused").EnumerateArray().Select(run => $"{run.GetProperty("code")} {run.GetProperty("runStatus")}"));

        var (_, retried) = await PostAsync("/api/v1/runs/retry", $$"""{ "filter": { "flow": "{{flow}}", "status": ["Failed", "Cancelled", "Succeeded"] } }""");
        Assert.Equal([queued, failed], retried.GetProperty("done").EnumerateArray().Select(run => run.GetProperty("nowRunId").GetGuid()).Order());
        Assert.False(retried.GetProperty("more").GetBoolean());
        Assert.Equal((RunStatus.Queued, RunStatus.Queued), (await database.StatusAsync(queued), await database.StatusAsync(failed)));

        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync("/api/v1/runs/retry", "{}")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PostAsync("/api/v1/runs/cancel", """{ "ids": [] }""")).Status);
    }

    [Fact]
    public async Task Of_two_retries_at_the_same_moment_one_goes_on_and_the_other_hears_the_state()
    {
        for (var round = 0; round < 10; round++)
        {
            var run = await FailedAsync();
            var answers = await Task.WhenAll(PostAsync($"/api/v1/runs/{run}/retry", null), PostAsync($"/api/v1/runs/{run}/retry", null));
            Assert.Equal([HttpStatusCode.OK, HttpStatusCode.Conflict], answers.Select(answer => answer.Status).Order());
            Assert.Equal(1, await database.ValueAsync<long>("SELECT count(*) FROM run_step_history WHERE run_id = $1", run));
        }
    }

    private async Task<Guid> FailedAsync(string payload = "{}", Guid? flow = null)
    {
        var run = await _host.StartRunAsync(flow ?? _flow, payload);
        await _host.ClaimAsync(run);
        var report = await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Failed, Error: s_error, FailedStep: "pay"), null, "w1",
            RunsDatabase.Step("a", StepStatus.Succeeded, "1"), RunsDatabase.Step("pay", StepStatus.Failed, effect: StepEffect.Effect) with { Error = s_error });
        Assert.Empty(report.Stale);
        return run;
    }

    private async Task PublishAgainAsync(Guid flow, string definition)
    {
        var version = Guid.CreateVersion7();
        await database.ExecuteAsync("INSERT INTO flow_versions (id, flow_id, number, definition) SELECT $1, $2, max(number) + 1, $3::json FROM flow_versions WHERE flow_id = $2", version, flow, definition);
        await database.ExecuteAsync("UPDATE flows SET published_version_id = $2 WHERE id = $1", flow, version);
    }

    private async Task<IEnumerable<string>> LinesAsync(Guid run, string list) =>
        (await _host.GetJsonAsync($"/api/v1/runs/{run}/{list}")).GetProperty("items").EnumerateArray().Select(line => $"{line.GetProperty("path")} {line.GetProperty("status")}");

    private async Task<(HttpStatusCode Status, JsonElement Body)> PostAsync(string path, string? body)
    {
        using var content = body is null ? null : new StringContent(body, System.Text.Encoding.UTF8, "application/json");
        using var answer = await _host.Api.PostAsync(path, content);
        return (answer.StatusCode, await RunsHost.JsonAsync(answer));
    }
}
