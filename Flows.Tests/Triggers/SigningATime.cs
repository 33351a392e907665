using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Flows.Api.Flows;
using Flows.Api.Triggers;
using Flows.Api.Webhooks;
using Flows.Contracts.Definitions;
using Flows.Contracts.WorkerProtocol;
using Flows.Tests.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Triggers;

/// <summary>Hooks of services that sign the time of a call together with its body, in the two forms that are seen most.</summary>
[Collection(Platform.Apis)]
public sealed class SigningATime(Platform platform)
{
    private const string Secret = "8f742231b10e8888abcd99yyyzzz85a5";
    private const string Body = """{"type":"order","n":1}""";
    private static readonly DateTimeOffset s_now = new(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);

    /// <summary>https://docs.slack.dev/authentication/verifying-requests-from-slack</summary>
    private static readonly HookDescription s_slack = new(
        "hmac", "X-Slack-Signature", Prefix: "v0=", TimestampHeader: "X-Slack-Request-Timestamp", Signed: "v0:{timestamp}:{body}");

    /// <summary>https://docs.stripe.com/webhooks?verify=verify-manually</summary>
    private static readonly HookDescription s_stripe = new(
        "hmac", "Stripe-Signature", Prefix: "v1=", IdField: "id", TimestampHeader: "Stripe-Signature", TimestampPrefix: "t=", Signed: "{timestamp}.{body}");

