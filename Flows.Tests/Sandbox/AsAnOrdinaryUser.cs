#pragma warning disable RS0030 // The tests run themselves again, as somebody else.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Flows.Worker.Sandbox;

namespace Flows.Tests.Sandbox;

/// <summary>
/// Both corpora once more as a user who is nobody: a worker is not root in most places, and its boxes are made differently there. Where the tests are run by an
/// ordinary user they have been run so already.
/// </summary>
[UnsupportedOSPlatform("windows")]
[Trait("Category", "Proof")]
public sealed partial class AsAnOrdinaryUser : IDisposable
{
    private const string Nobody = "65534";
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("flows-nobody-");

    /// <param name="least">Tests that have to pass: fewer would mean that they were not found.</param>
    /// <param name="classes">With the last part of their namespaces.</param>
    [RootTheory]
    [InlineData(90, "Sandbox.InsideABox", "Sandbox.CallingTheKernel", "Sandbox.FilteringSystemCalls")]
    [InlineData(9, "Sandbox.EscapingFromCode", "Sandbox.EscapingFromAnEngine", "Sandbox.AbusingTheProtocol")]
    [InlineData(10, "Sandbox.HittingLimits")]
    [InlineData(10, "Sandbox.RunningInABox", "Sandbox.LeavingNoTraces")]
    [InlineData(250, "Network.DecidingAboutAddresses", "Network.CallingThroughTheBroker", "Network.CallingWithoutABox")]
    public async Task No_attempt_succeeds_there_either(int least, params string[] classes)
    {
        var start = new ProcessStartInfo("setpriv") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _home.FullName };
        string[] arguments =
        [
            "--reuid", Nobody, "--regid", Nobody, "--clear-groups", "--inh-caps=-all", "--", Path.Combine(LaunchCommand.DotnetRoot, "dotnet"), "test", await TestsAsync(),
            "--filter", string.Join('|', classes.Select(name => $"FullyQualifiedName~Flows.Tests.{name}.")),
        ];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var (name, value) in new[] { ("HOME", _home.FullName), ("TMPDIR", _home.FullName), ("DOTNET_CLI_HOME", _home.FullName), ("DOTNET_ROOT", LaunchCommand.DotnetRoot), ("DOTNET_NOLOGO", "1"), ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"), ("LANG", "C.UTF-8"), ("PATH", Environment.GetEnvironmentVariable("PATH")!) })
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().WaitAsync(s_limit);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }

        var said = await output + await errors;
        Assert.True(process.ExitCode == 0, said);
        Assert.True(int.Parse(Passed().Match(said).Groups[1].Value, CultureInfo.InvariantCulture) >= least, said);
    }

    public void Dispose() => _home.Delete(recursive: true);

    // The tests where that user can read them: in a checkout below a home of root's he cannot.
    private async Task<string> TestsAsync()
    {
        await DoAsync("chown", $"{Nobody}:{Nobody}", _home.FullName);
        var folder = AppContext.BaseDirectory.TrimEnd('/');
        if (!IsOpen(folder))
        {
            var copy = Path.Combine(_home.FullName, "tests");
            await DoAsync("cp", "-r", "--no-preserve=ownership", folder, copy);
            await DoAsync("chmod", "-R", "a+rX", copy);
            folder = copy;
        }
        return Path.Combine(folder, "Flows.Tests.dll");
    }

    private static bool IsOpen(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            if (!at.UnixFileMode.HasFlag(UnixFileMode.OtherExecute))
                return false;
        }
        return true;
    }

    [GeneratedRegex(@"Passed:\s+(\d+)")]
    private static partial Regex Passed();

    private static async Task DoAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        await process.WaitForExitAsync().WaitAsync(s_limit);
        Assert.Equal(0, process.ExitCode);
    }
}

/// <summary>Left out, with the reason, where nobody can become somebody else.</summary>
internal sealed class RootTheoryAttribute : TheoryAttribute
{
    public RootTheoryAttribute() => Skip =
        !OperatingSystem.IsLinux() || !Environment.IsPrivilegedProcess ? "These tests are run by an ordinary user as it is."
        : LaunchCommand.FindInPath("setpriv") is null ? "setpriv is not installed."
        : !File.Exists(Path.Combine(LaunchCommand.DotnetRoot, "dotnet")) || LaunchCommand.DotnetRoot.StartsWith("/root/", StringComparison.Ordinal) ? "An ordinary user cannot run this .NET."
        : null;
}
