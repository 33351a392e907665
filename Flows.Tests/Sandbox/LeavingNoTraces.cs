using System.Text.Json;
using Flows.Engine.Serving;
using Flows.Tests.Worker;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.DependencyInjection;

namespace Flows.Tests.Sandbox;

/// <summary>What a run leaves behind in a process that serves the next one, and what the runs of two projects on one worker see of each other.</summary>
public sealed class LeavingNoTraces
{
    private const string Leave = """
        fs.writeFileSync('/tmp/left', 'secret'); fs.mkdirSync('/tmp/deep/er', { recursive: true }); fs.symlinkSync('/usr', '/tmp/link');
        fs.writeFileSync('/dev/shm/left', 'secret'); globalThis.left = 'secret'; return process.pid;
        """;

    private const string Look = """
        return { pid: process.pid, files: ['/tmp/left', '/tmp/deep', '/tmp/link', '/dev/shm/left'].filter(name => { try { fs.lstatSync(name); return true; } catch { return false; } }), left: globalThis.left ?? null,
                 processes: fs.readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(id => { try { return fs.readFileSync(`/proc/${id}/cmdline`, 'utf8'); } catch { return ''; } }) };
        """;

    [Theory]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    [InlineData("SANDBOX_CODE_ONLY")]
    public async Task A_run_finds_nothing_of_an_earlier_one_in_the_same_process_nor_of_another_project(string mode)
    {
        await using var worker = await WorkerUnderTest.StartAsync(EscapedCode.Engine, settings: [("Flows:Execution:Mode", mode), ("Flows:Worker:Concurrency", "2")]);

        var first = (await EscapedCode.RunAsync(worker, Leave)).GetInt32();
        var second = await EscapedCode.RunAsync(worker, Look);
        Assert.Equal(first, second.GetProperty("pid").GetInt32()); // else it would prove nothing
        SawNothing(second);

        await EscapedCode.RunAsync(worker, Leave);
        SawNothing(await EscapedCode.RunAsync(worker, Look, Guid.CreateVersion7()));
    }

    [Fact]
    public void The_engine_empties_its_own_folders_and_nothing_else()
    {
        var outside = Directory.CreateTempSubdirectory("flows-outside-");
        var own = Directory.CreateTempSubdirectory("flows-own-");
        try
        {
            File.WriteAllText(Path.Combine(outside.FullName, "kept"), "kept");
            File.WriteAllText(Path.Combine(own.FullName, "given"), "what the folder came with");
            var folders = new OwnFolders(own.FullName);
            Directory.CreateDirectory(Path.Combine(own.FullName, "deep", "er"));
            File.WriteAllText(Path.Combine(own.FullName, "deep", "er", "file"), "gone");
            Directory.CreateSymbolicLink(Path.Combine(own.FullName, "link"), outside.FullName);
            File.CreateSymbolicLink(Path.Combine(own.FullName, "deep", "link"), Path.Combine(outside.FullName, "kept"));

            folders.Empty();

            Assert.Equal("given", Assert.Single(own.EnumerateFileSystemInfos()).Name);
            Assert.True(File.Exists(Path.Combine(outside.FullName, "kept")));
            new OwnFolders(null).Empty(); // a process without any
        }
        finally
        {
            outside.Delete(recursive: true);
            own.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_process_that_has_grown_large_serves_no_further_run()
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings: [("Flows:Execution:RecycleMiB", "100"), ("Flows:Worker:Concurrency", "1")]);
        var small = await PidAsync(worker, "$output = $$");
        Assert.Equal(small, await PidAsync(worker, "$output = \"$$\""));

        Assert.Equal(small, await PidAsync(worker, "$kept{large} = 'x' x 200_000_000; $output = $$"));
        worker.Services.GetRequiredService<EngineProcesses>().Tidy();

        Assert.NotEqual(small, await PidAsync(worker, "$output = $$ + 0"));
        await ChildProbe.GoneAsync(small);
    }

    private static async Task<int> PidAsync(WorkerUnderTest worker, string perl)
    {
        var run = worker.AddFlow(HostileEngine.Script(perl));
        await worker.HandleAsync(run);
        return int.Parse(run.Outcome!.Output!.Value.ToElement().GetString()!, System.Globalization.CultureInfo.InvariantCulture);
    }

    private static void SawNothing(JsonElement seen)
    {
        Assert.Empty(seen.GetProperty("files").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, seen.GetProperty("left").ValueKind);
        // The box's first process, which is bubblewrap, and the code runner.
        Assert.InRange(seen.GetProperty("processes").GetArrayLength(), 1, 3);
        Assert.DoesNotContain(seen.GetProperty("processes").EnumerateArray(), process => process.GetString()!.Contains("Flows.Engine\0", StringComparison.Ordinal));
    }
}
