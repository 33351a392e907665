using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Engine.Pieces;
using Flows.Engine.Pieces.GitHub;
using Flows.Engine.Pieces.Slack;
using Flows.Engine.Pieces.Telegram;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Engine.Pieces;

/// <summary>What pieces do outside of runs, against servers of our own that answer as the services do.</summary>
public sealed class TriggersOfServices : IAsyncLifetime
{
    private static readonly HookTerms s_hook = new("https://flows.example.com/webhooks/f/hooks/h", "0123456789abcdef");
    private readonly WebApplication _service;
    private readonly ConcurrentDictionary<int, JsonElement> _hooks = new();
    private readonly ConcurrentQueue<string> _calls = new();
    private int _newestIssue = 150;
    private string _botUrl = "";

    public TriggersOfServices() => _service = Service();

    public Task InitializeAsync() => _service.StartAsync();

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task GitHubs_issues_begin_behind_the_newest_and_come_in_their_order_without_pull_requests()
    {
        const string input = """{ "owner": "o", "repository": "r" }""";
        var first = (await AskAsync(PieceCallKind.Poll, "new_issue", input)).Events!;
        Assert.Equal(("150", 0), (first.Cursor.ToString(), first.Items.Count));
        Assert.Empty((await AskAsync(PieceCallKind.Poll, "new_issue", input, first.Cursor)).Events!.Items);

        Assert.Equal(["146", "147", "148", "149"], (await AskAsync(PieceCallKind.Sample, "new_issue", input)).Events!.Items.Skip(1).Select(item => item.Key));

        _newestIssue = 385; // more than two pages
        var second = (await AskAsync(PieceCallKind.Poll, "new_issue", input, first.Cursor)).Events!;
        Assert.Equal("385", second.Cursor.ToString());
        Assert.Equal(Enumerable.Range(151, 235).Where(number => number % 10 != 0).Select(number => $"{number}"), second.Items.Select(item => item.Key));
        Assert.Equal("""{"number":151,"title":"Issue 151","state":"open","url":"https://github.example/151","author":"ada","text":null,"labels":["bug"],"createdAt":"2026-03-29T07:30:00Z"}""",
            second.Items[0].Output.ToString());
    }

