#pragma warning disable RS0030 // What makes the bills is a script, and what it makes is looked at.
using System.Diagnostics;
using System.Text.Json;

namespace Flows.Tests.Deployment;

/// <summary>What the images are made of, as the script that runs in their build writes it down.</summary>
public sealed class BillsOfMaterials : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("flows-sbom-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    [Trait("Category", "Proof")]
    public async Task Every_package_that_a_program_brings_along_is_in_its_bill_with_its_version()
    {
        await RunAsync();

        foreach (var program in new[] { "Api", "Worker" })
        {
            var bill = Components($"flows-{program.ToLowerInvariant()}.cdx.json", "pkg:nuget/");
            Assert.Equal([], Shipped(program).Except(bill));
        }
        Assert.DoesNotContain(Components("flows-worker.cdx.json", "pkg:nuget/"), package => package.StartsWith("Microsoft.EntityFrameworkCore@", StringComparison.Ordinal));
        var wanted = JsonElement.Parse(await File.ReadAllTextAsync(Path.Combine(DeployFiles.Root, "Flows.Web/package.json"))).GetProperty("dependencies").EnumerateObject().Select(package => package.Name);
        var web = Components("flows-web.cdx.json", "pkg:npm/").Select(package => package[..package.LastIndexOf('@')]).ToHashSet();
        Assert.Equal([], wanted.Except(web));
        Assert.DoesNotContain("vitest", web);
    }

    [Fact]
    public void Each_image_is_built_with_its_bill()
    {
        var dockerfile = DeployFiles.Text("Dockerfile");
        Assert.Contains("build/sbom.sh /out/sbom", dockerfile, StringComparison.Ordinal);
        Assert.Contains("COPY --from=build /out/sbom/flows-api.cdx.json /out/sbom/flows-web.cdx.json ./sbom/", dockerfile, StringComparison.Ordinal);
        Assert.Contains("COPY --from=build /out/sbom/flows-worker.cdx.json ./sbom/", dockerfile, StringComparison.Ordinal);
    }

    /// <summary>The packages whose files lie beside the built program.</summary>
    private static List<string> Shipped(string program)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var file = Path.Combine(DeployFiles.Root, $"Flows.{program}/bin", configuration, $"net10.0/Flows.{program}.deps.json");
        var packages = JsonElement.Parse(File.ReadAllText(file)).GetProperty("libraries").EnumerateObject()
            .Where(library => library.Value.GetProperty("type").GetString() == "package").Select(library => library.Name.Replace('/', '@')).ToList();
        Assert.NotEmpty(packages);
        return packages;
    }

    private HashSet<string> Components(string file, string kind)
    {
        var bill = JsonElement.Parse(File.ReadAllText(Path.Combine(_folder.FullName, file)));
        Assert.Equal("CycloneDX", bill.GetProperty("bomFormat").GetString());
        return [.. bill.GetProperty("components").EnumerateArray().Select(component => Uri.UnescapeDataString(component.GetProperty("purl").GetString()![kind.Length..]))];
    }

    private async Task RunAsync()
    {
        var start = new ProcessStartInfo("bash") { RedirectStandardError = true, RedirectStandardOutput = true };
        start.ArgumentList.Add(Path.Combine(DeployFiles.Root, "build/sbom.sh"));
        start.ArgumentList.Add(_folder.FullName);
        using var script = Process.Start(start)!;
        var (output, errors) = (script.StandardOutput.ReadToEndAsync(), script.StandardError.ReadToEndAsync());
        await script.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        Assert.True(script.ExitCode == 0, await output + await errors);
    }
}
