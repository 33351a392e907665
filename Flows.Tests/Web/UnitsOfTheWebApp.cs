#pragma warning disable RS0030 // Vitest is a Node.js process of its own.
using System.Diagnostics;

namespace Flows.Tests.Web;

/// <summary>The unit tests of Flows.Web/src, by Vitest.</summary>
public sealed class UnitsOfTheWebApp
{
    [UnitsFact]
    public async Task All_of_them_pass()
    {
        var vitest = Path.Combine("node_modules", "vitest", "vitest.mjs");
        using var process = Process.Start(new ProcessStartInfo("node")
        {
            ArgumentList = { vitest, "run", "--reporter=dot" },
            WorkingDirectory = Browser.WebFolder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(3));
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }
        Assert.True(process.ExitCode == 0, $"{await output}{await errors}");
    }
}

[AttributeUsage(AttributeTargets.Method)]
public sealed class UnitsFactAttribute : FactAttribute
{
    public UnitsFactAttribute() => Skip = Browser.LackOfNode;
}
