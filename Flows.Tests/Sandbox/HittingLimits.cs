using Flows.Contracts.Runs;
using Flows.Tests.Worker;

namespace Flows.Tests.Sandbox;

/// <summary>A run that takes more than it may: ended with the step, the limit and what was measured, while the worker and its other runs go on.</summary>
[Trait("Category", "Proof")]
public sealed class HittingLimits
{
    [Theory]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    [InlineData("UNSANDBOXED")]
    public async Task A_run_that_takes_too_much_ends_alone_and_says_why(string mode)
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings:
        [
            ("Flows:Execution:Mode", mode), ("Flows:Execution:MemoryMiB", "64"), ("Flows:Execution:CpuTime", "00:00:01"), ("Flows:Execution:Processes", "8"),
            ("Flows:Execution:ControlGroup", "none"), // the watch alone has to do: most containers have nothing else
        ]);
        var neighbour = worker.AddFlow(HostileEngine.Script("select undef, undef, undef, 0.5; line('fine')"), Guid.CreateVersion7());
        var other = worker.HandleAsync(neighbour);

        await EndsAsync(worker, "my @all; while (1) { push @all, 'x' x 8_000_000; select undef, undef, undef, 0.02 }", "memory_limit",
            @"^The engine used more than it may while step 'greedy' was running\. It had (2[5-9]\d|[3-9]\d\d|\d{4}) MiB of memory at its peak; 256 MiB are allowed \(Flows__Execution__MemoryMiB=64, and 192 MiB for the runtime\)\.$");
        await EndsAsync(worker, "1 while 1", "cpu_limit",
            @"^The engine used more than it may while step 'greedy' was running\. It had used \d+\.\d s of processor time; 1 s are allowed a run \(Flows__Execution__CpuTime\)\.$");
        await EndsAsync(worker, "for (1 .. 20) { my $child = fork; if (!$child) { sleep 300; exit } } sleep 300", "process_limit",
            @"^The engine used more than it may while step 'greedy' was running\. It had \d+ processes; 8 are allowed \(Flows__Execution__Processes\)\.$");
        if (mode != "UNSANDBOXED")
            await EndsAsync(worker, "open my $file, '>', '/tmp/big'; truncate $file, 2 * 1024 ** 3; sleep 300", "file_limit",
                @"^The engine wrote a file of more than 1024 MiB while step 'greedy' was running\.$");

        await other;
        Assert.Equal(RunStatus.Succeeded, neighbour.Outcome!.Status);
        var next = worker.AddFlow(HostileEngine.Script("line('fine again')"));
        await worker.HandleAsync(next);
        Assert.Equal(RunStatus.Succeeded, next.Outcome!.Status);
    }

    [Fact]
    public async Task Code_with_memory_beside_the_heap_ends_its_step_with_the_peak()
    {
        await using var worker = await WorkerUnderTest.StartAsync(EscapedCode.Engine, settings: [("Flows:Execution:Mode", "SANDBOX_CODE_AND_PROCESS"), ("Flows:Execution:MemoryMiB", "64"), ("Flows:Execution:ControlGroup", "none")]);
        // Buffers lie outside of the heap that Node.js limits.
        var run = worker.AddFlow(EscapedCode.Flow("const all = []; for (;;) { all.push(Buffer.alloc(8 << 20, 1)); await new Promise(go => setTimeout(go, 20)); }"));
        await worker.HandleAsync(run);
        Assert.Equal((RunStatus.Failed, "memory_limit", "code"), (run.Outcome!.Status, run.Outcome.Error!.Code, run.Outcome.FailedStep));
        Assert.Matches(@"The code of step 'code' used more than it may\. It had \d+ MiB of memory at its peak; 256 MiB are allowed", run.Outcome.Error.Message);
    }

    [Theory]
    [InlineData("for (;;);", "cpu_limit",
        @"^Step 'code': The code of step 'code' used more than it may\. It had used \d+\.\d s of processor time; 2 s are allowed a run \(Flows__Execution__CpuTime\)\.$")]
    [InlineData("return sh('for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 300 & done; wait');", "process_limit",
        @"^Step 'code': The code of step 'code' used more than it may\. It had \d+ processes; 16 are allowed \(Flows__Execution__Processes\)\.$")]
    [InlineData("for (;;) fs.openSync('/dev/null');", "open_files_limit",
        @"^Step 'code': The code of step 'code' had more files open than the 4096 that it may\. Error: EMFILE: too many open files, open '/dev/null'")]
    [InlineData("fs.writeFileSync('/tmp/big', Buffer.alloc(80 << 20));", "folder_limit",
        @"^Step 'code': The code of step 'code' filled its temporary files' room, which is 64 MiB in /tmp and 16 MiB in /dev/shm\. Error: ENOSPC: no space left on device, write")]
    [InlineData("fs.writeFileSync('/dev/shm/big', Buffer.alloc(20 << 20));", "folder_limit",
        @"^Step 'code': The code of step 'code' filled its temporary files' room, which is 64 MiB in /tmp and 16 MiB in /dev/shm\. Error: ENOSPC: no space left on device, write")]
    [InlineData("fs.writeFileSync('/tmp/long', ''); fs.truncateSync('/tmp/long', 2 ** 31);", "file_limit",
        @"^Step 'code': The code of step 'code' wrote a file of more than 1024 MiB\.")]
    public async Task Code_that_has_got_as_far_as_the_system_meets_each_limit_and_the_next_run_does_not(string body, string code, string message)
    {
        await using var worker = await WorkerUnderTest.StartAsync(EscapedCode.Engine, settings:
        [
            ("Flows:Execution:Mode", "SANDBOX_CODE_AND_PROCESS"), ("Flows:Execution:CpuTime", "00:00:02"), ("Flows:Execution:Processes", "16"), ("Flows:Execution:ControlGroup", "none"),
        ]);
        var run = worker.AddFlow(EscapedCode.Flow(body));
        await worker.HandleAsync(run);
        Assert.Equal((code, RunStatus.Failed, "code"), (run.Outcome!.Error?.Code, run.Outcome.Status, run.Outcome.FailedStep));
        Assert.Matches(message, run.Outcome.Error!.Message);

        // Neither what it has filled nor what it holds open is there any more.
        var next = await EscapedCode.RunAsync(worker, "const file = fs.openSync('/tmp/next', 'w'); fs.writeSync(file, Buffer.alloc(32 << 20)); return 'fine';");
        Assert.Equal("fine", next.GetString());
    }

    [Fact]
    public async Task A_run_that_does_not_end_ends_with_its_active_time()
    {
        await using var worker = await WorkerUnderTest.StartAsync(EscapedCode.Engine, settings: ("Flows:Execution:Mode", "SANDBOX_CODE_AND_PROCESS"));
        var run = worker.AddFlow(EscapedCode.Flow("await new Promise(go => setTimeout(go, 300_000));"), activeMs: 3_000);
        await worker.HandleAsync(run);
        Assert.Equal(("timeout", RunStatus.TimedOut, "code"), (run.Outcome!.Error?.Code, run.Outcome.Status, run.Outcome.FailedStep));
        Assert.Equal("The run had used up its active time while step 'code' was running; this attempt had 00:00:03 left.", run.Outcome.Error!.Message);
    }

    private static async Task EndsAsync(WorkerUnderTest worker, string perl, string code, string message)
    {
        var run = worker.AddFlow(HostileEngine.Script($"line('greedy'); {perl}"));
        await worker.HandleAsync(run);
        Assert.Equal((code, RunStatus.Failed, "greedy"), (run.Outcome!.Error?.Code, run.Outcome.Status, run.Outcome.FailedStep));
        Assert.Matches(message, run.Outcome.Error!.Message);
    }
}
