using System.Text.Json;
using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>The builders' code with a shell of its own, in every mode that puts it into a box.</summary>
public sealed class EscapingFromCode
{
    [Theory]
    [InlineData("SANDBOX_CODE_ONLY")]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    public async Task A_shell_in_the_box_gets_nowhere(string mode)
    {
        // The worker would end some attempts before the box refuses them.
        await using var worker = await WorkerUnderTest.StartAsync(EscapedCode.Engine, settings: [("Flows:Execution:Mode", mode), ("Flows:Execution:Processes", "4096"), ("Flows:Execution:MemoryMiB", "4096")]);
        var folder = Path.GetDirectoryName(EscapedCode.Engine)!;
        Assert.True(EscapeCorpus.Attempts.Count >= 60);
        foreach (var (script, seen) in EscapeCorpus.Attempts)
        {
            var said = await EscapedCode.RunAsync(worker, $"return sh({JsonSerializer.Serialize(EscapeCorpus.Line(script, folder))});");
            EscapeCorpus.AssertRefused(mode, script, seen, said.GetString()!);
        }
    }
}
