using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using CsCheck;
using Flows.Api;
using Flows.Api.Flows;
using Flows.Api.Runs;
using Flows.Api.Webhooks;
using Flows.Contracts.Definitions;
using Microsoft.AspNetCore.Http;

namespace Flows.Tests.Properties;

/// <summary>The small readers of what callers and operators send: cursors, tags, names, settings, the rules of webhooks.</summary>
public sealed class KeepingAnyInput
{
    private static readonly Gen<string> s_text = Gen.OneOf<char>(Gen.Char[' ', '~'], Gen.Char['\u0001', '\ud7ff']).Array[0, 60].Select(letters => new string(letters));

    [Fact]
    public void A_cursor_of_a_journal_leads_to_where_it_was_made() => Gen.Select(Gen.Long[0, DateTime.MaxValue.Ticks], s_text).Holds(of =>
    {
        var cursor = new StepCursor(new DateTimeOffset(of.Item1, TimeSpan.Zero), of.Item2);
        Assert.Equal(cursor, StepCursor.Parse(cursor.ToString()));
    });

    [Fact]
    public void Any_text_is_a_cursor_or_none() => s_text.Holds(text =>
    {
        if (StepCursor.Parse(text) is { } cursor)
            Assert.Equal(cursor, StepCursor.Parse(cursor.ToString()));
        if (new PageQuery(null, text).TryRead(out _, out _, out var problem))
            Assert.Null(problem);
        else
            Assert.Equal(400, problem!.StatusCode);
    }, cases: 5_000);

    [Fact]
    public void The_cursor_of_a_page_is_its_last_id_and_its_limit_is_kept() => Gen.Select(Gen.Guid.Array[0, 12], Gen.Int[1, 10]).Holds(of =>
    {
        var (ids, limit) = of;
        var page = Page.Of([.. ids], limit, id => id);
        Assert.Equal(ids.Take(limit), page.Items);
        Assert.Equal(ids.Length > limit, page.NextCursor is not null);
        if (page.NextCursor is null)
            return;
        Assert.True(new PageQuery(limit, page.NextCursor).TryRead(out _, out var after, out _));
        Assert.Equal(ids[limit - 1], after);
    });

    [Fact]
    public void Tags_that_are_taken_are_each_there_once_in_order_and_the_same_when_they_are_tidied_again() => s_text.Array[0, 25].Holds(tags =>
    {
        if (FlowTags.Check("$.tags", tags) is { } problem)
        {
            Assert.Matches(@"^\$\.tags(\[\d+\])?$", problem.Path);
            return;
        }
        var tidy = FlowTags.Tidy(tags);
        Assert.Equal(tags.ToHashSet(), tidy.ToHashSet());
        Assert.Equal(tidy, FlowTags.Tidy(tidy.Reverse()));
        Assert.Null(FlowTags.Check("$.tags", tidy));
        Assert.DoesNotContain(tidy, tag => tag.Contains(',', StringComparison.Ordinal)); // or a query for one would ask for two
    }, cases: 3_000);

    [Fact]
    public void A_list_of_proxies_that_is_taken_is_believed_as_a_whole() => Gen.OneOf(
        "10.0.0.5", "10.1.0.0/16", "::1", "fd00::/8", "127.0.0.1/33", "10.0.0", "1", "", " ", "0x7f.1", "10.0.0.5/", "/8", "proxy", "::ffff:10.0.0.1").Array[0, 5].Select(parts => string.Join(',', parts)).Holds(text =>
        {
            var entries = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Length;
            Assert.Equal(ProxyOptions.Problem(text) is null, ProxyOptions.Networks(text).Count() == entries);
        });

