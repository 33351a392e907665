using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Flows.Api.Runs;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;

namespace Flows.Tests.Runs;

[Collection(Platform.Databases)]
public sealed class RunsOverHttp(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private static readonly RunOutcome s_success = new(RunStatus.Succeeded, RawJson.Parse("""{"total":1}"""));
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_run_is_accepted_claimed_reported_and_read_back()
    {
        var run = await _host.StartRunAsync(database.Flow, """ {"n": 1.0} """);
        var claim = (await _host.ClaimAsync(run))!;
        Assert.Equal("""{"n": 1.0}""", claim.Trigger.ToString());
        Assert.Equal((60_000, 600_000), (claim.LeaseMs, claim.ActiveMs));
        var stale = (await _host.ReportAsync(run, 1, s_success, null, "w1", RunsDatabase.Step("b", StepStatus.Succeeded, "[1]"))).Stale;
        Assert.Empty(stale);

        var view = await _host.GetJsonAsync($"/api/v1/runs/{run}");
        Assert.Equal(
            "id flowId version status environment trigger createdAt startedAt finishedAt attempt worker leaseUntil waitingFor failedStep error output origin",
            string.Join(' ', view.EnumerateObject().Select(property => property.Name)));
        Assert.Equal("Succeeded", view.GetProperty("status").GetString());
        Assert.Equal("""{"n": 1.0}""", view.GetProperty("trigger").GetRawText());
        Assert.Equal("""{"total":1}""", view.GetProperty("output").GetRawText());

        var step = Assert.Single((await _host.GetJsonAsync($"/api/v1/runs/{run}/steps")).GetProperty("items").EnumerateArray());
        Assert.Equal("path name kind status attempt startedAt durationMs input output error effect", string.Join(' ', step.EnumerateObject().Select(property => property.Name)));
        Assert.Equal("[1]", step.GetProperty("output").GetRawText());
    }

    [Fact]
    public async Task A_later_claim_brings_the_journal()
    {
        var run = await _host.StartRunAsync(database.Flow);
        await _host.ClaimAsync(run);
        await _host.ReportAsync(run, 1, new RunOutcome(RunStatus.Queued), null, "w1", RunsDatabase.Step("a", StepStatus.Succeeded, "1"));
        var claim = (await _host.ClaimAsync(run, "w2"))!;
        Assert.Equal((2, "a"), (claim.Attempt, Assert.Single(claim.Journal).Path));
    }

    [Theory]
    [InlineData("{", HttpStatusCode.BadRequest)]
    [InlineData("{} {}", HttpStatusCode.BadRequest)]
    [InlineData("\"\u00e9\"", HttpStatusCode.Accepted)]
    [InlineData("", HttpStatusCode.Accepted)]
    public async Task The_payload_is_one_JSON_value_or_nothing(string body, HttpStatusCode expected)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await _host.Api.PostAsync($"/api/v1/flows/{database.Flow}/runs", content);
        Assert.Equal(expected, answer.StatusCode);
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF8_are_refused()
    {
        using var content = new ByteArrayContent([(byte)'"', 0xC3, (byte)'"']);
        using var answer = await _host.Api.PostAsync($"/api/v1/flows/{database.Flow}/runs", content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task A_flow_that_cannot_run_is_refused_with_the_reason()
    {
        await ExpectAsync(HttpStatusCode.NotFound, "flow_not_found", $"/api/v1/flows/{Guid.CreateVersion7()}/runs");

        var stranger = Guid.CreateVersion7();
        await database.ExecuteAsync("INSERT INTO projects (id, name) VALUES ($1, 'Stranger')", stranger);
        var (theirs, _) = await database.PublishAsync(RunsDatabase.Definition, stranger);
        await ExpectAsync(HttpStatusCode.NotFound, "flow_not_found", $"/api/v1/flows/{theirs}/runs");
        await ExpectAsync(HttpStatusCode.NotFound, "flow_not_found", $"/api/v1/flows/{theirs}/draft/runs");

        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition);
        await _host.StartRunAsync(flow);
        await database.ExecuteAsync("UPDATE flows SET enabled = false WHERE id = $1", flow);
        PublishedFlows.Invalidate(flow);
        await ExpectAsync(HttpStatusCode.Conflict, "flow_disabled", $"/api/v1/flows/{flow}/runs");
        await database.ExecuteAsync("UPDATE flows SET enabled = true, published_version_id = NULL WHERE id = $1", flow);
        PublishedFlows.Invalidate(flow);
        await ExpectAsync(HttpStatusCode.Conflict, "flow_not_published", $"/api/v1/flows/{flow}/runs");
    }

    [Fact]
    public async Task Test_runs_of_an_unchanged_draft_share_a_snapshot()
    {
        var (flow, published) = await database.PublishAsync(RunsDatabase.Definition);
        async Task<Guid> TestAsync()
        {
            using var answer = await _host.Api.PostAsync($"/api/v1/flows/{flow}/draft/runs", null);
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            var run = await RunsHost.JsonAsync(answer);
            Assert.Equal("Test", run.GetProperty("environment").GetString());
            return await database.ValueAsync<Guid>("SELECT version_id FROM runs WHERE id = $1 AND priority = 1 AND version IS NULL", run.GetProperty("id").GetGuid());
        }

        var first = await TestAsync();
        Assert.NotEqual(published, first);
        Assert.Equal(first, await TestAsync());
        await database.ExecuteAsync("UPDATE flows SET draft = $2::json WHERE id = $1", flow, RunsDatabase.Definition + " ");
        var second = await TestAsync();
        Assert.NotEqual(first, second);
        using var version = await _host.Worker.GetAsync(WorkerRoutes.Version.Replace("{versionId}", second.ToString(), StringComparison.Ordinal));
        var document = await version.Content.ReadFromJsonAsync(WorkerJson.Default.FlowVersionDocument);
        Assert.Equal(RunsDatabase.Definition, document!.Definition.ToString().TrimEnd());
    }

    [Fact]
    public async Task Runs_are_listed_newest_first_page_by_page_and_by_filter()
    {
        var (flow, version) = await database.PublishAsync(RunsDatabase.Definition);
        var start = new DateTimeOffset(2031, 5, 1, 0, 0, 0, TimeSpan.Zero);
        var store = database.Store();
        var runs = Enumerable.Range(0, 12).Select(i => database.NewRun(new ManualClock(start.AddHours(i))) with { FlowId = flow, VersionId = version }).ToList();
        await store.AcceptAsync(runs, default);
        await store.TryCancelAsync(database.Project, runs[3].RunId, default);

        var seen = new List<Guid>();
        string? cursor = null;
        do
        {
            var page = await _host.GetJsonAsync($"/api/v1/runs?flow={flow}&limit=5" + (cursor is null ? "" : $"&cursor={cursor}"));
            Assert.All(page.GetProperty("items").EnumerateArray(), run => Assert.False(run.TryGetProperty("trigger", out _)));
            seen.AddRange(Ids(page));
            cursor = page.GetProperty("nextCursor").GetString();
        }
        while (cursor is not null);
        Assert.Equal(runs.Select(run => run.RunId).Reverse(), seen);

        Assert.Equal([runs[3].RunId], Ids(await _host.GetJsonAsync($"/api/v1/runs?flow={flow}&status=Cancelled,Failed")));
        Assert.Equal(12, Ids(await _host.GetJsonAsync($"/api/v1/runs?flow={flow}&status=queued&status=Cancelled")).Count);
        Assert.Equal([runs[4].RunId, runs[3].RunId, runs[2].RunId], Ids(await _host.GetJsonAsync($"/api/v1/runs?from=2031-05-01T02:00:00Z&to=2031-05-01T05:00:00Z")));
    }

    [Theory]
    [InlineData("status=Nope")]
    [InlineData("status=3")]
    [InlineData("limit=101")]
    [InlineData("limit=0")]
    [InlineData("cursor=x")]
    [InlineData("from=yesterday")]
    [InlineData("flow=1")]
    public async Task A_filter_that_makes_no_sense_is_refused(string query)
    {
        using var answer = await _host.Api.GetAsync($"/api/v1/runs?{query}");
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task Only_a_credential_of_the_right_kind_comes_in()
    {
        using var user = await _host.Worker.GetAsync("/api/v1/runs");
        Assert.Equal(HttpStatusCode.Unauthorized, user.StatusCode);
        using var worker = await _host.Api.PostAsync(WorkerRoutes.Claim, null);
        Assert.Equal(HttpStatusCode.Unauthorized, worker.StatusCode);
    }

    [Fact]
    public async Task A_worker_of_another_protocol_is_told_which_one_is_spoken()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, WorkerRoutes.Claim) { Content = JsonContent.Create(new { worker = "w", runs = Array.Empty<Guid>() }) };
        request.Headers.Authorization = _host.Worker.DefaultRequestHeaders.Authorization;
        using var client = new HttpClient { BaseAddress = _host.Address };
        using var answer = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.UpgradeRequired, answer.StatusCode);
        Assert.Equal(1, (await RunsHost.JsonAsync(answer)).GetProperty("protocol").GetInt32());
    }

    [Fact]
    public async Task Workers_that_were_heard_of_are_listed_and_the_queue_is_counted()
    {
        var info = new WorkerInfo("1", "host", 7, TimeProvider.System.GetUtcNow(), 5, 1, 2, "UNSANDBOXED", "as configured", "STRICT", "engines keep to it", Limits: "the worker watches");
        var run = await _host.StartRunAsync(database.Flow);
        await _host.ClaimAsync(run);
        var beat = await _host.SendAsync(WorkerRoutes.Heartbeat, new HeartbeatRequest("w1", info, [new HeldRun(run, 1), new HeldRun(run, 2)]),
            WorkerJson.Default.HeartbeatRequest, WorkerJson.Default.HeartbeatResponse);
        Assert.Equal([new HeldRun(run, 2)], beat.Lost);

        var worker = Assert.Single((await _host.GetJsonAsync("/api/v1/system/workers")).GetProperty("items").EnumerateArray());
        Assert.Equal(("w1", true), (worker.GetProperty("id").GetString(), worker.GetProperty("alive").GetBoolean()));
        Assert.Equal(["UNSANDBOXED", "as configured", "STRICT", "engines keep to it", "the worker watches"],
            new[] { "executionMode", "modeReason", "networkMode", "networkReason", "limits" }.Select(name => worker.GetProperty(name).GetString()));
        Assert.True((await _host.GetJsonAsync("/api/v1/system/queue")).GetProperty("depth").GetInt64() > 0);
    }

    private static List<Guid> Ids(JsonElement page) => [.. page.GetProperty("items").EnumerateArray().Select(run => run.GetProperty("id").GetGuid())];

    private async Task ExpectAsync(HttpStatusCode status, string code, string path)
    {
        using var answer = await _host.Api.PostAsync(path, null);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        Assert.Equal(code, (await RunsHost.JsonAsync(answer)).GetProperty("code").GetString());
    }
}
