using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Network;
using Flows.Engine.Expressions;
using Flows.Engine.Pieces;
using Flows.Engine.Pieces.GitHub;
using Flows.Engine.Pieces.OpenAi;
using Flows.Engine.Pieces.Slack;
using Flows.Engine.Pieces.Telegram;
using Flows.Engine.Pieces.Twilio;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Flows.Tests.Engine.Pieces;

/// <summary>The pieces of well-known services, against servers of our own that answer as those do.</summary>
public sealed class CallingServices : IAsyncLifetime
{
    private const string Token = """{ "token": "xoxb-1" }""";
    private readonly WebApplication _service = Service();
    private string Url => EchoServer.UrlOf(_service);

    public Task InitializeAsync() => _service.StartAsync();

    public async Task DisposeAsync() => await _service.DisposeAsync();

    [Fact]
    public async Task Slack_sends_a_message_with_the_bots_token()
    {
        var sent = await DoAsync(new SlackPiece(Url + "/slack"), "send_message", """{ "channel": "#ops", "text": "hi" }""", Token);
        Assert.Equal("""{"channel":"C1","ts":"17.42"}""", sent.ToString());
    }

    [Fact]
    public async Task Slack_lists_channels_over_pages_up_to_the_limit()
    {
        var all = await DoAsync(new SlackPiece(Url + "/slack"), "list_channels", "{}", Token);
        Assert.Equal(["C0", "C1", "C2"], all.ToElement().GetProperty("channels").EnumerateArray().Select(channel => channel.GetProperty("id").GetString()));
        var two = await DoAsync(new SlackPiece(Url + "/slack"), "list_channels", """{ "limit": 2 }""", Token);
        Assert.Equal(2, two.ToElement().GetProperty("channels").GetArrayLength());
    }

    [Theory]
    [InlineData("channel_not_found", false, "Slack refused: channel_not_found.")]
    [InlineData("ratelimited", true, "Slack refused: ratelimited.")]
    public async Task Slacks_errors_stand_in_answers_of_status_200(string error, bool transient, string message)
    {
        var failed = await FailAsync(new SlackPiece(Url + "/slack"), "send_message", $$"""{ "channel": "{{error}}", "text": "hi" }""", Token);
        Assert.Equal((transient, message), (failed.IsTransient, failed.Message));
    }

    [Fact]
    public async Task Telegram_sends_a_message_and_tells_why_it_did_not()
    {
        var piece = new TelegramPiece(Url + "/telegram");
        var sent = await DoAsync(piece, "send_message", """{ "chatId": "7", "text": "hi", "format": "HTML" }""", """{ "token": "12:abc" }""");
        Assert.Equal("""{"messageId":99,"chat":7}""", sent.ToString());

        var failed = await FailAsync(piece, "send_message", """{ "chatId": "0", "text": "hi" }""", """{ "token": "12:abc" }""");
        Assert.Equal((false, "Telegram answered with status 400: Bad Request: chat not found."), (failed.IsTransient, failed.Message));
        Assert.Contains("no bot token", (await FailAsync(piece, "send_message", """{ "chatId": "0", "text": "hi" }""", """{ "token": "../x" }""")).Message, StringComparison.Ordinal);
        Assert.Equal("'text' must have 1 to 4096 characters; it has 4097.",
            (await FailAsync(piece, "send_message", $$"""{ "chatId": "0", "text": "{{new string('x', 4097)}}" }""", """{ "token": "12:abc" }""")).Message);
    }

    [Fact]
    public async Task A_model_is_asked_at_the_address_of_the_connection()
    {
        var answer = await DoAsync(new OpenAiPiece(), "chat", """{ "model": "m-1", "prompt": "2+2?", "system": "Be short.", "temperature": 0.5, "maxTokens": 20, "asJson": true }""",
            $$"""{ "baseUrl": "{{Url}}/v1/", "apiKey": "sk-1" }""");
        Assert.Equal("""{"text":"4","model":"m-1","finishReason":"stop","usage":{"promptTokens":9,"completionTokens":1}}""", answer.ToString());
    }

