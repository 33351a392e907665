using System.Net;
using System.Text.RegularExpressions;
using Flows.Tests.Api;
using Flows.Tests.EndToEnd;
using Flows.Tests.Language;

namespace Flows.Tests.Observability;

/// <summary>One process that is API and worker, with real engines, so that everything it counts is on its own page.</summary>
public sealed class CountingFlows(Platform platform) : IAsyncLifetime
{
    private TestDatabase _database = null!;
    internal FlowsProcess Flows { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        _database = new TestDatabase(platform);
        Flows = await FlowsProcess.StartAsync(_database, platform.RedisConnectionString, ("Flows__Queue__Provider", "Redis"));
    }

    public async Task DisposeAsync()
    {
        await Flows.DisposeAsync();
        await _database.DisposeAsync();
    }
}

[Collection(Platform.Databases)]
public sealed class ReadingTheMetrics(CountingFlows counting) : IClassFixture<CountingFlows>
{
    private FlowsProcess Flows => counting.Flows;

    [Fact]
    public async Task Runs_steps_engines_commits_and_callers_are_counted()
    {
        var flow = await Flows.Api.PublishAsync("Counted", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "upper", "kind": "action", "piece": "text", "action": "change_case", "input": { "text": "a", "case": "upper" } },
                         { "name": "answer", "kind": "respond", "body": { "upper": "{{upper}}" } } ] }
            """);
        var before = await PageAsync();
        for (var i = 0; i < 3; i++)
        {
            using var answer = await Flows.Api.Http.PostAsync($"/webhooks/{flow}/sync", content: null);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
        using (var missing = await Flows.Api.Http.PostAsync($"/webhooks/{Guid.CreateVersion7()}", content: null))
            Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);

        // The answer leaves before the run's last word is committed.
        var after = await UntilAsync(page => page.Sum("flows_runs_moved_total", "status=\"Succeeded\"") - before.Sum("flows_runs_moved_total", "status=\"Succeeded\"") >= 3
            && page.Sum("flows_runs_held_seconds_count", "status=\"Succeeded\"") - before.Sum("flows_runs_held_seconds_count", "status=\"Succeeded\"") >= 3);
        double Grown(string name, params string[] labels) => after.Sum(name, labels) - before.Sum(name, labels);

        Assert.Equal(3, Grown("flows_runs_accepted_total", "origin=\"Webhook\"", "environment=\"Production\""));
        Assert.Equal(3, Grown("flows_runs_wait_seconds_count"));
        Assert.Equal(3, Grown("flows_steps_duration_seconds_count", "piece=\"text\"", "status=\"Succeeded\""));
        Assert.Equal(3, Grown("flows_steps_duration_seconds_count", "piece=\"respond\""));
        Assert.Equal(3, Grown("flows_webhooks_duration_seconds_count", "mode=\"sync\"", "status=\"2xx\""));
        Assert.Equal(1, Grown("flows_webhooks_duration_seconds_count", "mode=\"async\"", "status=\"4xx\""));
        Assert.Equal(3, Grown("flows_processes_rented_total", "kind=\"engine\""));
        Assert.True(after.Sum("flows_processes_started_total", "kind=\"engine\"", "result=\"ready\"") >= 1);
        foreach (var what in new[] { "accept", "claim", "report" })
            Assert.InRange(Grown("flows_commits_duration_seconds_count", $"what=\"{what}\""), 1, 100);
        Assert.Equal(3, Grown("flows_commits_items_sum", "what=\"accept\""));
        Assert.InRange(Grown("flows_reports_duration_seconds_count", "result=\"taken\""), 1, 100);
        Assert.Equal(5, after.Sum("flows_worker_slots"));
    }

    [Fact]
    public async Task The_queue_the_pool_of_connections_and_the_runtime_are_on_the_page()
    {
        var page = await UntilAsync(page => page.Has("flows_queue_waiting"));
        foreach (var name in new[] { "flows_queue_waiting", "flows_queue_oldest_wait_seconds", "flows_queue_jobs" })
            Assert.True(page.Has(name), name);
        Assert.Contains(page.Series, series => series.StartsWith("db_client_connection", StringComparison.Ordinal));
        Assert.Contains(page.Series, series => series.StartsWith("dotnet_process_memory_working_set", StringComparison.Ordinal));
        Assert.True(page.Has("http_server_request_duration_seconds_count"));
        Assert.DoesNotContain(page.Series, series => series.Contains("Password", StringComparison.OrdinalIgnoreCase) || series.Contains("Host=", StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task An_engine_that_is_killed_is_counted_by_the_reason()
    {
        var flow = await Flows.Api.PublishAsync("Spinning", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "webhook", "event": "catch", "input": {} },
              "steps": [ { "name": "spin", "kind": "code", "language": "javascript", "input": {}, "source": "export default () => { while (true) { } };" } ] }
            """);
        var before = await PageAsync();
        var run = await Flows.Api.StartAsync(flow);
        await UntilAsync(page => page.Sum("flows_worker_slots_used") >= 1);
        await Flows.Api.SendAsync(HttpMethod.Post, $"/api/v1/runs/{run}/cancel", null);
        await UntilAsync(page => page.Sum("flows_engines_killed_total", "reason=\"claim_lost\"") - before.Sum("flows_engines_killed_total", "reason=\"claim_lost\"") == 1
            && page.Sum("flows_runs_moved_total", "status=\"Cancelled\"") - before.Sum("flows_runs_moved_total", "status=\"Cancelled\"") == 1);
    }

    [Fact]
    public async Task Nobody_reads_it_without_a_key()
    {
        using var answer = await Flows.Api.Http.GetAsync("/metrics");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Fact]
    public async Task Every_instrument_of_ours_is_described_in_the_document()
    {
        var document = await File.ReadAllTextAsync(Tree.PathOf("docs", "observability.md"));
        var described = Regex.Matches(document, "`(flows\\.[a-z_.]+)`").Select(match => match.Groups[1].Value.Replace('.', '_')).ToHashSet();
        var page = await UntilAsync(page => page.Has("flows_queue_waiting"));
        var shown = page.Series.Select(series => Regex.Replace(series.Split('{')[0], "(_seconds|_bytes)?(_total|_bucket|_sum|_count)?$", ""))
            .Where(name => name.StartsWith("flows_", StringComparison.Ordinal)).Distinct().ToList();
        Assert.NotEmpty(shown);
        Assert.DoesNotContain(shown, name => !described.Contains(name));
    }

    [Fact]
    public async Task The_rules_of_the_document_name_what_there_is()
    {
        var document = await File.ReadAllTextAsync(Tree.PathOf("docs", "observability.md"));
        var rules = document[document.IndexOf("```yaml", StringComparison.Ordinal)..];
        rules = rules[..rules.IndexOf("\n```", StringComparison.Ordinal)];
        var named = Regex.Matches(rules, "(flows|dotnet|db_client)_[a-z_]+(?=[{)\\[])").Select(match => match.Value).Distinct().ToList();
        Assert.True(named.Count >= 8, string.Join(", ", named));
        var described = Regex.Matches(document, "`(flows\\.[a-z_.]+)`").Select(match => match.Groups[1].Value.Replace('.', '_')).ToHashSet();

        var page = await UntilAsync(page => page.Has("flows_queue_waiting"));

        // Ours are counted when there is something to count, and described; those of others have to be on the page as they are called there.
        Assert.All(named, name => Assert.True(
            name.StartsWith("flows_", StringComparison.Ordinal) ? described.Contains(Regex.Replace(name, "(_seconds|_bytes)?(_total|_bucket|_sum|_count)?$", "")) : page.Has(name), name));
        Assert.Contains(page.Series, series => series.StartsWith("db_client_connection_count{", StringComparison.Ordinal) && series.Contains("db_client_connection_state=\"used\"", StringComparison.Ordinal));
    }

    private async Task<MetricsPage> PageAsync()
    {
        using var answer = await Flows.Api.AskAsync(HttpMethod.Get, "/metrics", null);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/plain", answer.Content.Headers.ContentType?.MediaType);
        return MetricsPage.Parse(await answer.Content.ReadAsStringAsync());
    }

    private async Task<MetricsPage> UntilAsync(Func<MetricsPage, bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var page = await PageAsync();
            if (condition(page))
                return page;
            await Task.Delay(50, limit.Token);
        }
    }
}