    [Fact]
    public void Any_settings_of_a_webhook_are_rules_or_problems_of_their_inputs() => Gen.Select(
        Gen.OneOf("auth", "handshake", "connection", "secret", "username", "header", "algorithm", "encoding", "prefix", "timestampHeader", "timestampPrefix", "tolerance", "signed", "allow", "perMinute", "verifyToken", "handshakeName"),
        Gen.OneOf<string>(AnyFlow.Json, Gen.OneOf("\"hmac\"", "\"basic\"", "\"header\"", "\"slack\"", "\"{timestamp}{body}\"", "\"X-Time\"", "\"00:05:00\"", "[\"10.0.0.0/8\"]", "[\"x\", 1]", "\"sha1\"", "5", "\"a\\r\\nb\""))).Array[0, 6].Holds(inputs =>
        {
            var json = $"{{{string.Join(',', inputs.DistinctBy(input => input.Item1).Select(input => $"\"{input.Item1}\":{input.Item2}"))}}}";
            var problems = new List<DefinitionProblem>();
            var rules = WebhookRules.Read(Trigger(json), "$.trigger", problems);
            Assert.Equal(rules is null, problems.Any(problem => problem.Severity == ProblemSeverity.Error));
            Assert.All(problems, problem => Assert.StartsWith("$.trigger.input.", problem.Path, StringComparison.Ordinal));
            var again = new List<DefinitionProblem>();
            WebhookRules.Read(Trigger(json), "$.trigger", again);
            Assert.Equal(problems, again);
        }, cases: 3_000);

    [Fact]
    public void What_is_signed_as_the_rules_say_is_let_in_and_nothing_that_differs_in_one_bit() => Gen.Select(
        Gen.Byte.Array[0, 200], s_text.Where(text => text.Length > 0), Gen.OneOf("sha1", "sha256", "sha512"), Gen.Bool, Gen.OneOf("{body}", "{timestamp}.{body}", "v0:{timestamp}:{body}", "é😀{body}{url}"), Gen.Int[-400, 400], Gen.Int[0, 100_000]).Holds(of =>
        {
            var (body, secret, algorithm, base64, signed, seconds, bit) = of;
            var now = new DateTimeOffset(2026, 5, 4, 3, 2, 1, TimeSpan.Zero);
            var time = signed.Contains("{timestamp}", StringComparison.Ordinal) ? $"{now.AddSeconds(seconds).ToUnixTimeSeconds()}" : null;
            const string url = "https://flows.example.com/webhooks/x?a=1";
            var rules = new WebhookRules(WebhookProof.Hmac, null, secret, null, "X-Signature",
                new WebhookSignature("X-Signature", algorithm, base64, "", time is null ? null : "X-Time", "", TimeSpan.FromMinutes(5), signed), WebhookHandshake.None, "", null, Array.Empty<IPNetwork>(), null);
            var parts = signed.Split("{body}");
            byte[] message = [.. Bytes(parts[0]), .. body, .. Bytes(parts[1])];
            var key = Encoding.UTF8.GetBytes(secret);
#pragma warning disable CA5350 // one of those that services use
            var hmac = algorithm switch { "sha1" => HMACSHA1.HashData(key, message), "sha512" => HMACSHA512.HashData(key, message), _ => HMACSHA256.HashData(key, message) };
#pragma warning restore CA5350
            var isLate = time is not null && Math.Abs(seconds) > 300;
            Assert.Equal(isLate, Problem(body, hmac) is not null);
            if (body.Length > 0)
                Assert.NotNull(Problem(Flipped(body), hmac));
            Assert.NotNull(Problem(body, Flipped(hmac)));

            byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text.Replace("{timestamp}", time, StringComparison.Ordinal).Replace("{url}", url, StringComparison.Ordinal));

            byte[] Flipped(byte[] bytes)
            {
                byte[] other = [.. bytes];
                other[bit % bytes.Length] ^= (byte)(1 << (bit % 8));
                return other;
            }

            string? Problem(byte[] sent, byte[] signature)
            {
                var request = new DefaultHttpContext().Request;
                request.Headers["X-Signature"] = base64 ? Convert.ToBase64String(signature) : Convert.ToHexStringLower(signature);
                request.Headers["X-Time"] = time;
                return CallerProof.Problem(rules, new WebhookSecret(secret, null, null), request, sent, url, now);
            }
        });

    private static FlowTrigger Trigger(string input) => new("trigger", "webhook", "catch", JsonElement.Parse(input), null);
}