    [Fact]
    public async Task A_busy_service_says_how_long_to_wait_and_a_refused_key_is_not_tried_again()
    {
        var busy = await FailAsync(new OpenAiPiece(), "chat", """{ "model": "busy", "prompt": "x" }""", $$"""{ "baseUrl": "{{Url}}/v1", "apiKey": "sk-1" }""");
        Assert.Equal((true, "http_4xx"), (busy.IsTransient, busy.Code));
        Assert.Equal("The model's service answered with status 429: Too many requests; it asks to wait 7 s.", busy.Message);
        Assert.Equal((429, 7), (busy.Detail!.Value.ToElement().GetProperty("status").GetInt32(), busy.Detail.Value.ToElement().GetProperty("retryAfterSeconds").GetInt32()));

        var refused = await FailAsync(new OpenAiPiece(), "chat", """{ "model": "m-1", "prompt": "x" }""", $$"""{ "baseUrl": "{{Url}}/v1", "apiKey": "sk-wrong" }""");
        Assert.Equal((false, "unauthorized"), (refused.IsTransient, refused.Code));
        Assert.DoesNotContain("sk-wrong", refused.Message + refused.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_service_that_may_not_be_reached_is_said_to_be_refused_and_not_to_be_away()
    {
        var run = await WalkedRun.OfAsync("""[{ "name": "ask", "kind": "action", "piece": "openai", "action": "chat", "connection": "model", "retry": { "attempts": 3, "delay": "00:00:00" }, "input": { "model": "m", "prompt": "p" } }]""",
            connections: new Dictionary<string, RawJson> { ["model"] = RawJson.Parse("""{ "apiKey": "sk-1" }""") }, network: new NetworkSettings(Deny: "api.openai.com"));
        Assert.Equal((NetworkRefusedException.Code, 1), (run.Outcome!.Error!.Code, run["ask"].Attempt));
        Assert.Contains("api.openai.com", run.Outcome.Error.Message, StringComparison.Ordinal); // where a connection without an address leads
    }

    [Fact]
    public async Task Twilio_gets_a_form_and_basic_authentication()
    {
        var sent = await DoAsync(new TwilioPiece(Url + "/twilio"), "send_sms", """{ "from": "+1", "to": "+41", "text": "a & b" }""", """{ "username": "AC1", "password": "pw" }""");
        Assert.Equal("""{"sid":"SM1","status":"a & b"}""", sent.ToString());
    }

    [Fact]
    public async Task GitHub_opens_comments_and_lists_issues_without_pull_requests()
    {
        var piece = new GitHubPiece(Url + "/github");
        Assert.Equal("""{"number":5,"title":"It burns","state":"open","url":"https://github.example/5"}""",
            (await DoAsync(piece, "create_issue", """{ "owner": "o", "repository": "r", "title": "It burns", "labels": ["fire"] }""", Token)).ToString());
        Assert.Equal("""{"id":8,"url":"https://github.example/5#8"}""",
            (await DoAsync(piece, "comment", """{ "owner": "o", "repository": "r", "number": 5, "text": "Out." }""", Token)).ToString());
        // 100 on the first page, of which 10 are pull requests, and 3 on the second.
        Assert.Equal(93, (await DoAsync(piece, "list_issues", """{ "owner": "o", "repository": "r" }""", Token)).ToElement().GetProperty("issues").GetArrayLength());

        Assert.Equal("'owner' is one name, without a slash.", (await FailAsync(piece, "create_issue", """{ "owner": "../x", "repository": "r", "title": "t" }""", Token)).Message);
        var limited = await FailAsync(piece, "create_issue", """{ "owner": "o", "repository": "r", "title": "limited" }""", Token);
        Assert.Equal((true, "GitHub answered with status 403: You have exceeded a secondary rate limit; it asks to wait 60 s."), (limited.IsTransient, limited.Message));
    }

    [Fact]
    public async Task A_step_without_a_connection_or_a_service_that_is_away_is_said_so()
    {
        Assert.Equal("the step needs a 'connection'.", (await FailAsync(new SlackPiece(Url), "send_message", """{ "channel": "c", "text": "t" }""", connection: null)).Message);
        Assert.Equal("the connection has no field 'token'.", (await FailAsync(new SlackPiece(Url), "send_message", """{ "channel": "c", "text": "t" }""", "{}")).Message);
        var away = await FailAsync(new SlackPiece("http://127.0.0.1:1"), "send_message", """{ "channel": "c", "text": "t" }""", Token);
        Assert.Equal((true, "Slack cannot be reached."), (away.IsTransient, away.Message));
        var html = await FailAsync(new SlackPiece(Url + "/html"), "send_message", """{ "channel": "c", "text": "t" }""", Token);
        Assert.Equal((true, "Slack answered with something that is not JSON."), (html.IsTransient, html.Message));
    }

    private static async Task<PieceException> FailAsync(Piece piece, string action, string input, string? connection) =>
        await Assert.ThrowsAsync<PieceException>(() => DoAsync(piece, action, input, connection));

    private static async Task<RawJson> DoAsync(Piece piece, string action, string input, string? connection)
    {
        var found = piece.Actions.Single(known => known.Name == action);
        using var http = OpenNetwork.CreateHttp();
        var call = found.Prepare(ActionInput.Bind(found.Props, Value.FromJson(RawJson.Parse(input))));
        var context = new PieceContext(Guid.Empty, Guid.Empty, "run:step", connection is null ? null : RawJson.Parse(connection), http, TimeProvider.System, EngineLimits.Default.OutputBytes);
        return await call.RunAsync(context, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static WebApplication Service()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var server = builder.Build();
        server.MapPost("/slack/chat.postMessage", async (HttpContext http) =>
        {
            var body = (await http.Request.ReadFromJsonAsync<JsonElement>())!;
            if (http.Request.Headers.Authorization != "Bearer xoxb-1")
                return Results.Json(new { ok = false, error = "invalid_auth" });
            return body.GetProperty("channel").GetString() == "#ops"
                ? Results.Json(new { ok = true, channel = "C1", ts = "17.42" })
                : Results.Json(new { ok = false, error = body.GetProperty("channel").GetString() });
        });
        server.MapGet("/slack/conversations.list", (string cursor, int limit) => Results.Json(cursor.Length == 0
            ? new { ok = true, channels = Channels(0, Math.Min(2, limit)), response_metadata = new { next_cursor = "two" } }
            : new { ok = true, channels = Channels(2, 1), response_metadata = new { next_cursor = "" } }));
        server.MapPost("/telegram/bot12:abc/sendMessage", async (HttpContext http) =>
            (await http.Request.ReadFromJsonAsync<JsonElement>()).GetProperty("chat_id").GetString() == "7"
                ? Results.Json(new { ok = true, result = new { message_id = 99, chat = new { id = 7 } } })
                : Results.Json(new { ok = false, error_code = 400, description = "Bad Request: chat not found" }, statusCode: 400));
        server.MapPost("/v1/chat/completions", async (HttpContext http) =>
        {
            var body = await http.Request.ReadFromJsonAsync<JsonElement>();
            if (http.Request.Headers.Authorization != "Bearer sk-1")
                return Results.Json(new { error = new { message = "Incorrect API key provided." } }, statusCode: 401);
            if (body.GetProperty("model").GetString() == "busy")
            {
                http.Response.Headers.RetryAfter = "7";
                return Results.Json(new { error = new { message = "Too many requests." } }, statusCode: 429);
            }
            Assert.Equal(["system", "user"], body.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("role").GetString()));
            Assert.Equal(0.5, body.GetProperty("temperature").GetDouble());
            Assert.Equal((20, "json_object"), (body.GetProperty("max_tokens").GetInt32(), body.GetProperty("response_format").GetProperty("type").GetString()));
            return Results.Json(new { model = "m-1", choices = new[] { new { message = new { content = "4" }, finish_reason = "stop" } }, usage = new { prompt_tokens = 9, completion_tokens = 1 } });
        });
        server.MapPost("/twilio/2010-04-01/Accounts/AC1/Messages.json", async (HttpContext http) =>
        {
            var form = await http.Request.ReadFormAsync();
            return http.Request.Headers.Authorization == "Basic QUMxOnB3"
                ? Results.Json(new { sid = "SM1", status = form["Body"].ToString() }, statusCode: 201)
                : Results.StatusCode(401);
        });
        server.MapPost("/github/repos/o/r/issues", async (HttpContext http) =>
        {
            var body = await http.Request.ReadFromJsonAsync<JsonElement>();
            if (body.GetProperty("title").GetString() == "limited")
            {
                http.Response.Headers.RetryAfter = "60";
                return Results.Json(new { message = "You have exceeded a secondary rate limit." }, statusCode: 403);
            }
            Assert.Equal("fire", body.GetProperty("labels")[0].GetString());
            return Results.Json(new { number = 5, title = "It burns", state = "open", html_url = "https://github.example/5" }, statusCode: 201);
        });
        server.MapPost("/github/repos/o/r/issues/5/comments", () => Results.Json(new { id = 8, html_url = "https://github.example/5#8" }, statusCode: 201));
        server.MapGet("/github/repos/o/r/issues", (int page) => Results.Text($"[{string.Join(',', Enumerable.Range(0, page == 1 ? 100 : 3).Select(i => IssueOf(page, i)))}]", "application/json"));
        server.MapPost("/html/chat.postMessage", () => Results.Text("<html>Proxy</html>", "text/html"));
        return server;
    }

    private static string IssueOf(int page, int i) => page == 1 && i < 10 ? "{\"number\":1,\"pull_request\":{}}" : "{\"number\":2}";

    private static object[] Channels(int from, int count) =>
        [.. Enumerable.Range(from, count).Select(i => new { id = $"C{i}", name = $"c{i}", is_private = false })];
}

/// <summary>The way out of an engine that may go anywhere, as these servers are on this machine.</summary>
internal sealed class OpenNetwork : OutboundNetwork
{
    public static OutboundHttp CreateHttp() => new(new OpenNetwork());

    public override async Task<Stream> ConnectAsync(string host, int port, CancellationToken cancel)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
