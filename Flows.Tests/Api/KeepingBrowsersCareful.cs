using Flows.Api;

namespace Flows.Tests.Api;

[Collection(nameof(Platform))]
public sealed class KeepingBrowsersCareful(KeepingBrowsersCareful.TwoApis apis, Platform platform) : IClassFixture<KeepingBrowsersCareful.TwoApis>
{
    private readonly ApiHost _direct = apis.Api;
    private readonly ApiHost _behindProxy = apis.BehindProxy;

    [Fact]
    public async Task Every_answer_carries_the_headers_and_no_other_origin_is_allowed()
    {
        foreach (var path in new[] { "/", "/api/v1/flows", "/nope", "/health", "/sign-in", "/setup", "/admin/queues", "/openapi/v1.json", "/docs" })
        {
            foreach (var method in new[] { HttpMethod.Get, HttpMethod.Options })
            {
                using var answer = await SendAsync(_direct, method, path, ("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST"));
                Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
                Assert.Contains("frame-ancestors 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
                Assert.Contains(answer.Headers.GetValues("Referrer-Policy").Single(), new[] { "no-referrer", "same-origin" });
                Assert.DoesNotContain(answer.Headers, header => header.Key.StartsWith("Access-Control-", StringComparison.OrdinalIgnoreCase));
                Assert.False(answer.Headers.Contains("Server"));
                Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
            }
        }
    }

    [Fact]
    public async Task Hangfires_page_may_load_its_own_scripts_and_nobody_elses()
    {
        await using var api = await ApiHost.StartAsync(apis.Database.ConnectionString, platform, new() { ["Flows:Queue:Provider"] = "Hangfire" });
        using var page = await SendAsync(api, HttpMethod.Get, "/admin/queues", ("Authorization", $"Bearer {ApiHost.Key}"));
        Assert.Equal(200, (int)page.StatusCode);
        Assert.StartsWith("default-src 'self';", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_word_of_a_configured_proxy_counts_and_that_of_anybody_else_does_not()
    {
        (string, string)[] forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "flows.example.com"), ("X-Forwarded-For", "203.0.113.9")];
        using var believed = await SendAsync(_behindProxy, HttpMethod.Get, "/sign-in", forwarded);
        Assert.Equal("max-age=31536000", believed.Headers.GetValues("Strict-Transport-Security").Single());
        using var ignored = await SendAsync(_direct, HttpMethod.Get, "/sign-in", forwarded);
        Assert.False(ignored.Headers.Contains("Strict-Transport-Security"));
    }

    [Theory]
    [InlineData("203.0.113.9", "203.0.113.9")]
    [InlineData("198.51.100.1, 203.0.113.9", "203.0.113.9")] // what the caller has written there itself does not count
    [InlineData("203.0.113.9, 10.9.3.4", "203.0.113.9")] // through two of ours
    public async Task The_address_of_a_caller_is_what_the_nearest_of_our_proxies_says_and_nothing_before_it(string forwardedFor, string address)
    {
        foreach (var (host, expected, url) in new[] { (_behindProxy, address, "https://flows.example.com/webhooks/"), (_direct, "127.0.0.1", _direct.Http.BaseAddress + "webhooks/") })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/flows") { Content = new StringContent("""{ "name": "Of a caller" }""", System.Text.Encoding.UTF8, "application/json") };
            request.Headers.Authorization = new("Bearer", ApiHost.Key);
            request.Headers.Add("X-Forwarded-For", forwardedFor);
            request.Headers.Add("X-Forwarded-Proto", string.Join(", ", forwardedFor.Split(',').Select(_ => "https")));
            request.Headers.Add("X-Forwarded-Host", string.Join(", ", forwardedFor.Split(',').Select(_ => "flows.example.com")));
            using var made = await host.Http.SendAsync(request);
            Assert.Equal(201, (int)made.StatusCode);
            var flow = System.Text.Json.JsonElement.Parse(await made.Content.ReadAsStringAsync());
            Assert.StartsWith(url, flow.GetProperty("webhookUrl").GetString(), StringComparison.Ordinal);
            var row = (await host.GetAsync($"/api/v1/audit?target=flow:{flow.GetProperty("id")}")).Ok()["items"][0];
            Assert.Equal(expected, row.GetProperty("address").GetString()!.Replace("::ffff:", "", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("10.0.0.5,10.1.0.0/16 , fd00::/8", null)]
    [InlineData("10.0.0.5,proxy", "Flows__Proxies: 'proxy' is not an address or a range such as 10.1.0.0/16.")]
    [InlineData("10.0.0.0/33", "Flows__Proxies: '10.0.0.0/33' is not an address or a range such as 10.1.0.0/16.")]
    public void A_bad_entry_is_named(string proxies, string? problem) => Assert.Equal(problem, ProxyOptions.Problem(proxies));

    private static async Task<HttpResponseMessage> SendAsync(ApiHost host, HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        return await host.Http.SendAsync(request);
    }

    /// <summary>One that is asked directly, and one behind a proxy.</summary>
    public sealed class TwoApis(Platform platform) : ApiFixture(platform)
    {
        public ApiHost BehindProxy { get; private set; } = null!;

        protected override Dictionary<string, string> Settings => new() { ["Flows:Queue:Provider"] = "Redis" };

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            BehindProxy = await StartAsync(new() { ["Flows:Queue:Provider"] = "Redis", ["Flows:Proxies"] = "10.9.0.0/16, 127.0.0.1" });
        }

        public override async Task DisposeAsync()
        {
            await BehindProxy.DisposeAsync();
            await base.DisposeAsync();
        }
    }
}
