using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Flows.Api.Flows;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Api;

/// <summary>The real API on a port of its own, over a database of its own, without a worker.</summary>
public sealed class ApiHost : IAsyncDisposable
{
    public const string Key = "flk_bootstrap-key-of-the-api-tests-0123456789";
    public const string WorkerToken = "worker-token-of-the-api-tests-0123456789";

    private readonly string _key;

    private ApiHost(WebApplication app, HttpClient http, string key) => (App, Http, _key) = (app, http, key);

    public WebApplication App { get; }
    public HttpClient Http { get; }

    /// <param name="settings">Added to, or in place of, those that a test host has.</param>
    public static async Task<ApiHost> StartAsync(
        string postgres, Platform platform, Dictionary<string, string>? settings = null, Action<WebApplicationBuilder>? adapt = null)
    {
        await TestDatabase.FillAsync(postgres);
        return await StartUnfilledAsync(postgres, platform, settings, adapt);
    }

    /// <summary>The same over a server that may be away: the API makes the database by itself.</summary>
    public static async Task<ApiHost> StartUnfilledAsync(
        string postgres, Platform platform, Dictionary<string, string>? settings = null, Action<WebApplicationBuilder>? adapt = null)
    {
        var app = Create(postgres, platform, settings, adapt);
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new ApiHost(app, new HttpClient { BaseAddress = new Uri(address), Timeout = TimeSpan.FromSeconds(30) }, Key);
    }

    public static WebApplication Create(string postgres, Platform platform, Dictionary<string, string>? settings = null, Action<WebApplicationBuilder>? adapt = null)
    {
        var all = new Dictionary<string, string>
        {
            ["environment"] = "Development",
            ["urls"] = "http://127.0.0.1:0",
            ["ConnectionStrings:flowsdb"] = postgres,
            ["ConnectionStrings:redis"] = platform.RedisConnectionString,
            ["Flows:ContainerType"] = "APP",
            ["Flows:Bootstrap:ApiKey"] = Key,
            ["Flows:Security:WorkerToken"] = WorkerToken,
            ["Logging:LogLevel:Default"] = "Warning",
        };
        foreach (var (name, value) in settings ?? [])
            all[name] = value;
        return Flows.Api.Program.Create([.. all.Select(setting => $"--{setting.Key}={setting.Value}")], builder =>
        {
            builder.Services.AddSingleton(new FlowCatalogue(TestCatalogue.Engine));
            builder.Services.AddSingleton<IStartupFilter>(new DeclaredAnswers());
            adapt?.Invoke(builder);
        });
    }

    /// <summary>The same API as another project sees it, whose key goes with every call that names none. It is not to be disposed.</summary>
    public ApiHost For(string key) => new(App, Http, key);

    public Task<Answer> GetAsync(string path, string? key = Key) => SendAsync(HttpMethod.Get, path, body: null, key);
    public Task<Answer> PostAsync(string path, object? body = null, string? key = Key) => SendAsync(HttpMethod.Post, path, body, key);
    public Task<Answer> DeleteAsync(string path, string? key = Key) => SendAsync(HttpMethod.Delete, path, body: null, key);

    /// <param name="body">JSON text as it is, or an object to serialise.</param>
    public async Task<Answer> SendAsync(
        HttpMethod method, string path, object? body, string? key = Key, string? ifMatch = null, string contentType = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        if (key is not null)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key == Key ? _key : key);
        if (ifMatch is not null)
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        request.Headers.ExpectContinue = body is string { Length: > 1 << 20 }; // as curl does: else a refusal races with the sending
        if (body is not null)
            request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body, JsonSerializerOptions.Web), Encoding.UTF8, contentType);
        using var response = await Http.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType, response.Headers);
    }

    /// <summary>A project with a key of its own, beside the bootstrap one.</summary>
    public static async Task<string> AddProjectAsync(TestDatabase database)
    {
        var key = Flows.Api.Access.ApiKey.Generate();
        var projectId = Guid.CreateVersion7();
        await database.ScalarAsync("INSERT INTO projects (id, name) VALUES ($1, 'Other')", projectId);
        await database.ScalarAsync(
            "INSERT INTO api_keys (id, project_id, name, key_prefix, key_hash) VALUES ($1, $2, 'Other', $3, $4)",
            Guid.CreateVersion7(), projectId, key[..12], Flows.Api.Access.KeyHash.Of(key).ToBytes());
        return key;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        var undeclared = App.Services.GetServices<IStartupFilter>().OfType<DeclaredAnswers>().SelectMany(answers => answers.Undeclared).ToList();
        await App.StopAsync();
        await App.DisposeAsync();
        Assert.True(undeclared.Count == 0, $"The API has answered what its document does not say of the operation (.MayRefuse beside the endpoint, or Flows.Api/Reference/OperationDescription.cs): {string.Join(", ", undeclared)}");
    }
}

/// <summary>What came back.</summary>
public sealed record Answer(int Status, string Text, string? ContentType, HttpResponseHeaders Headers)
{
    public JsonElement Json => JsonElement.Parse(Text);
    public JsonElement this[string property] => Json.GetProperty(property);
    public string? ETag => Headers.ETag?.Tag;

    /// <summary>Asserts that this is an error of the one shape, and gives its fields at fault as "path: message".</summary>
    public string[] Problem(int status)
    {
        Assert.True(status == Status, $"Expected {status}, got {Status}: {Text}");
        Assert.Equal("application/problem+json", ContentType);
        Assert.Equal(status, this["status"].GetInt32());
        Assert.NotEmpty(this["type"].GetString()!);
        Assert.NotEmpty(this["title"].GetString()!);
        Assert.NotEmpty(this["detail"].GetString()!);
        Assert.Matches("^[0-9a-f]{32}$", this["traceId"].GetString());
        return Json.TryGetProperty("errors", out var errors)
            ? [.. errors.EnumerateArray().Select(e => $"{e.GetProperty("path").GetString()}: {e.GetProperty("message").GetString()}")]
            : [];
    }

    /// <summary>Asserts that this is an error of the one shape, and gives what it says.</summary>
    public string Detail(int status)
    {
        Problem(status);
        return this["detail"].GetString()!;
    }

    /// <summary>Asserts the status of a success.</summary>
    public Answer Ok(int status = 200)
    {
        Assert.True(status == Status, $"Expected {status}, got {Status}: {Text}");
        return this;
    }
}

/// <summary>One API for a class of tests that do not mind each other's rows.</summary>
public class ApiFixture(Platform platform) : IAsyncLifetime
{
    public TestDatabase Database { get; } = new(platform);
    public ApiHost Api { get; private set; } = null!;

    /// <summary>Added to, or in place of, those that a test host has.</summary>
    protected virtual Dictionary<string, string> Settings => [];

    public virtual async Task InitializeAsync() => Api = await StartAsync(Settings);

    public virtual async Task DisposeAsync()
    {
        await Api.DisposeAsync();
        await Database.DisposeAsync();
    }

    /// <summary>The API as a new project sees it, in which nothing is yet.</summary>
    public async Task<ApiHost> OfNewProjectAsync() => Api.For(await ApiHost.AddProjectAsync(Database));

    /// <summary>A further replica.</summary>
    protected Task<ApiHost> StartAsync(Dictionary<string, string> settings) => ApiHost.StartAsync(Database.ConnectionString, platform, settings);
}
