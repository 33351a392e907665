using System.Text;
using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>A hostile program in the engine's place, with the engine's box, socket and pipes, in every mode that has such a box.</summary>
public sealed class EscapingFromAnEngine
{
    [Theory]
    [InlineData("SANDBOX_PROCESS")]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    public async Task A_shell_in_the_box_gets_nowhere(string mode)
    {
        var engine = HostileEngine.Create();
        await using var worker = await WorkerUnderTest.StartAsync(engine, settings:
        [
            ("Flows:Execution:Mode", mode), ("Flows:Execution:Processes", "4096"), ("Flows:Execution:MemoryMiB", "4096"), ("Flows:Worker:Concurrency", "1"),
        ]);
        foreach (var (script, seen) in EscapeCorpus.Attempts)
        {
            // In hexadecimal both ways: the engine's output is one line of plain text.
            var line = Convert.ToHexStringLower(Encoding.UTF8.GetBytes(EscapeCorpus.Line(script, Path.GetDirectoryName(engine)!)));
            var run = worker.AddFlow(HostileEngine.Script($"$output = unpack('H*', try(pack('H*', '{line}')))"));
            await worker.HandleAsync(run);
            Assert.True(run.Outcome!.Output is not null, $"{mode}: {script}: {run.Outcome.Error?.Message}");
            EscapeCorpus.AssertRefused(mode, script, seen, Encoding.UTF8.GetString(Convert.FromHexString(run.Outcome.Output.Value.ToElement().GetString()!)));
        }
    }
}
