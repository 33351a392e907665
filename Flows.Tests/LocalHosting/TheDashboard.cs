using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using Flows.LocalHosting.Dashboard;
using Flows.LocalHosting.Storage;

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
    public async Task Its_page_asks_nobody_else()
    {
        using var answer = await browser.GetAsync("/");
        Assert.StartsWith("default-src 'self'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        foreach (var file in (string[])["/", "/dashboard.css", "/dashboard.js"])
        {
            var text = await browser.GetStringAsync(file);
            Assert.DoesNotMatch("(src|href|url\\()\\s*=?\\s*[\"']?https?:", text);
        }
    }

    [GeneratedRegex("flows-token\" content=\"([0-9A-F]+)\"")]
    private static partial Regex Token();
}