    [Fact]
    public async Task GitHubs_hook_is_made_once_taken_over_after_a_crash_and_taken_away()
    {
        const string input = """{ "owner": "o", "repository": "r", "events": ["push", "issues"] }""";
        var state = (await AskAsync(PieceCallKind.Enable, "repository_event", input, hook: s_hook)).State!.Value;
        var made = Assert.Single(_hooks);
        Assert.Equal($$"""{"id":{{made.Key}}}""", state.ToString());
        Assert.Equal("""{"url":"https://flows.example.com/webhooks/f/hooks/h","content_type":"json","secret":"0123456789abcdef","insecure_ssl":"0"}""", made.Value.GetProperty("config").GetRawText());
        Assert.Equal("""["push","issues"]""", made.Value.GetProperty("events").GetRawText());

        await AskAsync(PieceCallKind.Enable, "repository_event", input, hook: s_hook);
        Assert.Equal(made.Key, Assert.Single(_hooks).Key);

        Assert.Null((await AskAsync(PieceCallKind.Disable, "repository_event", input, hook: s_hook with { State = state })).Error);
        Assert.Empty(_hooks);
        Assert.Null((await AskAsync(PieceCallKind.Disable, "repository_event", input, hook: s_hook with { State = state })).Error);
        Assert.Null((await AskAsync(PieceCallKind.Disable, "repository_event", """{ "owner": "o", "repository": "gone", "events": ["push"] }""", hook: s_hook)).Error);
        var refused = (await AskAsync(PieceCallKind.Enable, "repository_event", """{ "owner": "o", "repository": "gone", "events": ["push"] }""", hook: s_hook)).Error!;
        Assert.Equal("github.repository_event: GitHub answered with status 404: Not Found.", refused.Message);
        Assert.Contains("'events' must be a list", (await AskAsync(PieceCallKind.Enable, "repository_event", """{ "owner": "o", "repository": "r", "events": [] }""", hook: s_hook)).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Telegrams_hook_is_set_and_not_taken_from_the_flow_that_has_it_now()
    {
        var piece = new TelegramPiece(Url + "/telegram");
        const string token = """{ "token": "12:abc" }""";
        Assert.Null((await AskAsync(PieceCallKind.Enable, "update", """{ "kinds": ["message"] }""", hook: s_hook, piece: piece, connection: token)).Error);
        Assert.Equal(s_hook.Url, _botUrl);
        _botUrl = "https://elsewhere.example.com";
        Assert.Null((await AskAsync(PieceCallKind.Disable, "update", "{}", hook: s_hook, piece: piece, connection: token)).Error);
        Assert.Equal("https://elsewhere.example.com", _botUrl);
        _botUrl = s_hook.Url;
        Assert.Null((await AskAsync(PieceCallKind.Disable, "update", "{}", hook: s_hook, piece: piece, connection: token)).Error);
        Assert.Equal("", _botUrl);
        Assert.Equal("@flows_bot", (await AskAsync(PieceCallKind.Test, "", "{}", piece: piece, connection: token)).Account);
    }

    [Fact]
    public async Task Slacks_hook_is_entered_by_a_person_and_enabling_makes_sure_of_the_connection()
    {
        var piece = new SlackPiece(Url + "/slack");
        const string both = """{ "token": "xoxb-1", "signingSecret": "8f74" }""";
        Assert.Null((await AskAsync(PieceCallKind.Enable, "new_message", "{}", hook: s_hook, piece: piece, connection: both)).Error);
        Assert.Null((await AskAsync(PieceCallKind.Disable, "new_message", "{}", hook: s_hook, piece: piece, connection: both)).Error);
        Assert.Equal(["POST /slack/auth.test"], _calls);
        Assert.Contains("no field 'signingSecret'", (await AskAsync(PieceCallKind.Enable, "event", """{ "events": ["app_mention"] }""", hook: s_hook, piece: piece)).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("'events' must be a list", (await AskAsync(PieceCallKind.Enable, "event", """{ "events": [] }""", hook: s_hook, piece: piece, connection: both)).Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_are_what_the_account_has_narrowed_by_form_and_search()
    {
        Assert.Equal(["ada", "bob"], await OptionsAsync("owners", "{}"));
        Assert.Equal(["engine", "notes"], await OptionsAsync("repositories", """{ "owner": "ada" }"""));
        Assert.Equal(["notes"], await OptionsAsync("repositories", """{ "owner": "ada" }""", search: "NOT"));
        Assert.Equal(["ada/engine", "bob/engine"], (await AskAsync(PieceCallKind.Options, "repositories", "{}", search: "engine")).Options!.Select(option => option.Label));

        var slack = new SlackPiece(Url + "/slack");
        Assert.Equal([new PropOption("C1", "#general"), new PropOption("C0", "#ops")], (await AskAsync(PieceCallKind.Options, "channels", "{}", piece: slack)).Options!);
        Assert.Equal([new PropOption("C0", "#ops")], (await AskAsync(PieceCallKind.Options, "channels", "{}", search: "op", piece: slack)).Options!);
    }

    [Fact]
    public async Task A_connection_is_tested_without_changing_anything()
    {
        Assert.Equal("ada", (await AskAsync(PieceCallKind.Test, "", "{}")).Account);
        Assert.Equal("flows in Example", (await AskAsync(PieceCallKind.Test, "", "{}", piece: new SlackPiece(Url + "/slack"))).Account);
        var refused = await AskAsync(PieceCallKind.Test, "", "{}", connection: """{ "token": "wrong" }""");
        Assert.Equal(("unauthorized", false), (refused.Error!.Code, refused.IsTransient));
        Assert.DoesNotContain("wrong", JsonSerializer.Serialize(refused, EngineJson.Default.PieceAnswer), StringComparison.Ordinal);
        Assert.All(_calls, call => Assert.Matches("^(GET /github/user|POST /slack/auth.test)$", call));
    }

    [Fact]
    public async Task What_a_piece_cannot_be_asked_is_said()
    {
        Assert.Contains("has no trigger 'nothing'", (await AskAsync(PieceCallKind.Poll, "nothing", "{}")).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("has no options 'nothing'", (await AskAsync(PieceCallKind.Options, "nothing", "{}")).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("is of the kind 'hook'", (await AskAsync(PieceCallKind.Poll, "repository_event", """{ "owner": "o", "repository": "r", "events": ["push"] }""")).Error!.Message, StringComparison.Ordinal);
        Assert.Contains("cannot be tested", (await AskAsync(PieceCallKind.Test, "", "{}", piece: new Flows.Engine.Pieces.Rss.RssPiece())).Error!.Message, StringComparison.Ordinal);
        var lost = await AskAsync(PieceCallKind.Poll, "new_issue", """{ "owner": "o" }""");
        Assert.Contains("'repository' is required", lost.Error!.Message, StringComparison.Ordinal);
    }

    private string Url => EchoServer.UrlOf(_service);

    private async Task<IEnumerable<string>> OptionsAsync(string source, string input, string? search = null) =>
        (await AskAsync(PieceCallKind.Options, source, input, search: search)).Options!.Select(option => option.Value);

    private async Task<PieceAnswer> AskAsync(
        PieceCallKind kind, string part, string input, RawJson? cursor = null, HookTerms? hook = null, string? search = null, Piece? piece = null,
        string connection = """{ "token": "xoxb-1" }""")
    {
        piece ??= new GitHubPiece(Url + "/github");
        using var http = OpenNetwork.CreateHttp();
        return await new PieceCalls(new PieceCatalog([piece]), http, TimeProvider.System).AnswerAsync(
            new PieceRequest(Guid.CreateVersion7(), kind, null, piece.Name, part, RawJson.Parse(input), RawJson.Parse(connection), 30_000, 10 << 20, cursor, hook, search), CancellationToken.None);
    }

    private WebApplication Service()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = builder.Build();
        server.Use((http, next) =>
        {
            _calls.Enqueue($"{http.Request.Method} {http.Request.Path}");
            return next(http);
        });
        server.MapGet("/github/user", (HttpContext http) => http.Request.Headers.Authorization == "Bearer xoxb-1" ? Results.Json(new { login = "ada" }) : Results.Json(new { message = "Bad credentials" }, statusCode: 401));
        server.MapGet("/github/user/repos", () => Results.Json(new[] { Repository("ada", "engine"), Repository("bob", "engine"), Repository("ada", "notes") }));
        server.MapGet("/github/repos/o/r/issues", (int page) =>
            Results.Json(Enumerable.Range(1, _newestIssue).Reverse().Skip((page - 1) * 100).Take(100).Select(IssueOf)));
        server.MapGet("/github/repos/o/r/hooks", () => Results.Json(_hooks.Select(hook => new { id = hook.Key, config = hook.Value.GetProperty("config") })));
        server.MapPost("/github/repos/o/r/hooks", async (HttpContext http) =>
        {
            var id = _hooks.Count + 41;
            _hooks[id] = await http.Request.ReadFromJsonAsync<JsonElement>();
            return Results.Json(new { id }, statusCode: 201);
        });
        server.MapPatch("/github/repos/o/r/hooks/{id:int}", async (int id, HttpContext http) =>
        {
            _hooks[id] = await http.Request.ReadFromJsonAsync<JsonElement>();
            return Results.Json(new { id });
        });
        server.MapDelete("/github/repos/o/r/hooks/{id:int}", (int id) => _hooks.TryRemove(id, out _) ? Results.NoContent() : Results.Json(new { message = "Not Found" }, statusCode: 404));
        server.Map("/github/repos/o/gone/{**rest}", () => Results.Json(new { message = "Not Found" }, statusCode: 404));
        server.MapPost("/slack/auth.test", () => Results.Json(new { ok = true, user = "flows", team = "Example" }));
        server.MapGet("/slack/conversations.list", () => Results.Json(new
        {
            ok = true,
            channels = new[] { new { id = "C0", name = "ops", is_private = false }, new { id = "C1", name = "general", is_private = false } },
        }));
        server.MapPost("/telegram/bot12:abc/setWebhook", async (HttpContext http) =>
        {
            var body = await http.Request.ReadFromJsonAsync<JsonElement>();
            Assert.Equal((s_hook.Secret, """["message"]"""), (body.GetProperty("secret_token").GetString(), body.GetProperty("allowed_updates").GetRawText()));
            _botUrl = body.GetProperty("url").GetString()!;
            return Results.Json(new { ok = true, result = true });
        });
        server.MapPost("/telegram/bot12:abc/getWebhookInfo", () => Results.Json(new { ok = true, result = new { url = _botUrl } }));
        server.MapPost("/telegram/bot12:abc/getMe", () => Results.Json(new { ok = true, result = new { username = "flows_bot" } }));
        server.MapPost("/telegram/bot12:abc/deleteWebhook", () =>
        {
            _botUrl = "";
            return Results.Json(new { ok = true, result = true });
        });
        return server;
    }

    private static object Repository(string owner, string name) => new { name, owner = new { login = owner } };

    private static Dictionary<string, object?> IssueOf(int number)
    {
        var issue = new Dictionary<string, object?>
        {
            ["number"] = number,
            ["title"] = $"Issue {number}",
            ["state"] = "open",
            ["html_url"] = $"https://github.example/{number}",
            ["user"] = new { login = "ada" },
            ["labels"] = new[] { new { name = "bug" } },
            ["created_at"] = "2026-03-29T07:30:00Z",
        };
        if (number % 10 == 0)
            issue["pull_request"] = new { };
        return issue;
    }
}
