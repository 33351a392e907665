using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Flows.Api.Chaos;
using Flows.Contracts.Definitions;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;

namespace Flows.Tests.Chaos;

/// <summary>When a worker may be killed for somebody, and which: the API with workers that are played by the test.</summary>
[Collection(Platform.Apis)]
public sealed class AskingForChaos(Platform platform) : IAsyncLifetime
{
    private readonly TestDatabase _database = new(platform);
    private ApiHost _api = null!;
    private HttpClient _worker = null!;

    [Fact]
    public void The_sample_asks_about_its_effect_whatever_its_project_wants()
    {
        var both = Assert.IsType<RouterStep>(DefinitionReader.Read(JsonElement.Parse(ChaosSample.Definition), null).Definition!.Steps.Single(step => step.Name == "both"));
        Assert.Equal(UncertainPolicy.Ask, both.Branches.SelectMany(branch => branch.Steps).Single(step => step.Name == "acting").OnUncertain);
    }

    [Fact]
    public async Task It_is_refused_with_the_reason_until_everything_that_it_takes_is_there()
    {
        Assert.Equal("not_a_test_project", await RefusedAsync());
        var page = await _api.GetAsync("/admin/chaos");
        Assert.Contains("This is no test project", page.Ok().Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<form", page.Text, StringComparison.Ordinal);
        await MarkAsTestAsync();
        Assert.Contains("Kill a worker now", (await _api.GetAsync("/admin/chaos")).Ok().Text, StringComparison.Ordinal);

        Assert.Equal("too_few_workers", await RefusedAsync());
        await BeatAsync("w1", allows: true);
        Assert.Equal("too_few_workers", await RefusedAsync());
        await BeatAsync("w1", allows: false);
        await BeatAsync("w2", allows: false);
        Assert.Equal("not_allowed_by_workers", await RefusedAsync());
        var pressed = await _api.PostAsync("/admin/chaos");
        Assert.Equal((409, "text/html"), (pressed.Status, pressed.ContentType));
        Assert.Contains("Flows__Worker__AllowChaos=true", pressed.Text, StringComparison.Ordinal);

        // That it was said is in the audit log, and that nothing was done is not.
        var audit = (await _api.GetAsync("/api/v1/audit")).Ok().Text;
        Assert.Contains("\"isTest\":true", audit.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("chaos.started", audit, StringComparison.Ordinal);
        Assert.Equal(0L, await _database.ScalarAsync("SELECT count(*) FROM runs"));
    }

    [Fact]
    public async Task The_worker_that_holds_the_run_is_told_and_no_other_and_a_run_that_ends_first_ends_it_all()
    {
        await MarkAsTestAsync();
        await BeatAsync("w1", allows: true);
        await BeatAsync("w2", allows: true);
        var asked = _api.PostAsync("/api/v1/system/chaos");
        var run = await SampleRunAsync();
        var claim = Assert.Single((await SendAsync(WorkerRoutes.Claim, new ClaimRequest("w2", [run]), WorkerJson.Default.ClaimRequest, WorkerJson.Default.ClaimResponse)).Claims);
        Assert.Null(await BeatAsync("w2", allows: true));
        Assert.Equal("under_way", await RefusedAsync());
        await ReportAsync(run, claim.Attempt, outcome: null, Line("began", StepStatus.Succeeded), Line("both:Computes.computing", StepStatus.Running), Line("both:Acts.acting", StepStatus.Running));

        var report = (await asked).Ok(202);

        Assert.Equal(("Killing", "w2"), (report["state"].GetString(), report["worker"].GetString()));
        Assert.Null(await BeatAsync("w1", allows: true));
        Assert.Equal(new HeldRun(run, claim.Attempt), await BeatAsync("w2", allows: true));
        Assert.Contains("chaos.started", (await _api.GetAsync("/api/v1/audit")).Text, StringComparison.Ordinal);

        // It does not do it, and the run ends: nothing is told to anybody any more.
        await ReportAsync(run, claim.Attempt, new RunOutcome(RunStatus.Succeeded));
        var over = (await _api.GetAsync($"/api/v1/system/chaos/{report["id"].GetGuid()}")).Ok();
        Assert.Equal("Failed", over["state"].GetString());
        Assert.Contains("ended before its worker had ended itself", over["problem"].GetString(), StringComparison.Ordinal);
        Assert.Null(await BeatAsync("w2", allows: true));
        Assert.Equal("Failed", (await _api.GetAsync("/api/v1/system/chaos"))["items"][0].GetProperty("state").GetString());
        (await _api.GetAsync($"/api/v1/system/chaos/{report["id"].GetGuid()}", await ApiHost.AddProjectAsync(_database))).Problem(404);
    }

    [Fact]
    public async Task A_worker_that_may_not_be_killed_and_takes_the_run_is_left_alone()
    {
        await MarkAsTestAsync();
        await BeatAsync("w1", allows: true);
        await BeatAsync("w2", allows: false);
        var asked = _api.PostAsync("/api/v1/system/chaos");
        var run = await SampleRunAsync();
        var claim = Assert.Single((await SendAsync(WorkerRoutes.Claim, new ClaimRequest("w2", [run]), WorkerJson.Default.ClaimRequest, WorkerJson.Default.ClaimResponse)).Claims);
        await ReportAsync(run, claim.Attempt, outcome: null, Line("both:Computes.computing", StepStatus.Running), Line("both:Acts.acting", StepStatus.Running));

        var report = (await asked).Ok();

        Assert.Equal("Failed", report["state"].GetString());
        Assert.Contains("w2", report["problem"].GetString(), StringComparison.Ordinal);
        Assert.Null(await BeatAsync("w2", allows: false));
        Assert.Equal("Cancelled", (await _api.GetAsync($"/api/v1/runs/{run}"))["status"].GetString());
    }

    public async Task InitializeAsync()
    {
        _api = await ApiHost.StartAsync(_database.ConnectionString, platform, new() { ["Flows:Queue:KeyPrefix"] = _database.Name });
        _worker = new HttpClient { BaseAddress = _api.Http.BaseAddress };
        _worker.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ApiHost.WorkerToken);
        _worker.DefaultRequestHeaders.Add(WorkerRoutes.ProtocolHeader, "1");
    }

    public async Task DisposeAsync()
    {
        _worker.Dispose();
        await _api.DisposeAsync();
        await _database.DisposeAsync();
    }

    private async Task<string?> RefusedAsync()
    {
        var answer = await _api.PostAsync("/api/v1/system/chaos");
        answer.Problem(409);
        return answer["code"].GetString();
    }

    private async Task MarkAsTestAsync()
    {
        var project = (await _api.GetAsync("/api/v1/projects"))["items"][0];
        Assert.False(project.GetProperty("isTest").GetBoolean());
        Assert.True((await _api.SendAsync(HttpMethod.Patch, $"/api/v1/projects/{project.GetProperty("id").GetGuid()}", new { isTest = true })).Ok()["isTest"].GetBoolean());
    }

    /// <returns>The run in whose middle it is told to end itself.</returns>
    private async Task<HeldRun?> BeatAsync(string worker, bool allows) => (await SendAsync(WorkerRoutes.Heartbeat,
        new HeartbeatRequest(worker, new WorkerInfo("1", "host", 7, TimeProvider.System.GetUtcNow(), 5, 1, 2, "UNSANDBOXED", AllowsChaos: allows), []),
        WorkerJson.Default.HeartbeatRequest, WorkerJson.Default.HeartbeatResponse)).End;

    private Task<ReportResponse> ReportAsync(Guid run, int attempt, RunOutcome? outcome, params StepRecord[] steps) =>
        SendAsync(WorkerRoutes.Report, new ReportRequest("w2", [new RunReport(run, attempt, steps, null, outcome)]), WorkerJson.Default.ReportRequest, WorkerJson.Default.ReportResponse);

    private async Task<TAnswer> SendAsync<TRequest, TAnswer>(string route, TRequest request, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TAnswer> answerType)
    {
        using var answer = await _worker.PostAsJsonAsync(route, request, requestType);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync(answerType))!;
    }

    private static StepRecord Line(string path, StepStatus status) => new(
        path, path[(path.LastIndexOf('.') + 1)..], "code", status, path.EndsWith("acting", StringComparison.Ordinal) ? StepEffect.Effect : StepEffect.Pure, 1, TimeProvider.System.GetUtcNow(),
        status == StepStatus.Running ? null : 1);

    private async Task<Guid> SampleRunAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (true)
        {
            if (await _database.ScalarAsync("SELECT id FROM runs LIMIT 1") is Guid run)
                return run;
            await tick.WaitForNextTickAsync(limit.Token);
        }
    }
}
