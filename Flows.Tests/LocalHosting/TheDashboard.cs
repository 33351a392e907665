using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Flows.LocalHosting.Dashboard;
using Flows.LocalHosting.Storage;
using Flows.Tests.EndToEnd;

namespace Flows.Tests.LocalHosting;

[Collection(nameof(RunningAppHost))]
public sealed partial class TheDashboard : IAsyncLifetime, IDisposable
{
    private readonly HttpClient browser = new();
    private IDistributedApplicationTestingBuilder builder = null!;
    private DistributedApplication app = null!;

    public async Task InitializeAsync()
    {
        builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Flows_AppHost>(
            RunningAppHost.Ephemeral, (options, _) => options.DisableDashboard = false);
        app = await builder.BuildAsync();
        await app.StartAsync();
        await app.ResourceNotifications.WaitForResourceHealthyAsync("worker").WaitAsync(RunningAppHost.Patience);
        browser.BaseAddress = new Uri(builder.Configuration["ASPNETCORE_URLS"]!);
    }

    public async Task DisposeAsync() => await builder.DisposeAsync();

    public void Dispose() => browser.Dispose();

    [Fact]
    public async Task It_shows_resources_with_their_secrets_masked()
    {
        var resources = await browser.GetFromJsonAsync<List<ResourceView>>("/api/resources");
        Assert.Equal(2, resources!.Single(resource => resource.Name == "worker").Replicas.Count);
        var api = resources!.Single(resource => resource.Name == "api");
        Assert.Equal("Healthy", api.Replicas[0].Health);

        var environment = (await browser.GetFromJsonAsync<List<EnvironmentView>>($"/api/replicas/{api.Replicas[0].Id}/environment"))!
            .ToDictionary(variable => variable.Name, variable => variable.Value);
        foreach (var secret in (string[])["ConnectionStrings__flowsdb", "FLOWSDB_PASSWORD", "FLOWSDB_URI", "REDIS_URI", "Flows__Security__WorkerToken", "Flows__Bootstrap__ApiKey"])
            Assert.Contains(SecretMask.Dots, environment[secret], StringComparison.Ordinal);
        Assert.Equal("APP", environment["Flows__ContainerType"]);
        var everything = string.Join('\n', environment.Values);
        foreach (var secret in JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(builder.Configuration["Flows:DataDirectory"]!, "secrets.json"))).RootElement.EnumerateObject())
            Assert.DoesNotContain(secret.Value.GetString()!, everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_its_own_page_may_stop_and_start()
    {
        var replica = app.ResourceNotifications.ReplicasOf("worker").First().ResourceId;
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.PostAsync($"/api/replicas/{replica}/stop", content: null)).StatusCode);

        using var rebound = new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = "evil.example" } };
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.SendAsync(rebound)).StatusCode);

        browser.DefaultRequestHeaders.Add("X-Flows-Token", Token().Match(await browser.GetStringAsync("/")).Groups[1].Value);
        Assert.Equal(HttpStatusCode.NoContent, (await browser.PostAsync($"/api/replicas/{replica}/stop", content: null)).StatusCode);
        Assert.True(app.ResourceNotifications.TryGetCurrentState(replica, out var stopped));
        Assert.Equal(KnownResourceStates.Finished, stopped.Snapshot.State?.Text);

        Assert.Equal(HttpStatusCode.NoContent, (await browser.PostAsync($"/api/replicas/{replica}/start", content: null)).StatusCode);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("worker").WaitAsync(RunningAppHost.Patience);
        Assert.Equal(HttpStatusCode.NotFound, (await browser.PostAsync("/api/replicas/nobody/stop", content: null)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.PostAsync($"/api/replicas/{replica}/explode", content: null)).StatusCode);
    }

    [Fact]
    public async Task Its_pages_ask_nobody_else_and_show_the_traces_of_recent_runs()
    {
        Assert.True(app.ResourceNotifications.TryGetCurrentState(app.ResourceNotifications.ReplicasOf("api").First().ResourceId, out var state));
        var given = state.Snapshot.EnvironmentVariables.ToDictionary(variable => variable.Name, variable => variable.Value!);
        var api = new FlowsClient(app.CreateHttpClient("api", "http"), given["Flows__Bootstrap__ApiKey"]);
        var flow = await api.PublishAsync("Shown & traced", """
            { "schema": 1, "trigger": { "name": "trigger", "piece": "manual", "event": "run", "input": {} },
              "steps": [ { "name": "upper", "kind": "action", "piece": "text", "action": "change_case", "input": { "text": "a", "case": "upper" } } ] }
            """);
        var run = await api.StartAsync(flow);
        var list = await UntilPageAsync("/traces", page => page.Contains($"{run}", StringComparison.Ordinal));
        var address = Regex.Match(list, "<a href=\"(/traces/[0-9a-f]{32})\">run Shown &amp; traced</a>").Groups[1].Value;
        var trace = await UntilPageAsync(address, page => page.Contains("step upper", StringComparison.Ordinal) && page.Contains("POST /api/v1/flows/{flowId:guid}/runs", StringComparison.Ordinal));
        foreach (var what in (string[])["queue", "run Shown &amp; traced", "step upper", "worker", "api", "<rect class=\"k2\""])
            Assert.Contains(what, trace, StringComparison.Ordinal);

        // Only the processes of the diagram can tell of spans.
        Assert.Equal(HttpStatusCode.Forbidden, (await browser.PostAsync("/otlp/v1/traces", new ByteArrayContent([]))).StatusCode);
        using var own = new HttpRequestMessage(HttpMethod.Post, "/otlp/v1/traces") { Content = new ByteArrayContent([0x0A]) };
        var key = given["OTEL_EXPORTER_OTLP_HEADERS"].Split('=');
        own.Headers.Add(key[0], key[1]);
        Assert.Equal(HttpStatusCode.BadRequest, (await browser.SendAsync(own)).StatusCode);
        Assert.DoesNotContain(key[1], await browser.GetStringAsync($"/api/replicas/{state.ResourceId}/environment"), StringComparison.Ordinal);

        using var answer = await browser.GetAsync("/");
        Assert.StartsWith("default-src 'self'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        foreach (var file in (string[])["/", "/traces", "/dashboard.css", "/dashboard.js"])
        {
            var text = await browser.GetStringAsync(file);
            Assert.DoesNotMatch("(src|href|url\\()\\s*=?\\s*[\"']?https?:", text);
        }
    }

    private async Task<string> UntilPageAsync(string path, Predicate<string> condition)
    {
        using var limit = new CancellationTokenSource(RunningAppHost.Patience);
        while (true)
        {
            var page = await browser.GetStringAsync(path, limit.Token);
            if (condition(page))
                return page;
            await Task.Delay(100, limit.Token);
        }
    }

    [GeneratedRegex("flows-token\" content=\"([0-9A-F]+)\"")]
    private static partial Regex Token();
}
