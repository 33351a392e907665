using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Builder;

namespace Flows.Tests.Engine;

/// <summary>The http piece against real servers on this machine.</summary>
public sealed class CallingHttp : IAsyncLifetime
{
    private readonly WebApplication _server = EchoServer.Create();
    private readonly WebApplication _other = EchoServer.Create();

    private string Url => EchoServer.UrlOf(_server);

    public async Task InitializeAsync()
    {
        await _server.StartAsync();
        await _other.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        await _other.DisposeAsync();
    }

    private static async Task<WalkedRun> CallAsync(string input, EngineLimits? limits = null) =>
        await WalkedRun.OfAsync($$"""[{ "name": "call", "kind": "action", "piece": "http", "action": "request", "input": { {{input}} } }]""", limits: limits);

    private static JsonElement BodyOf(WalkedRun run)
    {
        Assert.True(run.Outcome!.Status == RunStatus.Succeeded, run.Outcome.Error?.Message);
        return run.Outcome.Output!.Value.ToElement().GetProperty("body");
    }

    [Fact]
    public async Task A_file_is_downloaded_sent_as_a_body_and_sent_as_a_field_of_a_form()
    {
        var run = await WalkedRun.OfAsync($$$"""
            [{ "name": "down", "kind": "action", "piece": "http", "action": "request", "input": { "url": "{{{Url}}}/download?length=600000", "response": "file" } },
             { "name": "note", "kind": "action", "piece": "file", "action": "write", "input": { "name": "../a/note.txt", "content": "Grüße" } },
             { "name": "raw", "kind": "action", "piece": "http", "action": "request", "input": { "method": "POST", "url": "{{{Url}}}/echo", "body": "{{note}}" } },
             { "name": "form", "kind": "action", "piece": "http", "action": "request",
               "input": { "method": "POST", "url": "{{{Url}}}/upload", "bodyType": "multipart", "body": { "title": "Ü", "tags": ["a", 2], "doc": "{{down.body}}", "note": "{{note.file}}" } } }]
            """);
        var form = BodyOf(run);
        var down = run["down"].Output!.Value.ToElement().GetProperty("body");
        Assert.Equal("Invoice 7.pdf", down.GetProperty("name").GetString());
        Assert.Equal(600_000, down.GetProperty("size").GetInt64());
        Assert.Equal("note.txt", run["note"].Output!.Value.ToElement().GetProperty("name").GetString());
        var raw = run["raw"].Output!.Value.ToElement().GetProperty("body");
        Assert.Equal("Grüße", raw.GetProperty("body").GetString());
        Assert.Equal("text/plain; charset=utf-8", raw.GetProperty("headers").GetProperty("content-type").GetString());
        Assert.Equal("Ü", form.GetProperty("fields").GetProperty("title").GetString());
        Assert.Equal("a,2", form.GetProperty("fields").GetProperty("tags").GetString());
        var file = form.GetProperty("files")[0];
        Assert.Equal(("doc", "Invoice 7.pdf", "application/pdf", 600_000L),
            (file.GetProperty("field").GetString(), file.GetProperty("name").GetString(), file.GetProperty("type").GetString(), file.GetProperty("length").GetInt64()));
        Assert.True(form.GetProperty("fields").TryGetProperty("note", out _)); // an id alone is a text: only a reference is a file
    }

    [Theory]
    [InlineData("\"nextAt\": \"paging.next\"", "body", 10, "[\"1a\",\"1b\",\"2a\",\"2b\",\"last\"]")]
    [InlineData("\"nextAt\": \"paging.next\"", "body", 2, "[\"1a\",\"1b\",\"2a\",\"2b\"]")]
    [InlineData("\"response\": \"json\"", "link", 10, "[\"1a\",\"1b\",\"2a\",\"2b\",\"last\"]")]
    [InlineData("\"response\": \"json\"", "nothing", 10, "[\"1a\",\"1b\"]")]
    public async Task The_pages_of_a_list_are_followed_to_their_end_or_to_the_number_given(string where, string by, int pages, string items) =>
        Assert.Equal(items, BodyOf(await CallAsync($"\"url\": \"{Url}/pages/1?by={by}\", {where}, \"pages\": {pages}, \"itemsAt\": \"data\"")).GetRawText());

