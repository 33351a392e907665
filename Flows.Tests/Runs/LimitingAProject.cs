using System.Net;
using Flows.Api.Projects;
using Flows.Contracts.Definitions;

namespace Flows.Tests.Runs;

/// <summary>Limits and defaults of a project's own, as they reach its runs and callers.</summary>
[Collection(Platform.Databases)]
public sealed class LimitingAProject(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync(new() { ["Flows:Webhooks:ProjectPerMinute"] = "100" });

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task A_claim_gives_a_run_the_time_and_the_pauses_of_its_project()
    {
        var (flow, _) = await FlowOfAsync("run_timeout_seconds = 90, paused_days = 2");
        var claim = (await _host.ClaimAsync(await CallAsync(flow)))!;
        Assert.Equal(90_000, claim.ActiveMs);
        Assert.Equal(TimeSpan.FromDays(2).TotalMilliseconds, claim.Pauses!.LeftMs);
    }

    [Fact]
    public async Task A_project_that_says_nothing_has_what_the_installation_sets()
    {
        var (flow, _) = await FlowOfAsync("run_timeout_seconds = 0");
        var claim = (await _host.ClaimAsync(await CallAsync(flow)))!;
        Assert.Equal(600_000, claim.ActiveMs);
        Assert.Equal(TimeSpan.FromDays(30).TotalMilliseconds, claim.Pauses!.LeftMs);
    }

    [Theory]
    [InlineData("run_timeout_seconds = 0", UncertainPolicy.Ask)]
    [InlineData("on_uncertain = 1", UncertainPolicy.Retry)]
    [InlineData("on_uncertain = 2", UncertainPolicy.Fail)]
    public async Task A_claim_tells_what_its_project_wants_of_uncertain_effects(string settings, UncertainPolicy policy)
    {
        var (flow, _) = await FlowOfAsync(settings);
        Assert.Equal(policy, (await _host.ClaimAsync(await CallAsync(flow)))!.OnUncertain);
    }

    [Fact]
    public async Task Time_that_an_attempt_before_has_spent_is_taken_off_the_limit_of_the_project()
    {
        var (flow, _) = await FlowOfAsync("run_timeout_seconds = 90");
        var run = await CallAsync(flow);
        await database.ExecuteAsync("UPDATE runs SET active_ms = 80000 WHERE id = $1", run);
        Assert.Equal(10_000, (await _host.ClaimAsync(run))!.ActiveMs);
    }

    [Fact]
    public async Task Its_webhooks_take_as_many_calls_as_it_says_and_no_more()
    {
        var (flow, project) = await FlowOfAsync("webhook_per_minute = 1");
        using var first = await _host.Anonymous.PostAsync($"/webhooks/{flow}", null);
        using var second = await _host.Anonymous.PostAsync($"/webhooks/{flow}", null);
        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.TooManyRequests), (first.StatusCode, second.StatusCode));
        Assert.Contains("takes 1 calls a minute", (await RunsHost.JsonAsync(second)).GetProperty("detail").GetString(), StringComparison.Ordinal);

        // A limit that is taken away holds at once where it was taken away.
        var book = _host.Get<ProjectTermsBook>();
        Assert.Equal(1, (await book.OfAsync(project)).WebhooksPerMinute);
        await database.ExecuteAsync("UPDATE projects SET webhook_per_minute = 0 WHERE id = $1", project);
        book.Forget(project);
        Assert.Equal(100, (await book.OfAsync(project)).WebhooksPerMinute);
    }

    [Fact]
    public async Task A_limit_from_before_the_ceiling_is_held_to_it()
    {
        var (flow, project) = await FlowOfAsync("run_timeout_seconds = 86400, paused_days = 3650, webhook_per_minute = 1000000");
        var claim = (await _host.ClaimAsync(await CallAsync(flow)))!;
        Assert.Equal((600_000L, TimeSpan.FromDays(30).TotalMilliseconds), (claim.ActiveMs, claim.Pauses!.LeftMs));
        Assert.Equal(100, (await _host.Get<ProjectTermsBook>().OfAsync(project)).WebhooksPerMinute);
    }

    [Fact]
    public async Task With_a_ceiling_of_its_own_an_installation_lets_a_project_have_more_than_the_others()
    {
        await using var host = await RunsHost.StartAsync(database, new()
        {
            ["Flows:Webhooks:ProjectPerMinute"] = "100",
            ["Flows:Projects:Ceiling:RunTimeout"] = "01:00:00",
            ["Flows:Projects:Ceiling:PausedDays"] = "60",
            ["Flows:Projects:Ceiling:WebhooksPerMinute"] = "500",
        });
        var book = host.Get<ProjectTermsBook>();
        var (_, large) = await FlowOfAsync("run_timeout_seconds = 86400, paused_days = 45, webhook_per_minute = 600");
        var (_, other) = await FlowOfAsync("run_timeout_seconds = 0");
        Assert.Equal(new ProjectTerms(TimeSpan.FromHours(1), TimeSpan.FromDays(45), 500), await book.OfAsync(large));
        Assert.Equal(new ProjectTerms(TimeSpan.FromMinutes(10), TimeSpan.FromDays(30), 100), await book.OfAsync(other));
    }

    private async Task<(Guid Flow, Guid Project)> FlowOfAsync(string settings)
    {
        var project = Guid.CreateVersion7();
        await database.ExecuteAsync("INSERT INTO projects (id, name) VALUES ($1, 'Limited')", project);
        await database.ExecuteAsync($"UPDATE projects SET {settings} WHERE id = $1", project);
        return ((await database.PublishAsync(RunsDatabase.Definition, project)).Flow, project);
    }

    private async Task<Guid> CallAsync(Guid flow)
    {
        using var answer = await _host.Anonymous.PostAsync($"/webhooks/{flow}", null);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        return (await RunsHost.JsonAsync(answer)).GetProperty("runId").GetGuid();
    }
}
