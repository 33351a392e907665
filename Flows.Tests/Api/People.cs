using System.Net;
using System.Text;
using System.Text.Json;
using Flows.Api.Access;
using Flows.Api.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Api;

/// <summary>A browser of one person: keeps cookies, follows no redirect, and says where its requests come from.</summary>
public sealed class Person : IDisposable
{
    public const string Password = "correct horse battery";
    private readonly CookieContainer _cookies = new();

    public Person(ApiHost api)
    {
        Http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, CookieContainer = _cookies }) { BaseAddress = api.Http.BaseAddress, Timeout = TimeSpan.FromSeconds(60) };
    }

    public HttpClient Http { get; }
    /// <summary>The one its requests are about, where they say no other; null sends no header.</summary>
    public Guid? Project { get; set; }
    public Cookie? Cookie => _cookies.GetCookies(Http.BaseAddress!).SingleOrDefault(cookie => cookie.Name == "flows_session");

    /// <summary>The first owner of a fresh installation.</summary>
    public static async Task<Person> OwnerAsync(ApiHost api, string setupToken)
    {
        var owner = new Person(api);
        (await owner.SendAsync(HttpMethod.Post, "/api/v1/setup", new { token = setupToken, email = "owner@example.com", name = "Olga", password = Password })).Ok(201);
        return owner;
    }

    public static async Task<Person> SignedInAsync(ApiHost api, string email)
    {
        var person = new Person(api);
        (await person.SendAsync(HttpMethod.Post, "/api/v1/session", new { email, password = Password })).Ok(204);
        return person;
    }

    /// <summary>Somebody who was invited and has joined.</summary>
    public static async Task<Person> JoinedAsync(ApiHost api, string link, string email, string name)
    {
        var person = new Person(api);
        var joined = await person.SubmitAsync(new Uri(link).AbsolutePath, new() { ["email"] = email, ["name"] = name, ["password"] = Password });
        Assert.True(joined.Status == 302, joined.Text);
        return person;
    }

    public Task<Answer> GetAsync(string path, Guid? project = null) => SendAsync(HttpMethod.Get, path, project: project);

    public async Task<Answer> SendAsync(HttpMethod method, string path, object? body = null, Guid? project = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
            request.Content = new StringContent(JsonSerializer.Serialize(body, JsonSerializerOptions.Web), Encoding.UTF8, "application/json");
        if ((project ?? Project) is { } id)
            request.Headers.Add("Flows-Project", $"{id}");
        if (headers.Length == 0)
            request.Headers.Add("Flows-Csrf", "1");
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await AnswerAsync(request);
    }

    /// <summary>A form, as the page itself sends it.</summary>
    public async Task<Answer> SubmitAsync(string path, Dictionary<string, string> fields, string? site = "same-origin")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(fields) };
        if (site is not null)
            request.Headers.Add("Sec-Fetch-Site", site);
        return await AnswerAsync(request);
    }

    /// <summary>A page, as a browser asks for it.</summary>
    public async Task<Answer> OpenAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("text/html");
        return await AnswerAsync(request);
    }

    public void Dispose() => Http.Dispose();

    private async Task<Answer> AnswerAsync(HttpRequestMessage request)
    {
        using var response = await Http.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType, response.Headers);
    }
}

/// <summary>One API with an owner, for tests about people that do not mind each other's. Its clock stands until a test moves it; timers run in real time.</summary>
public sealed class PeopleFixture(Platform platform) : IAsyncLifetime
{
    public const string SetupToken = "3f9c1d7b5a8e2046c1e7d9b3a5f80264";
    private readonly string _prefix = $"people{Guid.CreateVersion7():N}";

    public TestDatabase Database { get; } = new(platform);
    public SteppedClock Clock { get; } = new();
    public ApiHost Api { get; private set; } = null!;
    public const string OwnerEmail = "owner@example.com";

    public async Task InitializeAsync()
    {
        Api = await StartAsync();
        (await Person.OwnerAsync(Api, SetupToken)).Dispose();
    }

    public async Task DisposeAsync()
    {
        await Api.DisposeAsync();
        await Database.DisposeAsync();
    }

    /// <summary>The owner, in a new project of the test's own.</summary>
    public async Task<Person> OwnerAsync()
    {
        var owner = await Person.SignedInAsync(Api, OwnerEmail);
        owner.Project = (await owner.GetAsync("/api/v1/me")).Ok()["projects"][0].GetProperty("id").GetGuid();
        owner.Project = (await owner.SendAsync(HttpMethod.Post, "/api/v1/projects", new { name = "Of a test" })).Ok(201)["id"].GetGuid();
        return owner;
    }

    /// <summary>A new user with the usual password, an editor of a project of its own.</summary>
    /// <returns>The e-mail address.</returns>
    public async Task<string> AddUserAsync()
    {
        var (user, project) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        var hash = await Api.App.Services.GetRequiredService<Passwords>().HashAsync(Person.Password, CancellationToken.None);
        await Database.ScalarAsync("INSERT INTO users (id, email, name, password_hash, created_at) VALUES ($1, $2, 'Uwe', $3, now())", user, $"{user:N}@example.com", hash);
        await Database.ScalarAsync("INSERT INTO projects (id, name) VALUES ($1, 'Of a user')", project);
        await Database.ScalarAsync("INSERT INTO members (project_id, user_id, role, created_at) VALUES ($1, $2, $3, now())", project, user, (short)Role.Editor);
        return $"{user:N}@example.com";
    }

    /// <summary>A further replica.</summary>
    public Task<ApiHost> StartAsync(params (string Key, string Value)[] settings) => StartAsync(Database, settings);

    /// <param name="database">Another one makes another installation.</param>
    public Task<ApiHost> StartAsync(TestDatabase database, params (string Key, string Value)[] settings)
    {
        var all = new Dictionary<string, string>
        {
            ["Flows:Bootstrap:SetupToken"] = SetupToken,
            ["Flows:SignIn:PasswordRounds"] = "100000",
            ["Flows:SignIn:FailuresPerAddress"] = "1000",
            ["Flows:Queue:Provider"] = "Redis",
            ["Flows:Queue:KeyPrefix"] = _prefix,
            ["Flows:Security:EncryptionKey"] = "people-9Xc4VbN2mKqL8wErT6yUiOp1AsDfGhJz",
        };
        foreach (var (key, value) in settings)
            all[key] = value;
        return ApiHost.StartAsync(database.ConnectionString, platform, all, builder => builder.Services.AddSingleton<TimeProvider>(Clock));
    }

    public sealed class SteppedClock : TimeProvider
    {
        private DateTimeOffset _now = System.GetUtcNow();
        public void Advance(TimeSpan time) => _now += time;
        public override DateTimeOffset GetUtcNow() => _now;
    }
}
