namespace Flows.Tests.Web;

/// <summary>
/// The stories of Flows.Web/e2e, each acted in Debian's Chromium against the running API and its workers. Where there is no Chromium or no
/// Node.js 20.19 they are skipped, by name.
/// </summary>
[Collection(Browsers)]
[TestCaseOrderer("Flows.Tests.Web.Programme", "Flows.Tests")]
public sealed class ActingInABrowser(Stage stage) : IClassFixture<Stage>
{
    public const string Browsers = "Browsers";

    [StoryTheory]
    [InlineData("building")]
    [InlineData("restoring")]
    [InlineData("keyboard")]
    [InlineData("pinning")]
    [InlineData("reading")]
    [InlineData("retrying")]
    [InlineData("together")]
    [InlineData("connecting")]
    [InlineData("importing")]
    [InlineData("probing")]
    [InlineData("deciding")]
    [InlineData("tidying")]
    [InlineData("comparing")]
    [InlineData("returning")]
    [InlineData("limiting")]
    [InlineData("watching")]
    [InlineData("arriving")]
    [InlineData("enduring")]
    public async Task The_story_goes_as_told(string story)
    {
        var end = await stage.EndOfAsync(story);
        Assert.True(end.Passed, $"{story}, after {end.Seconds} s: {end.Said}");
    }
}

/// <summary>What the stories need of the machine.</summary>
internal static class Browser
{
    public static readonly string WebFolder = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../Flows.Web"));

    public static readonly string? Chromium =
        new[] { Environment.GetEnvironmentVariable("FLOWS_CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);

    public static readonly string? LackOfTheApp =
        File.Exists(Path.Combine(AppContext.BaseDirectory, "web", "index.html")) ? null : "The web app was not built: Node.js 20.19 or later was not found.";

    public static readonly string? LackOfNode = LackOfTheApp is not null ? LackOfTheApp
        : !Directory.Exists(Path.Combine(WebFolder, "node_modules", "playwright-core")) ? "Flows.Web/node_modules is not there: npm ci."
        : null;

    public static readonly string? Lack = Chromium is null ? "There is no Chromium on this machine: apt-get install chromium." : LackOfNode;
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class StoryTheoryAttribute : TheoryAttribute
{
    public StoryTheoryAttribute() => Skip = Browser.Lack;
}

[CollectionDefinition(ActingInABrowser.Browsers)]
public sealed class BrowsersCollection : ICollectionFixture<Platform>;

[AttributeUsage(AttributeTargets.Method)]
public sealed class WebAppFactAttribute : FactAttribute
{
    public WebAppFactAttribute() => Skip = Browser.LackOfTheApp;
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class WebAppTheoryAttribute : TheoryAttribute
{
    public WebAppTheoryAttribute() => Skip = Browser.LackOfTheApp;
}
