using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Flows.Api.Connections;
using Flows.Tests.Runs;

namespace Flows.Tests.Webhooks;

/// <summary>Who may call a flow, under the rules of its trigger.</summary>
[Collection(nameof(Platform))]
public sealed class GuardingAWebhook(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private const string Key = "whsec_a-key-that-both-sides-know";
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData("sha1", "hex", "")]
    [InlineData("sha256", "hex", "sha256=")]
    [InlineData("sha512", "base64", "")]
    public async Task A_signature_of_the_body_lets_the_call_in(string algorithm, string encoding, string prefix)
    {
        var flow = await FlowAsync(new { auth = "hmac", secret = Key, header = "X-Hub-Signature", algorithm, encoding, prefix });
        const string Body = """{ "n" : 1.00, "é": "ü" }"""; // as it came, blanks and all
        Assert.Equal(202, await StatusAsync(flow, Body, ("X-Hub-Signature", prefix + Sign(algorithm, encoding, Body))));
        Assert.Equal(401, await StatusAsync(flow, Body + " ", ("X-Hub-Signature", prefix + Sign(algorithm, encoding, Body))));
        Assert.Equal(401, await StatusAsync(flow, Body, ("X-Hub-Signature", prefix + Sign(algorithm, encoding, Body + "x"))));
        Assert.Equal(401, await StatusAsync(flow, Body, ("X-Hub-Signature", prefix + "zz")));
        Assert.Equal(401, await StatusAsync(flow, Body));
    }

    [Fact]
    public async Task A_signed_time_that_is_too_far_from_ours_is_a_replay()
    {
        var flow = await FlowAsync(new { auth = "hmac", secret = Key, header = "Stripe-Signature", prefix = "v1=", timestampHeader = "Stripe-Signature", timestampPrefix = "t=" });
        string Header(DateTimeOffset at, string? signedAt = null) =>
            $"t={at.ToUnixTimeSeconds()},v1={Sign("sha256", "hex", $"{signedAt ?? at.ToUnixTimeSeconds().ToString()}.{{}}")},v0=old";
        var now = TimeProvider.System.GetUtcNow();
        Assert.Equal(202, await StatusAsync(flow, "{}", ("Stripe-Signature", Header(now))));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("Stripe-Signature", Header(now.AddMinutes(-10)))));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("Stripe-Signature", Header(now.AddMinutes(10)))));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("Stripe-Signature", Header(now, signedAt: now.AddMinutes(-10).ToUnixTimeSeconds().ToString()))));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("Stripe-Signature", $"v1={Sign("sha256", "hex", ".{}")}")));
    }

    [Fact]
    public async Task The_secret_comes_out_of_a_connection_and_stays_out_of_the_run()
    {
        await ConnectAsync("hook", """{"secret":"of the connection"}""");
        var flow = await FlowAsync(new { auth = "header", connection = "hook", header = "X-Shop-Key" });
        Assert.Equal(401, await StatusAsync(flow, "{}"));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("X-Shop-Key", "of the connectio")));
        using var answer = await SendAsync(flow, "{}", ("X-Shop-Key", "of the connection"), ("X-Other", "kept"));
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var run = (await RunsHost.JsonAsync(answer)).GetProperty("runId").GetGuid();
        var trigger = await database.ValueAsync<string>("SELECT trigger::text FROM runs WHERE id = $1", run);
        Assert.Contains("kept", trigger, StringComparison.Ordinal);
        Assert.DoesNotContain("of the connection", trigger, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_connection_nobody_comes_in()
    {
        var flow = await FlowAsync(new { auth = "header", connection = "gone" });
        Assert.Equal(503, await StatusAsync(flow, "{}", ("X-Webhook-Secret", "")));
    }

    [Fact]
    public async Task A_name_and_a_password_let_the_call_in()
    {
        await ConnectAsync("people", """{"username":"shop","password":"pä:ss"}""");
        var flow = await FlowAsync(new { auth = "basic", connection = "people" });
        Assert.Equal(202, await StatusAsync(flow, "{}", ("Authorization", Basic("shop:pä:ss"))));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("Authorization", Basic("shop:pass"))));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("Authorization", Basic("shop"))));
        Assert.Equal(401, await StatusAsync(flow, "{}", ("Authorization", "Basic %%%")));
        using var asked = await SendAsync(flow, "{}");
        Assert.Equal("Basic", asked.Headers.WwwAuthenticate.Single().Scheme);

        static string Basic(string pair) => $"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes(pair))}";
    }

    [Theory]
    [InlineData("""["127.0.0.0/8", "::1"]""", 202)]
    [InlineData("""["127.0.0.1"]""", 202)]
    [InlineData("""["203.0.113.0/24", "2001:db8::/32"]""", 403)]
    public async Task Only_the_addresses_of_the_list_may_call(string allow, int status)
    {
        var flow = await FlowAsync(new { allow = JsonElement.Parse(allow) });
        Assert.Equal(status, await StatusAsync(flow, "{}"));
    }

    [Fact]
    public async Task More_calls_than_the_flow_takes_are_told_when_to_come_back_on_every_replica()
    {
        await using var other = await RunsHost.StartAsync(database);
        var flow = await FlowAsync(new { perMinute = 1 });
        Assert.Equal(202, await StatusAsync(flow, "{}"));
        using var content = new StringContent("{}");
        using var answer = await other.Anonymous.PostAsync($"/webhooks/{flow}", content);
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Assert.Equal("too_many_calls", (await RunsHost.JsonAsync(answer)).GetProperty("code").GetString());
    }

    [Fact]
    public async Task The_limit_of_the_project_holds_for_all_its_flows()
    {
        var project = Guid.CreateVersion7();
        await database.ExecuteAsync("INSERT INTO projects (id, name) VALUES ($1, 'Limited')", project);
        await using var limited = await RunsHost.StartAsync(database, new() { ["Flows:Webhooks:ProjectPerMinute"] = "1" });
        var (one, _) = await database.PublishAsync(RunsDatabase.Definition, project);
        var (two, _) = await database.PublishAsync(RunsDatabase.Definition, project);
        using var first = await limited.Anonymous.PostAsync($"/webhooks/{one}", null);
        using var second = await limited.Anonymous.PostAsync($"/webhooks/{two}", null);
        Assert.Equal((HttpStatusCode.Accepted, HttpStatusCode.TooManyRequests), (first.StatusCode, second.StatusCode));
    }

    [Theory]
    [InlineData("""{"handshake":"microsoft"}""", "POST", "?validationToken=a%20b%2Bc", "", "a b+c")]
    [InlineData("""{"handshake":"query","handshakeName":"crc"}""", "GET", "?crc=77", "", "77")]
    [InlineData("""{"handshake":"meta","verifyToken":"ours"}""", "GET", "?hub.mode=subscribe&hub.verify_token=ours&hub.challenge=1158201444", "", "1158201444")]
    [InlineData("""{"handshake":"slack"}""", "POST", "", """{"token":"t","challenge":"3eZbrw","type":"url_verification"}""", "3eZbrw")]
    [InlineData("""{"handshake":"field","handshakeName":"hello"}""", "POST", "", """{"deep":{"hello":"no"},"hello":"<b>"}""", "<b>")]
    public async Task A_service_that_asks_gets_its_challenge_back_as_plain_text_and_no_run(string input, string method, string query, string body, string expected)
    {
        var flow = await FlowAsync(JsonElement.Parse(input));
        using var request = new HttpRequestMessage(new HttpMethod(method), $"/webhooks/{flow}{query}");
        if (body.Length > 0)
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await _host.Anonymous.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(expected, await answer.Content.ReadAsStringAsync());
        Assert.Equal("text/plain", answer.Content.Headers.ContentType!.MediaType);
        Assert.Equal(0L, await database.ValueAsync<long>("SELECT count(*) FROM runs WHERE flow_id = $1", flow));
    }

    [Fact]
    public async Task A_handshake_with_a_wrong_token_and_an_unsigned_one_of_a_signed_webhook_are_refused()
    {
        var meta = await FlowAsync(new { handshake = "meta", verifyToken = "ours" });
        using var wrong = await _host.Anonymous.GetAsync($"/webhooks/{meta}?hub.mode=subscribe&hub.verify_token=theirs&hub.challenge=1");
        Assert.Equal(HttpStatusCode.Forbidden, wrong.StatusCode);
        var slack = await FlowAsync(new { handshake = "slack", auth = "hmac", secret = Key });
        Assert.Equal(401, await StatusAsync(slack, """{"challenge":"x","type":"url_verification"}"""));
    }

    [Fact]
    public async Task The_test_address_runs_the_draft_under_its_rules()
    {
        var flow = await FlowAsync(new { auth = "header", secret = Key });
        Assert.Equal(401, await StatusAsync($"{flow}/test", "{}"));
        using var answer = await SendAsync($"{flow}/test", "{}", ("X-Webhook-Secret", Key));
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var run = (await RunsHost.JsonAsync(answer)).GetProperty("runId").GetGuid();
        Assert.True(await database.ValueAsync<bool>("SELECT version IS NULL AND environment = 1 FROM runs WHERE id = $1", run));
        Assert.Equal(404, await StatusAsync($"{Guid.CreateVersion7()}/test", "{}"));
    }

    private async Task<Guid> FlowAsync(object input)
    {
        var definition = RunsDatabase.Definition.Replace("\"input\": {}", $"\"input\": {JsonSerializer.Serialize(input)}", StringComparison.Ordinal);
        return (await database.PublishAsync(definition)).Flow;
    }

    private async Task ConnectAsync(string key, string fields)
    {
        var id = Guid.CreateVersion7();
        var sealedFields = _host.Get<SecretEnvelope>().Seal(Encoding.UTF8.GetBytes(fields), Connection.PlaceOf(database.Project, id));
        await database.ExecuteAsync(
            "INSERT INTO connections (id, project_id, key, name, kind, sealed, shown, created_at, updated_at) VALUES ($1, $2, $3, $3, 'custom', $4, '{}', now(), now())",
            id, database.Project, key, sealedFields);
    }

    private async Task<int> StatusAsync(object path, string body, params (string Name, string Value)[] headers)
    {
        using var answer = await SendAsync(path, body, headers);
        if ((int)answer.StatusCode >= 400)
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        return (int)answer.StatusCode;
    }

    private async Task<HttpResponseMessage> SendAsync(object path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{path}") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await _host.Anonymous.SendAsync(request);
    }

    private static string Sign(string algorithm, string encoding, string text)
    {
        var (key, bytes) = (Encoding.UTF8.GetBytes(Key), Encoding.UTF8.GetBytes(text));
#pragma warning disable CA5350 // What some services use.
        var mac = algorithm switch { "sha1" => HMACSHA1.HashData(key, bytes), "sha512" => HMACSHA512.HashData(key, bytes), _ => HMACSHA256.HashData(key, bytes) };
#pragma warning restore CA5350
        return encoding == "hex" ? Convert.ToHexStringLower(mac) : Convert.ToBase64String(mac);
    }
}