    [Fact]
    public async Task A_page_without_a_list_of_items_says_where_it_was_looked_for()
    {
        var run = await CallAsync($"\"url\": \"{Url}/pages/1?by=body\", \"pages\": 3, \"itemsAt\": \"rows\"");
        Assert.Equal("http_body", run.Outcome!.Error!.Code);
        Assert.Contains("'rows'", run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", StepEffect.Idempotent, false)]
    [InlineData("PUT", StepEffect.Idempotent, true)]
    [InlineData("DELETE", StepEffect.Idempotent, true)]
    [InlineData("OPTIONS", StepEffect.Idempotent, false)]
    [InlineData("POST", StepEffect.Effect, true)]
    [InlineData("PATCH", StepEffect.Effect, true)]
    public async Task The_method_says_what_doing_it_twice_means(string method, StepEffect effect, bool key)
    {
        var run = await CallAsync($"\"method\": \"{method}\", \"url\": \"{Url}/echo\"");
        var echo = BodyOf(run);
        Assert.Equal(method, echo.GetProperty("method").GetString());
        Assert.Equal(key ? "0190a000-0000-7000-8000-000000000001:call" : "", echo.GetProperty("headers").GetProperty("idempotency-key").GetString());
        Assert.Equal(effect, run["call"].Effect);
        Assert.True(run.Messages[0].Barrier);
    }

    [Theory]
    [InlineData("\"body\": { \"a\": [1, \"ü\"] }", "application/json", """{"a":[1,"ü"]}""")]
    [InlineData("\"body\": \"text ü\"", "text/plain; charset=utf-8", "text ü")]
    [InlineData("\"bodyType\": \"json\", \"body\": \"text\"", "application/json", "\"text\"")]
    [InlineData("\"bodyType\": \"form\", \"body\": { \"a\": \"x y&z\", \"b\": [1, 2], \"c\": null }", "application/x-www-form-urlencoded", "a=x+y%26z&b=1&b=2")]
    [InlineData("\"bodyType\": \"raw\", \"body\": \"SGFsbG8=\", \"headers\": { \"Content-Type\": \"text/x-own\" }", "text/x-own", "Hallo")]
    [InlineData("\"bodyType\": \"none\", \"body\": 1", "", "")]
    public async Task A_body_is_sent_in_its_form(string input, string type, string body)
    {
        var echo = BodyOf(await CallAsync($"\"method\": \"POST\", \"url\": \"{Url}/echo\", {input}"));
        Assert.Equal((type, body), (echo.GetProperty("headers").GetProperty("content-type").GetString(), echo.GetProperty("body").GetString()));
    }

    [Fact]
    public async Task Query_and_headers_are_added()
    {
        var echo = BodyOf(await CallAsync($$"""
            "url": "{{Url}}/echo?a=1", "query": { "b": "x y", "c": [1, 2], "d": null }, "headers": { "X-One": 1, "Accept": "text/html" }
            """));
        Assert.Equal("?a=1&b=x%20y&c=1&c=2", echo.GetProperty("query").GetString());
        Assert.Equal("1", echo.GetProperty("headers").GetProperty("x-one").GetString());
    }

    [Theory]
    [InlineData("\"auth\": \"basic\", \"username\": \"me\", \"password\": \"pass:word\"", "Basic bWU6cGFzczp3b3Jk")]
    [InlineData("\"auth\": \"bearer\", \"token\": \"abc.def\"", "Bearer abc.def")]
    public async Task Credentials_are_sent_and_are_masked_in_the_input(string auth, string header)
    {
        var run = await CallAsync($"\"url\": \"{Url}/echo\", {auth}");
        Assert.Equal(header, BodyOf(run).GetProperty("headers").GetProperty("authorization").GetString());
        Assert.DoesNotContain("pass:word", run["call"].Input.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("abc.def", run["call"].Input.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404, "http_4xx", 1)]
    [InlineData(429, "http_4xx", 2)]
    [InlineData(503, "http_5xx", 2)]
    public async Task An_error_status_fails_the_step_and_is_retried_when_it_may_get_better(int status, string code, int tries)
    {
        var run = await WalkedRun.OfAsync($$"""
            [{ "name": "call", "kind": "action", "piece": "http", "action": "request", "retry": { "attempts": 2, "delay": "00:00:00" },
               "input": { "url": "{{Url}}/status/{{status}}", "query": { "key": "secret" } }
             }]
            """);
        Assert.Equal((code, tries), (run.Outcome!.Error!.Code, run["call"].Attempt));
        Assert.Equal($"Step 'call': GET {Url}/status/{status} answered with status {status}.", run.Outcome.Error.Message);
        Assert.Equal($$$"""{"status":{{{status}}},"body":{"reason":"because"}}""", run.Outcome.Error.Detail.ToString());
    }

    [Theory]
    [InlineData("404", 404, 2)]
    [InlineData("http_404", 404, 2)]
    [InlineData("404", 403, 1)]
    [InlineData("4xx", 403, 2)]
    [InlineData("5xx", 403, 1)]
    [InlineData("503", 503, 2)]
    public async Task A_retry_may_name_a_status(string on, int status, int tries)
    {
        var run = await WalkedRun.OfAsync($$"""
            [{ "name": "call", "kind": "action", "piece": "http", "action": "request", "retry": { "attempts": 2, "delay": "00:00:00", "on": ["{{on}}"] }, "input": { "url": "{{Url}}/status/{{status}}" } }]
            """);
        Assert.Equal(tries, run["call"].Attempt);
    }

    [Fact]
    public async Task With_failOnError_off_the_status_is_the_output()
    {
        var run = await CallAsync($"\"url\": \"{Url}/status/404\", \"failOnError\": false");
        Assert.Equal(404, run.Outcome!.Output!.Value.ToElement().GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData("/bytes", "auto", "\"/wD+\"")]
    [InlineData("/json", "auto", "{\"n\":1}")]
    [InlineData("/json", "text", "\"{ \\\"n\\\": 1 }\"")]
    [InlineData("/json", "base64", "\"eyAibiI6IDEgfQ==\"")]
    [InlineData("/latin1", "auto", "\"grün\"")]
    [InlineData("/windows", "auto", "\"1€\"")]
    [InlineData("/windows", "text", "\"1€\"")]
    [InlineData("/windows-json", "auto", "\"€\"")]
    [InlineData("/empty", "auto", "null")]
    [InlineData("/empty", "json", "null")]
    [InlineData("/not-json", "auto", "\"{ oops\"")]
    public async Task The_answer_is_read_by_its_type_or_as_asked(string path, string response, string body) =>
        Assert.Equal(body, JsonSerializer.Serialize(BodyOf(await CallAsync($"\"url\": \"{Url}{path}\", \"response\": \"{response}\"")), s_relaxed));

    private static readonly JsonSerializerOptions s_relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public async Task An_answer_that_is_not_JSON_fails_a_step_that_asks_for_it()
    {
        var run = await CallAsync($"\"url\": \"{Url}/not-json\", \"response\": \"json\"");
        Assert.Equal("http_body", run.Outcome!.Error!.Code);
    }

    [Fact]
    public async Task An_answer_that_nests_too_deeply_is_JSON_that_cannot_be_taken_in()
    {
        var run = await CallAsync($"\"url\": \"{Url}/deep\", \"response\": \"json\"");
        Assert.Equal("limit", run.Outcome!.Error!.Code);
        Assert.EndsWith("cannot be taken in: it is nested more than 56 levels deep (limit: depth).", run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_answer_that_is_not_text_fails_a_step_that_asks_for_it()
    {
        var run = await CallAsync($"\"url\": \"{Url}/bytes\", \"response\": \"text\"");
        Assert.Equal("http_body", run.Outcome!.Error!.Code);
        Assert.EndsWith("is not text in utf-8; read it as base64 or as a file.", run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HEAD_gives_status_and_headers_and_no_body()
    {
        var run = await CallAsync($"\"method\": \"HEAD\", \"url\": \"{Url}/echo\"");
        Assert.Equal(JsonValueKind.Null, BodyOf(run).ValueKind);
        Assert.Equal("application/json; charset=utf-8", run.Outcome!.Output!.Value.ToElement().GetProperty("headers").GetProperty("content-type").GetString());
        Assert.Equal(StepEffect.Idempotent, run["call"].Effect);
    }

    [Fact]
    public async Task A_redirect_on_the_same_host_keeps_the_credentials()
    {
        var echo = BodyOf(await CallAsync($"\"url\": \"{Url}/redirect/302\", \"query\": {{ \"to\": \"/echo\" }}, \"auth\": \"bearer\", \"token\": \"abc\""));
        Assert.Equal("Bearer abc", echo.GetProperty("headers").GetProperty("authorization").GetString());
    }

    [Theory]
    [InlineData(302, "GET", "")]
    [InlineData(303, "GET", "")]
    [InlineData(307, "POST", """{"a":1}""")]
    public async Task A_redirect_to_another_host_drops_the_credentials(int status, string method, string body)
    {
        var echo = BodyOf(await CallAsync($$"""
            "method": "POST", "url": "{{Url}}/redirect/{{status}}", "query": { "to": "{{EchoServer.UrlOf(_other)}}/echo" }, "auth": "bearer", "token": "abc",
            "headers": { "X-Api-Key": "k", "Cookie": "c=1", "Accept": "text/html" }, "body": { "a": 1 }
            """));
        Assert.Equal((method, body), (echo.GetProperty("method").GetString(), echo.GetProperty("body").GetString()));
        var headers = echo.GetProperty("headers");
        Assert.Equal(("", "", "", "text/html"), (Header("authorization"), Header("x-api-key"), Header("cookie"), Header("accept")));

        string? Header(string name) => headers.GetProperty(name).GetString();
    }

    [Fact]
    public async Task Redirects_may_be_left_to_the_flow_and_end_after_ten()
    {
        var left = await CallAsync($"\"url\": \"{Url}/redirect/302\", \"query\": {{ \"to\": \"/echo\" }}, \"followRedirects\": false");
        Assert.Equal(302, left.Outcome!.Output!.Value.ToElement().GetProperty("status").GetInt32());
        Assert.Equal("/echo", left.Outcome.Output.Value.ToElement().GetProperty("headers").GetProperty("location").GetString());

        var endless = await CallAsync($"\"url\": \"{Url}/loop\"");
        Assert.Equal("redirects", endless.Outcome!.Error!.Code);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_in_time_is_a_timeout()
    {
        var run = await CallAsync($"\"url\": \"{Url}/never\", \"timeout\": \"00:00:00.200\"");
        Assert.Equal(("timeout", $"Step 'call': GET {Url}/never was not answered within 00:00:00.2000000."), (run.Outcome!.Error!.Code, run.Outcome.Error.Message));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_a_network_error()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        var run = await CallAsync($"\"url\": \"http://127.0.0.1:{port}/x\"");
        Assert.Equal(("network", $"Step 'call': GET http://127.0.0.1:{port}/x failed: no connection to 127.0.0.1:{port} (ConnectionRefused)."), (run.Outcome!.Error!.Code, run.Outcome.Error.Message));
    }

    [Theory]
    [InlineData("/big?length=5000")]
    [InlineData("/big?length=5000&chunked=1")]
    public async Task An_answer_over_the_limit_is_not_read(string path)
    {
        var run = await CallAsync($"\"url\": \"{Url}{path}\"", EngineLimits.Default with { OutputBytes = 1000 });
        Assert.Equal("limit", run.Outcome!.Error!.Code);
        Assert.Contains("1000 bytes", run.Outcome.Error.Message, StringComparison.Ordinal);
        Assert.EndsWith("(limit: Flows__Limits__PayloadMiB).", run.Outcome.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_small_answer_that_unpacks_into_a_large_one_is_not_unpacked_to_its_end()
    {
        var before = GC.GetTotalAllocatedBytes();
        var run = await CallAsync($"\"url\": \"{Url}/bomb\"", EngineLimits.Default with { OutputBytes = 1 << 20 });
        Assert.Equal("limit", run.Outcome!.Error!.Code);
        Assert.True(GC.GetTotalAllocatedBytes() - before < 100 << 20, "The answer was unpacked although it was too large.");
    }

    [Theory]
    [InlineData("\"url\": \"ftp://x/y\"", "'url' must be a full address")]
    [InlineData("\"url\": \"/echo\"", "'url' must be a full address")]
    [InlineData("\"url\": \"http://me:secret@localhost/\"", "'url' must not hold a user name or password")]
    [InlineData("\"url\": \"http://localhost\", \"headers\": { \"A\\nB\": 1 }", "'headers' has a name that is no header name")]
    [InlineData("\"url\": \"http://localhost\", \"headers\": { \"A\": \"x\\r\\ny\" }", "the header 'A' has a line break in it")]
    [InlineData("\"url\": \"http://localhost\", \"auth\": \"bearer\"", "'token' is required")]
    [InlineData("\"url\": \"http://localhost\", \"timeout\": \"soon\"", "'timeout' must be a time")]
    [InlineData("\"url\": \"http://localhost\", \"method\": \"POST\", \"bodyType\": \"raw\", \"body\": \"%\"", "'body' must be base64")]
    [InlineData("\"url\": \"http://localhost\", \"query\": { \"a\": { \"b\": 1 } }", "'query.a' must be a text")]
    public async Task An_input_that_cannot_be_sent_is_told(string input, string message)
    {
        var run = await CallAsync(input);
        Assert.Equal("input", run.Outcome!.Error!.Code);
        Assert.StartsWith($"Step 'call': {message}", run.Outcome.Error.Message, StringComparison.Ordinal);
    }
}