    [Theory]
    [InlineData(0, true)]
    [InlineData(-300, true)]
    [InlineData(300, true)]
    [InlineData(-301, false)]
    [InlineData(301, false)]
    [InlineData(-86_400, false)]
    public void A_call_counts_as_long_as_its_signed_time_is_near_ours(int seconds, bool counts)
    {
        var sent = s_now.AddSeconds(seconds);
        foreach (var problem in (string?[])[Problem(s_slack, Slack(sent)), Problem(s_stripe, Stripe(sent))])
        {
            if (counts)
                Assert.Null(problem);
            else
                Assert.Contains("too old, or a clock is wrong", problem, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_time_that_was_changed_does_not_fit_the_signature()
    {
        var (old, now) = (s_now.AddHours(-1), s_now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        var slack = Slack(old) with { Time = now };
        Assert.Equal("The signature in X-Slack-Signature does not fit the body and the secret.", Problem(s_slack, slack));
        var stripe = Stripe(old);
        stripe = stripe with { Signature = $"t={now},{stripe.Signature.Split(',')[1]}" };
        Assert.Equal("The signature in Stripe-Signature does not fit the body and the secret.", Problem(s_stripe, stripe));
        // Of two times the first counts, which is the one that is signed.
        Assert.Contains("clock is wrong", Problem(s_stripe, Stripe(old) with { Signature = $"{Stripe(old).Signature},t={now}" }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "The header Stripe-Signature has no time in it.")]
    [InlineData("v1=00", "The header Stripe-Signature has no time in it.")]
    [InlineData("t=soon,v1=00", "The header Stripe-Signature has no time in it.")]
    [InlineData("t=99999999999999999999,v1=00", "The header Stripe-Signature has no time in it.")]
    [InlineData("t=NOW", "The header Stripe-Signature has no signature that begins with 'v1='.")]
    [InlineData("t=NOW,v0=00", "The header Stripe-Signature has no signature that begins with 'v1='.")]
    [InlineData("t=NOW,v1=nothex", "The signature in Stripe-Signature does not fit the body and the secret.")]
    public void What_is_missing_is_named(string header, string problem) =>
        Assert.Equal(problem, Problem(s_stripe, new("", header.Replace("NOW", s_now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal))));

    [Fact]
    public void While_a_service_changes_its_secret_one_of_two_signatures_is_enough()
    {
        var good = Stripe(s_now).Signature.Split(',');
        Assert.Null(Problem(s_stripe, new("", $"{good[0]},v1={new string('0', 64)},{good[1]}")));
    }

    [Fact]
    public void Another_body_or_secret_does_not_fit()
    {
        Assert.NotNull(Problem(s_slack, Slack(s_now), body: Body.Replace('1', '2')));
        Assert.NotNull(Problem(s_slack, Slack(s_now), secret: Secret.ToUpperInvariant()));
        Assert.NotNull(Problem(s_slack, Slack(s_now), secret: ""));
    }

    [Fact]
    public void A_signature_in_base64_is_read_as_such()
    {
        var shop = new HookDescription("hmac", "X-Slack-Signature", Encoding: "base64");
        var signature = Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(Body)));
        Assert.Null(Problem(shop, new("", signature)));
        Assert.NotNull(Problem(shop, new("", Convert.ToHexStringLower(Convert.FromBase64String(signature)))));
    }

    [Fact]
    public async Task A_call_that_is_replayed_later_starts_nothing_and_a_second_one_in_time_starts_no_second_run()
    {
        await using var database = new TestDatabase(platform);
        var clock = new ManualClock();
        await using var api = await ApiHost.StartAsync(database.ConnectionString, platform, new() { ["Flows:Queue:Provider"] = "Redis", ["Flows:Queue:KeyPrefix"] = database.Name }, builder =>
        {
            // The GitHub trigger, as if GitHub signed like Stripe.
            var engine = TestCatalogue.Engine;
            builder.Services.AddSingleton(new FlowCatalogue(engine with
            {
                Pieces = [.. engine.Pieces.Select(piece => piece.Name != "github" ? piece : piece with
                {
                    Triggers = [.. piece.Triggers.Select(trigger => trigger.Hook is null ? trigger : trigger with { Hook = s_stripe })],
                })],
            }));
            builder.Services.AddSingleton<TimeProvider>(clock);
        });
        (await api.PostAsync("/api/v1/connections", """{ "key": "hub", "piece": "github", "value": { "token": "ghp_1" } }""")).Ok(201);
        var flow = (await api.PostAsync("/api/v1/flows", """
            { "name": "Hook", "definition": { "schema": 1, "steps": [], "trigger": { "name": "trigger", "piece": "github", "event": "repository_event", "connection": "hub",
              "input": { "owner": "ada", "repository": "engine", "events": ["push"] } } } }
            """)).Ok(201)["id"].GetGuid();
        (await api.PostAsync($"/api/v1/flows/{flow}/publish")).Ok();
        api.Http.DefaultRequestHeaders.Add(WorkerRoutes.ProtocolHeader, $"{WorkerRoutes.CurrentProtocol}");
        var offer = await api.PostAsync(WorkerRoutes.NextPieceCall, """{ "worker": "w1" }""", ApiHost.WorkerToken);
        var hook = offer["call"].GetProperty("request").GetProperty("hook");
        var (url, secret) = (new Uri(hook.GetProperty("url").GetString()!).AbsolutePath, hook.GetProperty("secret").GetString()!);

        const string sent = """{"id":"evt_1","n":1}""";
        var header = Stripe(clock.GetUtcNow(), secret, sent).Signature;
        Assert.Equal(202, await SendAsync());
        Assert.Equal(202, await SendAsync());
        clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(401, await SendAsync());
        Assert.Equal(1L, await database.ScalarAsync("SELECT count(*) FROM runs WHERE flow_id = $1", flow));

        async Task<int> SendAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent(sent, Encoding.UTF8, "application/json") };
            request.Headers.TryAddWithoutValidation("Stripe-Signature", header);
            using var answer = await api.Http.SendAsync(request);
            return (int)answer.StatusCode;
        }
    }

    private sealed record Call(string Time, string Signature);

    private static Call Slack(DateTimeOffset sent)
    {
        var time = sent.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return new(time, $"v0={Hmac(Secret, $"v0:{time}:{Body}")}");
    }

    private static Call Stripe(DateTimeOffset sent, string secret = Secret, string body = Body)
    {
        var time = sent.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return new("", $"t={time},v1={Hmac(secret, $"{time}.{body}")}");
    }

    private static string Hmac(string secret, string text) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));

    private static string? Problem(HookDescription hook, Call call, string body = Body, string secret = Secret)
    {
        var request = new DefaultHttpContext().Request;
        request.Headers["X-Slack-Request-Timestamp"] = call.Time;
        request.Headers[hook.Header] = call.Signature;
        return CallerProof.Problem(HookEndpoints.RulesOf(hook, secret), new WebhookSecret(secret, null, null), request, Encoding.UTF8.GetBytes(body), "https://flows.example.com/", s_now);
    }
}
