using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;

namespace Flows.Tests.Triggers;

/// <summary>Slack's events as the API takes them. Slack itself is nothing but requests, signed as its documents say; a person enters the address there.</summary>
[Collection(Platform.Apis)]
public sealed class HearingFromSlack(TwoReplicas replicas) : IClassFixture<TwoReplicas>, IAsyncLifetime
{
    private const string Secret = "8f742231b10e8888abcd99yyyzzz85a5";
    private readonly TestDatabase _database = replicas.Database;
    private readonly ApiHost _api = replicas.First;

    public async Task InitializeAsync()
    {
        await _database.ScalarAsync("DELETE FROM flow_hooks");
        await _api.PostAsync("/api/v1/connections", $$"""{ "key": "team", "piece": "slack", "value": { "token": "xoxb-1", "signingSecret": "{{Secret}}" } }"""); // by the first test
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Its_question_is_answered_without_a_run_when_it_is_signed()
    {
        var (flow, url) = await PublishAsync("new_message", "{}");
        const string question = """{"token":"Jhj5dZrVaK7ZwHHjRyZWjbDl","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}""";
        using (var answer = await SendAsync(url, question))
        {
            Assert.Equal((HttpStatusCode.OK, "text/plain"), (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType));
            Assert.Equal("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", await answer.Content.ReadAsStringAsync());
        }
        foreach (var (secret, sentAt) in new[] { ("guessed", TimeProvider.System.GetUtcNow()), (Secret, TimeProvider.System.GetUtcNow().AddMinutes(-6)) })
        {
            using var refused = await SendAsync(url, question, secret, sentAt);
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }
        Assert.Equal(0L, await RunsAsync(flow));
    }

    [Fact]
    public async Task An_event_that_Slack_sends_again_is_the_same_event()
    {
        var (flow, url) = await PublishAsync("new_message", "{}");
        var message = Message("Ev1", """ "user": "U1", "text": "Hello" """);
        using var first = await SendAsync(url, message);
        Assert.Equal(HttpStatusCode.Accepted, first.StatusCode);
        for (var retry = 1; retry <= 3; retry++)
        {
            using var again = await SendAsync(url, message, retry: retry);
            Assert.Equal((HttpStatusCode.Accepted, "true"), (again.StatusCode, again.Headers.GetValues("Idempotency-Replayed").Single()));
            Assert.Equal(await first.Content.ReadAsStringAsync(), await again.Content.ReadAsStringAsync());
        }
        using (var other = await SendAsync(url, Message("Ev2", """ "user": "U1", "text": "Hello" """)))
            Assert.Equal(HttpStatusCode.Accepted, other.StatusCode);
        Assert.Equal(2L, await RunsAsync(flow));
        Assert.Equal("message Ev1 Hello", await _database.ScalarAsync(
            "SELECT (trigger ->> 'event') || ' ' || (trigger ->> 'id') || ' ' || (trigger -> 'data' -> 'event' ->> 'text') FROM runs WHERE flow_id = $1 ORDER BY id LIMIT 1", flow));
    }

    [Fact]
    public async Task An_event_whose_id_is_no_text_has_none()
    {
        var (flow, url) = await PublishAsync("new_message", "{}");
        for (var call = 0; call < 2; call++)
        {
            using var answer = await SendAsync(url, Message(@"\ud800", """ "user": "U1" """));
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        }
        Assert.Equal(2L, await RunsAsync(flow));
    }

    [Theory]
    [InlineData("""{ "channel": "C1" }""", """ "user": "U1", "text": "Here" """, true)]
    [InlineData("""{ "channel": "C2" }""", """ "user": "U1", "text": "Elsewhere" """, false)]
    [InlineData("""{ "channel": "" }""", """ "user": "U1", "text": "Anywhere" """, true)]
    [InlineData("{}", """ "user": "U1", "subtype": "file_share" """, true)]
    [InlineData("{}", """ "subtype": "message_changed" """, false)]
    [InlineData("{}", """ "user": "U1", "subtype": "channel_join" """, false)]
    [InlineData("{}", """ "bot_id": "B1", "text": "I answer myself" """, false)]
    [InlineData("""{ "bots": true }""", """ "bot_id": "B1", "subtype": "bot_message", "text": "Beep" """, true)]
    public async Task A_message_counts_when_it_is_new_of_the_channel_and_of_a_person(string input, string message, bool counts)
    {
        var (flow, url) = await PublishAsync("new_message", input);
        using var answer = await SendAsync(url, Message("Ev1", message));
        Assert.Equal(counts ? HttpStatusCode.Accepted : HttpStatusCode.OK, answer.StatusCode);
        if (!counts)
            Assert.Equal("""{"ignored":"message"}""", await answer.Content.ReadAsStringAsync());
        Assert.Equal(counts ? 1L : 0L, await RunsAsync(flow));
    }

    [Fact]
    public async Task Of_the_other_events_those_that_are_named_count()
    {
        var (flow, url) = await PublishAsync("event", """{ "events": ["reaction_added"] }""");
        foreach (var (type, status) in new[] { ("reaction_added", HttpStatusCode.Accepted), ("reaction_removed", HttpStatusCode.OK) })
        {
            using var answer = await SendAsync(url, $$$"""{ "type": "event_callback", "event_id": "{{{type}}}", "event": { "type": "{{{type}}}", "reaction": "thumbsup" } }""");
            Assert.Equal(status, answer.StatusCode);
        }
        Assert.Equal(1L, await RunsAsync(flow));
        foreach (var odd in new[] { "{}", "[]", """{ "event": "text" }""", """{ "event": { "type": {} } }""" })
        {
            using var answer = await SendAsync(url, odd);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }
    }

    [Fact]
    public async Task The_address_stays_when_the_flow_is_switched_off_and_on_or_published_anew()
    {
        var (flow, url) = await PublishAsync("new_message", """{ "channel": "C1" }""");
        (await _api.PostAsync($"/api/v1/flows/{flow}/disable")).Ok();
        using (var off = await SendAsync(url, Message("Ev1", """ "user": "U1" """)))
            Assert.Equal(HttpStatusCode.NotFound, off.StatusCode);
        await replicas.AnswerAsync(_api, (await replicas.TakeAsync(_api, "w1"))!, new PieceAnswer(Guid.Empty));
        (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Problem(404);
        (await _api.PostAsync($"/api/v1/flows/{flow}/enable")).Ok();
        Assert.Equal(url, await AddressAsync(flow));

        (await _api.SendAsync(HttpMethod.Put, $"/api/v1/flows/{flow}/draft", Definition("new_message", """{ "channel": "C9" }"""))).Ok();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        Assert.Equal(url, await AddressAsync(flow));
        Assert.Equal("C9", await _database.ScalarAsync("SELECT input ->> 'channel' FROM flow_hooks WHERE flow_id = $1", flow));
        Assert.Equal(1L, await _database.ScalarAsync("SELECT count(*) FROM flow_hooks WHERE flow_id = $1 AND wanted", flow));
    }

    [Fact]
    public async Task Without_the_signing_secret_nobody_comes_in()
    {
        await _api.PostAsync("/api/v1/connections", """{ "key": "half", "piece": "slack", "value": { "token": "xoxb-1" } }""");
        var (flow, url) = await PublishAsync("new_message", "{}", "half");
        using var answer = await SendAsync(url, Message("Ev1", """ "user": "U1" """), secret: "");
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Equal(0L, await RunsAsync(flow));
    }

    private static string Message(string id, string fields) =>
        $$"""{ "type": "event_callback", "team_id": "T1", "event_id": "{{id}}", "event": { "type": "message", "channel": "C1", {{fields}} } }""";

    private static string Definition(string trigger, string input, string connection = "team") =>
        $$"""{ "schema": 1, "trigger": { "piece": "slack", "event": "{{trigger}}", "connection": "{{connection}}", "input": {{input}} }, "steps": [] }""";

    private async Task<(Guid Flow, string Url)> PublishAsync(string trigger, string input, string connection = "team")
    {
        await _database.ScalarAsync("DELETE FROM flow_hooks");
        var flow = (await _api.PostAsync("/api/v1/flows", $$"""{ "name": "Slack", "definition": {{Definition(trigger, input, connection)}} }""")).Ok(201)["id"].GetGuid();
        (await _api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        var call = (await replicas.TakeAsync(_api, "w1"))!;
        Assert.Equal((PieceCallKind.Enable, "slack"), (call.Request.Kind, call.Request.Piece));
        await replicas.AnswerAsync(_api, call, new PieceAnswer(Guid.Empty, State: RawJson.Parse("{}")));
        return (flow, await AddressAsync(flow));
    }

    private async Task<string> AddressAsync(Guid flow) => (await _api.GetAsync($"/api/v1/flows/{flow}/trigger")).Ok()["url"].GetString()!;

    private async Task<long> RunsAsync(Guid flow) => (long)(await _database.ScalarAsync("SELECT count(*) FROM runs WHERE flow_id = $1", flow))!;

    private async Task<HttpResponseMessage> SendAsync(string url, string body, string secret = Secret, DateTimeOffset? at = null, int? retry = null)
    {
        var time = (at ?? TimeProvider.System.GetUtcNow()).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("X-Slack-Request-Timestamp", time);
        request.Headers.Add("X-Slack-Signature", $"v0={Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"v0:{time}:{body}")))}");
        if (retry is { } number)
        {
            request.Headers.Add("X-Slack-Retry-Num", number.ToString(CultureInfo.InvariantCulture));
            request.Headers.Add("X-Slack-Retry-Reason", "http_timeout");
        }
        return await _api.Http.SendAsync(request);
    }
}
