#pragma warning disable RS0030 // The types are made by a Node.js program of its own.
using System.Diagnostics;
using Flows.Tests.Api;

namespace Flows.Tests.Web;

/// <summary>What the web app knows of the API is what the API says of itself.</summary>
[Collection(Platform.Apis)]
public sealed class KeepingTheTypedClient(Platform platform)
{
    private static readonly string s_document = Path.Combine(Browser.WebFolder, "src", "api", "openapi.json");
    private static readonly string s_types = Path.Combine(Browser.WebFolder, "src", "api", "schema.d.ts");

    [Fact]
    public async Task The_document_in_the_tree_is_the_one_that_is_served()
    {
        await using var database = new TestDatabase(platform);
        await using var api = await ApiHost.StartAsync(database.ConnectionString, platform);
        var served = (await api.GetAsync("/openapi/v1.json", key: null)).Ok().Text.ReplaceLineEndings("\n").TrimEnd() + "\n";
        if (served == await File.ReadAllTextAsync(s_document))
            return;
        var kept = Path.Combine(AppContext.BaseDirectory, "openapi.served.json");
        await File.WriteAllTextAsync(kept, served);
        Assert.Fail($"The API has changed, and Flows.Web/src/api does not know of it. Take what it serves now, make the types of it, and look at what the app makes of them:\n  cp {kept} {s_document} && cd {Browser.WebFolder} && npm run types && npx tsc --noEmit");
    }

    [NodeFact]
    public async Task The_types_are_made_of_that_document()
    {
        var made = Path.Combine(Path.GetTempPath(), $"flows-types-{Guid.NewGuid():N}.d.ts");
        try
        {
            using var process = Process.Start(new ProcessStartInfo("node")
            {
                ArgumentList = { Path.Combine("node_modules", "openapi-typescript", "bin", "cli.js"), s_document, "-o", made },
                WorkingDirectory = Browser.WebFolder,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            try
            {
                await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
            }
            finally
            {
                process.Kill(entireProcessTree: true);
            }
            Assert.True(process.ExitCode == 0, $"{await output}{await errors}");
            Assert.True(await File.ReadAllTextAsync(made) == await File.ReadAllTextAsync(s_types), "Flows.Web/src/api/schema.d.ts is not made of openapi.json beside it: cd Flows.Web && npm run types");
        }
        finally
        {
            File.Delete(made);
        }
    }
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class NodeFactAttribute : FactAttribute
{
    public NodeFactAttribute() => Skip = Browser.LackOfNode;
}
