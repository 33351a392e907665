using System.Collections.Concurrent;
using System.Text;
using Flows.Api.Access;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Api;

[Collection(nameof(Platform))]
public sealed class KeepingSecretsOfPeople(Platform platform)
{
    private const string SetupToken = "canary-9d41f0b7e6a25c83d1f7b0e42a6c9358";
    private const string Guess = "canary guess of a password";
    private const string NewPassword = "canary new and good password";
    private const string Hidden = "canary-of-a-connection-7Kq2";
    private const string EncryptionKey = "canary-encryption-9Xc4VbN2mKqL8wErT6yUiOp1";

    [Fact]
    public async Task What_lets_somebody_in_is_in_no_table_log_page_or_answer_but_the_one_that_gives_it()
    {
        await using var database = new TestDatabase(platform);
        using var log = new Lines();
        await using var api = await ApiHost.StartAsync(database.ConnectionString, platform, new()
        {
            ["Flows:Bootstrap:SetupToken"] = SetupToken,
            ["Flows:Security:EncryptionKey"] = EncryptionKey,
            ["Flows:SignIn:PasswordRounds"] = "100000",
            ["Flows:Queue:Provider"] = "Redis",
            ["Flows:Queue:KeyPrefix"] = database.Name,
            ["Logging:LogLevel:Default"] = "Debug",
        }, builder => builder.Logging.AddProvider(log));

        using var owner = await Person.OwnerAsync(api, SetupToken);
        var project = (await owner.GetAsync("/api/v1/me")).Ok()["project"].GetProperty("id").GetGuid();
        using var stranger = new Person(api);
        (await stranger.SendAsync(HttpMethod.Post, "/api/v1/session", new { email = "owner@example.com", password = Guess })).Problem(401);
        var invitations = $"/api/v1/projects/{project}/invitations";
        var open = (await owner.SendAsync(HttpMethod.Post, invitations, new { role = "Viewer", email = "later@example.com" })).Ok(201)["link"].GetString()!;
        var used = (await owner.SendAsync(HttpMethod.Post, invitations, new { role = "Viewer" })).Ok(201)["link"].GetString()!;
        using var member = await Person.JoinedAsync(api, used, "member@example.com", "Mia");
        var key = (await owner.SendAsync(HttpMethod.Post, "/api/v1/api-keys", new { name = "CI" })).Ok(201)["key"].GetString()!;
        (await owner.SendAsync(HttpMethod.Post, "/api/v1/connections", new { key = "mail", kind = "secret", value = new { token = Hidden } })).Ok(201);
        (await owner.SendAsync(HttpMethod.Put, "/api/v1/me/password", new { current = Person.Password, @new = NewPassword })).Ok(204);

        var seen = new StringBuilder();
        var pages = 0;
        foreach (var route in ApiRoute.All(api).Where(route => route.Method == "GET" && !route.IsForWorkers))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, route.Path(project));
            using var answer = await owner.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            if (answer.Content.Headers.ContentType?.MediaType == "text/event-stream")
                continue; // goes on for ever, and tells runs only
            seen.AppendLine($"{route} {answer.StatusCode} {answer.Headers}").AppendLine(await answer.Content.ReadAsStringAsync());
            pages += answer.IsSuccessStatusCode ? 1 : 0;
        }
        Assert.True(pages > 15, $"{pages} pages were seen");
        Assert.Contains("member.invited", seen.ToString(), StringComparison.Ordinal); // the audit log is among them
        Assert.Contains("\"mail\"", seen.ToString(), StringComparison.Ordinal); // and the connections

        var rows = await database.EverythingAsync();
        Assert.Contains("later@example.com", rows, StringComparison.Ordinal);
        Assert.Contains("The set-up link is good until", log.Text, StringComparison.Ordinal);
        string[] secrets =
        [
            SetupToken, Person.Password, NewPassword, Guess, Hidden, EncryptionKey, ApiHost.Key, ApiHost.WorkerToken, key,
            owner.Cookie!.Value, member.Cookie!.Value, new Uri(open).Segments[^1], new Uri(used).Segments[^1],
        ];
        foreach (var secret in secrets)
        {
            Assert.DoesNotContain(secret, rows, StringComparison.Ordinal);
            Assert.DoesNotContain(Convert.ToHexStringLower(Encoding.UTF8.GetBytes(secret)), rows, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, seen.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain(secret, log.Text, StringComparison.Ordinal);
        }
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public string Text => string.Join('\n', _lines);

        public ILogger CreateLogger(string categoryName) => this;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{formatter(state, exception)} {exception}");
        public void Dispose()
        {
        }
    }
}
