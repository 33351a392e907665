using System.IO.Compression;
using System.Net;
using System.Text.RegularExpressions;
using Flows.Api.Web;
using Flows.Tests.Api;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Web;

[Collection(Platform.Apis)]
public sealed partial class ServingTheWebApp(ServingTheWebApp.TwoApis apis, Platform platform) : IClassFixture<ServingTheWebApp.TwoApis>
{
    private readonly ApiHost _api = apis.Api;
    private readonly ApiHost _below = apis.Below;

    [Fact]
    public async Task Without_Node_at_build_time_the_first_page_says_what_is_missing()
    {
        await using var bare = await ApiHost.StartAsync(apis.Database.ConnectionString, platform, adapt: builder => builder.Services.AddSingleton(new WebAppFiles("/nowhere")));
        var page = await bare.GetAsync("/", key: null);
        Assert.Equal(503, page.Status);
        Assert.Contains("its web app was not built", page.Text, StringComparison.Ordinal);
    }

    [WebAppTheory]
    [InlineData("/")]
    [InlineData("/flows")]
    [InlineData("/flows/0198c1f2-7a11-7d1e-9f5e-0123456789ab")]
    [InlineData("/runs/0198c1f2-7a11-7d1e-9f5e-0123456789ab?step=a")]
    [InlineData("/operate")]
    [InlineData("/settings")]
    public async Task Each_of_its_addresses_gives_the_page_to_whoever_asks(string address)
    {
        using var response = await _api.Http.GetAsync(address);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html", response.Content.Headers.ContentType!.MediaType);
        Assert.True(response.Headers.CacheControl!.NoCache);
        Assert.Contains("<base href=\"/\"", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var policy = string.Join(';', response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'self'", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("script-src 'unsafe", policy, StringComparison.Ordinal);
    }

    [WebAppFact]
    public async Task The_page_says_whether_the_browser_has_brought_a_session_along()
    {
        Assert.DoesNotContain("data-session", (await _api.GetAsync("/", key: null)).Text, StringComparison.Ordinal);
        foreach (var (cookie, isSession) in new[] { ("flows_session=fls_whatever", true), ("flows_session=x", false), ("other=fls_whatever", false) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/flows");
            request.Headers.Add("Cookie", cookie);
            using var response = await _api.Http.SendAsync(request);
            Assert.Equal(isSession, (await response.Content.ReadAsStringAsync()).Contains("<html data-session ", StringComparison.Ordinal));
            Assert.True(response.Headers.CacheControl!.Private);
        }
    }

    [Theory]
    [InlineData("/nothing-of-the-kind")]
    [InlineData("/assets/none.js")]
    [InlineData("/assets/..%2findex.html")]
    [InlineData("/assets/%2e%2e%2f%2e%2e%2fappsettings.json")]
    public async Task Everything_else_that_does_not_exist_stays_a_404(string address)
    {
        using var response = await _api.Http.GetAsync(address);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [WebAppFact]
    public async Task Its_files_come_compressed_and_may_be_kept_for_ever()
    {
        var script = FirstScript((await _api.GetAsync("/", key: null)).Text);
        using var plain = await _api.Http.GetAsync(script);
        var text = await plain.Content.ReadAsStringAsync();
        Assert.Equal("text/javascript", plain.Content.Headers.ContentType!.MediaType);
        Assert.Empty(plain.Content.Headers.ContentEncoding);
        Assert.Contains("immutable", plain.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromDays(365), plain.Headers.CacheControl.MaxAge);
        foreach (var encoding in (string[])["br", "gzip"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, script);
            request.Headers.AcceptEncoding.ParseAdd(encoding);
            using var packed = await _api.Http.SendAsync(request);
            Assert.Equal([encoding], packed.Content.Headers.ContentEncoding);
            Assert.Contains("Accept-Encoding", packed.Headers.Vary);
            await using var body = await packed.Content.ReadAsStreamAsync();
            await using Stream open = encoding == "br" ? new BrotliStream(body, CompressionMode.Decompress) : new GZipStream(body, CompressionMode.Decompress);
            using var reader = new StreamReader(open);
            Assert.Equal(text, await reader.ReadToEndAsync());
        }
    }

    [WebAppFact]
    public void What_the_first_page_loads_is_at_most_350_kB()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "web");
        var page = File.ReadAllText(Path.Combine(folder, "index.html"));
        var files = Assets().Matches(page).Select(match => match.Groups[1].Value).Distinct().ToList();
        Assert.Contains(files, file => file.EndsWith(".js", StringComparison.Ordinal));
        Assert.Contains(files, file => file.EndsWith(".css", StringComparison.Ordinal));
        var bytes = files.Sum(file => new FileInfo(Path.Combine(folder, file + ".br")).Length);
        Assert.InRange(bytes, 1, 350_000);
    }

    [WebAppFact]
    public async Task Below_a_path_the_page_and_its_files_are_found_with_and_without_it()
    {
        foreach (var prefix in (string[])["/automation", ""]) // a proxy may take the path off, or leave it on
        {
            var page = (await _below.GetAsync($"{prefix}/flows", key: null)).Ok().Text;
            Assert.Contains("<base href=\"/automation/\"", page, StringComparison.Ordinal);
            Assert.StartsWith("./assets/", FirstScript(page), StringComparison.Ordinal);
            using var script = await _below.Http.GetAsync($"{prefix}/{FirstScript(page)[2..]}");
            Assert.Equal(HttpStatusCode.OK, script.StatusCode);
            (await _below.GetAsync($"{prefix}/api/v1/me")).Ok();
        }
    }

    /// <summary>One at the root of its site, and one below a path.</summary>
    public sealed class TwoApis(Platform platform) : ApiFixture(platform)
    {
        public ApiHost Below { get; private set; } = null!;

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            Below = await StartAsync(new() { ["Flows:PublicUrl"] = "https://example.com/automation/" });
        }

        public override async Task DisposeAsync()
        {
            await Below.DisposeAsync();
            await base.DisposeAsync();
        }
    }

    private static string FirstScript(string page) => Script().Match(page).Groups[1].Value;

    [GeneratedRegex("src=\"(\\./assets/[^\"]+\\.js)\"")]
    private static partial Regex Script();

    [GeneratedRegex("(?:src|href)=\"\\./(assets/[^\"]+)\"")]
    private static partial Regex Assets();
}
