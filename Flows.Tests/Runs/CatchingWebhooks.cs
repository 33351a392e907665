using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Flows.Contracts.Runs;

namespace Flows.Tests.Runs;

[Collection(Platform.Databases)]
public sealed class CatchingWebhooks(RunsDatabase database) : IClassFixture<RunsDatabase>, IAsyncLifetime
{
    private RunsHost _host = null!;

    public async Task InitializeAsync() => _host = await database.HostAsync();
    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData("application/json", """{"n":12345678901234567890, "s":"é"}""", """{"n":12345678901234567890, "s":"é"}""")]
    [InlineData("application/json; charset=utf-8", " [1] ", "[1]")]
    [InlineData("application/vnd.shop.order+json", "true", "true")]
    [InlineData("text/plain", "a\"b", "\"a\\u0022b\"")]
    [InlineData("text/csv; charset=utf-8", "é", "\"\\u00E9\"")]
    [InlineData("application/x-www-form-urlencoded", "a=1&b=x+y&a=2&c=%C3%A9", """{"a":["1","2"],"b":"x y","c":"\u00E9"}""")]
    [InlineData("application/octet-stream", "abc", """{"base64":"YWJj","contentType":"application/octet-stream"}""")]
    [InlineData(null, "abc", """{"base64":"YWJj","contentType":null}""")]
    [InlineData("application/json", "", "null")]
    public async Task The_body_becomes_what_its_type_says(string? contentType, string body, string expected)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        if (contentType is not null)
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        var trigger = await TriggerOfAsync(new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{database.Flow}") { Content = content });
        Assert.Equal(expected, trigger.GetProperty("body").GetRawText());
    }

    [Fact]
    public async Task Another_charset_is_understood()
    {
        using var content = new ByteArrayContent(Encoding.Latin1.GetBytes("\"é\""));
        content.Headers.ContentType = MediaTypeHeaderValue.Parse("application/json; charset=iso-8859-1");
        var trigger = await TriggerOfAsync(new HttpRequestMessage(HttpMethod.Post, $"/webhooks/{database.Flow}") { Content = content });
        Assert.Equal("é", trigger.GetProperty("body").GetString());
    }

    [Fact]
    public async Task The_trigger_has_method_headers_and_query_but_no_credentials()
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/webhooks/{database.Flow}?a=1&b=2&b=3");
        request.Headers.TryAddWithoutValidation("X-Shop", "one");
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer secret");
        request.Headers.TryAddWithoutValidation("Cookie", "session=secret");
        var trigger = await TriggerOfAsync(request);
        Assert.Equal("PUT", trigger.GetProperty("method").GetString());
        Assert.Equal("one", trigger.GetProperty("headers").GetProperty("x-shop").GetString());
        Assert.Equal("""{"a":"1","b":["2","3"]}""", trigger.GetProperty("query").GetRawText());
        Assert.DoesNotContain("secret", trigger.GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{} 1")]
    [InlineData("nope")]
    public async Task A_body_that_says_JSON_and_is_not_is_refused(string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var answer = await _host.Anonymous.PostAsync($"/webhooks/{database.Flow}", content);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Fact]
    public async Task A_body_over_the_limit_is_refused()
    {
        await using var small = await RunsHost.StartAsync(database, new() { ["Flows:Limits:PayloadMiB"] = "1" });
        using var content = new ByteArrayContent(new byte[(1 << 20) + 1]);
        using var answer = await small.Anonymous.PostAsync($"/webhooks/{database.Flow}", content);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task A_flow_that_no_webhook_starts_is_refused_with_its_trigger()
    {
        var (flow, _) = await database.PublishAsync(RunsDatabase.Definition.Replace("\"webhook\"", "\"manual\"", StringComparison.Ordinal));
        using var answer = await _host.Anonymous.PostAsync($"/webhooks/{flow}", null);
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Contains("manual", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var unknown = await _host.Anonymous.GetAsync($"/webhooks/{Guid.CreateVersion7()}");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task Nobody_waits_for_an_asynchronous_webhook()
    {
        using var answer = await _host.Anonymous.PostAsync($"/webhooks/{database.Flow}", null);
        var run = (await RunsHost.JsonAsync(answer)).GetProperty("runId").GetGuid();
        Assert.True(await database.ValueAsync<bool>("SELECT waiter IS NULL AND priority = $2 AND origin = $3 FROM runs WHERE id = $1",
            run, (short)RunPriority.Normal, (short)RunOrigin.Webhook));
    }

    private async Task<JsonElement> TriggerOfAsync(HttpRequestMessage request)
    {
        using var answer = await _host.Anonymous.SendAsync(request);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        var run = (await RunsHost.JsonAsync(answer)).GetProperty("runId").GetGuid();
        Assert.Equal(run.ToString(), answer.Headers.GetValues("Flows-Run-Id").Single());
        return JsonElement.Parse(await database.ValueAsync<string>("SELECT trigger::text FROM runs WHERE id = $1", run));
    }
}
