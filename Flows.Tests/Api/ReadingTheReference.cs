using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Flows.Tests.Api;

/// <summary>The page at /docs.</summary>
[Collection(Platform.Apis)]
public sealed partial class ReadingTheReference(ReadingTheReference.BelowAPath fixture) : IClassFixture<ReadingTheReference.BelowAPath>
{
    private readonly ApiHost _api = fixture.Api;

    [Fact]
    public async Task It_has_every_operation_with_a_call_to_copy_its_errors_and_every_type()
    {
        var page = (await _api.GetAsync("/docs", key: null)).Ok();
        Assert.Equal("text/html", page.ContentType);
        var document = JsonNode.Parse((await _api.GetAsync("/openapi/v1.json", key: null)).Ok().Text)!;
        var ids = Ids().Matches(page.Text).Select(match => match.Groups[1].Value).ToList();
        Assert.Equal(ids.Distinct(), ids);
        var operations = document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()).Select(operation => (string)operation.Value!["operationId"]!).ToList();
        Assert.Equal([], operations.Except(ids));
        Assert.Equal([], document["components"]!["schemas"]!.AsObject().Select(schema => $"type-{schema.Key}").Except(ids));
        Assert.Equal(operations.Count, Calls().Count(page.Text));
        Assert.Equal([], Links().Matches(page.Text).Select(match => match.Groups[1].Value).Distinct().Except(ids));
        Assert.Contains("export FLOWS_URL=https://example.com/automation FLOWS_KEY=", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("@@", page.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_loads_nothing_from_anywhere_and_runs_nothing_but_its_own_script()
    {
        var page = (await _api.GetAsync("/docs", key: null)).Ok();
        Assert.DoesNotMatch("(?i)<(img|link|iframe|object|embed)\\b|\\ssrc=|@import|url\\(|\\son[a-z]+=|\\sstyle=", page.Text);
        var policy = string.Join(' ', page.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        foreach (var (kind, text) in new[] { ("style", Style().Match(page.Text)), ("script", Script().Match(page.Text)) }.Select(each => (each.Item1, each.Item2.Groups[1].Value)))
            Assert.Contains($"{kind}-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'", policy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/docs")]
    [InlineData("/docs/")]
    [InlineData("/automation/docs")]
    public async Task Its_link_to_the_document_leads_there_also_below_a_path(string address)
    {
        var page = new Uri(_api.Http.BaseAddress!, address);
        var link = new Uri(page, Document().Match(await _api.Http.GetStringAsync(page)).Groups[1].Value);
        Assert.Equal($"{address.TrimEnd('/').Replace("/docs", "", StringComparison.Ordinal)}/openapi/v1.json", link.AbsolutePath);
        Assert.Equal("/automation", (string?)JsonNode.Parse(await _api.Http.GetStringAsync(link))!["servers"]![0]!["url"]);
    }

    public sealed class BelowAPath(Platform platform) : ApiFixture(platform)
    {
        protected override Dictionary<string, string> Settings => new() { ["Flows:PublicUrl"] = "https://example.com/automation" };
    }

    [GeneratedRegex("\\sid=\"([^\"]+)\"")]
    private static partial Regex Ids();
    [GeneratedRegex("<h4>Call</h4><pre[^>]*><code>curl ")]
    private static partial Regex Calls();
    [GeneratedRegex("href=\"#([^\"]+)\"")]
    private static partial Regex Links();
    [GeneratedRegex("<style>(.*?)</style>", RegexOptions.Singleline)]
    private static partial Regex Style();
    [GeneratedRegex("<script>(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Script();
    [GeneratedRegex("href=\"([^\"#]*openapi/v1\\.json)\"")]
    private static partial Regex Document();
}
