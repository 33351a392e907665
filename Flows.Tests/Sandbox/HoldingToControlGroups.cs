using System.Globalization;
using Flows.Contracts.Runs;
using Flows.Tests.Worker;
using Flows.Worker.Sandbox;
using Flows.Worker.Sandbox.Groups;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Flows.Tests.Sandbox;

/// <summary>The kernel's own limits around each child, with real processes in real control groups.</summary>
public sealed class HoldingToControlGroups
{
    [GroupTheory]
    [InlineData("SANDBOX_CODE_AND_PROCESS")]
    [InlineData("UNSANDBOXED")]
    public async Task What_takes_memory_faster_than_anybody_looks_is_ended_by_the_kernel_with_the_step_and_the_peak(string mode)
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings: [("Flows:Execution:Mode", mode), ("Flows:Execution:MemoryMiB", "64"), ("Flows:Worker:Concurrency", "2")]);
        // Nobody looks: so it is the kernel.
        worker.Services.GetRequiredService<ResourceWatch>().Dispose();
        var neighbour = worker.AddFlow(HostileEngine.Script("select undef, undef, undef, 0.5; line('fine')"), Guid.CreateVersion7());
        var other = worker.HandleAsync(neighbour);

        var run = worker.AddFlow(HostileEngine.Script("line('greedy'); my @all; while (1) { push @all, 'x' x 8_000_000 }"));
        await worker.HandleAsync(run);

        Assert.Equal(("memory_limit", RunStatus.Failed, "greedy"), (run.Outcome!.Error?.Code, run.Outcome.Status, run.Outcome.FailedStep));
        var isBoxed = mode != "UNSANDBOXED";
        var limit = isBoxed ? 336 : 256;
        Assert.Equal(
            $"The engine used more than it may while step 'greedy' was running. It had {limit} MiB of memory at its peak; {limit} MiB are allowed (Flows__Execution__MemoryMiB=64, 192 MiB for the runtime{(isBoxed ? ", and 80 MiB for its temporary files" : "")}), and the kernel ended it there.",
            run.Outcome.Error!.Message);
        await other;
        Assert.Equal(RunStatus.Succeeded, neighbour.Outcome!.Status);
    }

    [GroupFact]
    public async Task A_process_that_has_left_its_parent_its_session_and_its_group_is_held_and_dies_all_the_same()
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings: [("Flows:Execution:MemoryMiB", "64"), ("Flows:Worker:Concurrency", "1")]);
        worker.Services.GetRequiredService<ResourceWatch>().Dispose();
        const string Leave = "use POSIX (); pipe my $in, my $out; if (!fork) { POSIX::setsid(); my $id = fork; if ($id) { syswrite $out, $id; exit 0 } close STDOUT; sleep 300; exit 0 } sysread $in, my $id, 20; ";

        var escaped = worker.AddFlow(HostileEngine.Script(Leave + "line($id); sleep 1; exit 3"));
        await worker.HandleAsync(escaped);

        Assert.Equal("engine_crashed", escaped.Outcome!.Error?.Code);
        await ChildProbe.GoneAsync(int.Parse(escaped.Outcome.FailedStep!, CultureInfo.InvariantCulture));
    }

    [GroupFact]
    public async Task A_box_that_fills_its_folder_with_empty_files_ends_itself_and_not_the_machine()
    {
        await using var worker = await WorkerUnderTest.StartAsync(HostileEngine.Create(), settings: [("Flows:Execution:Mode", "SANDBOX_CODE_AND_PROCESS"), ("Flows:Execution:MemoryMiB", "64"), ("Flows:Worker:Concurrency", "1")]);
        var run = worker.AddFlow(HostileEngine.Script("line('litter'); my $i = 0; while (1) { $i++; if ($i % 10000 == 1) { mkdir \"/tmp/$i\"; chdir \"/tmp/$i\" } open my $f, '>', \"$i\" or do { line('stopped'); sleep 300 } }"), activeMs: 50_000);
        await worker.HandleAsync(run);
        Assert.Equal(("memory_limit", "litter"), (run.Outcome!.Error?.Code, run.Outcome.FailedStep));
    }

    [GroupFact]
    public async Task Nothing_is_left_of_a_group_when_its_child_is_gone()
    {
        var (home, problem) = GroupHome.Find("");
        Assert.True(home is not null, problem);
        using var starter = new ProcessStarter(new ControlGroups(Options.Create(new ExecutionOptions())));
        var child = await ChildProcess.StartAsync(
            starter, LaunchCommand.For(["/bin/sh", "-c", "(setsid sleep 300 &) ; cat /proc/self/cgroup; sleep 300"], 64) with { Limits = new GroupLimits(64 << 20, 32) },
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, Microsoft.Extensions.Logging.LogLevel.Trace);
        var buffer = new byte[8192];
        var length = await child.Output.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Contains($"flows-{Environment.ProcessId}-", System.Text.Encoding.UTF8.GetString(buffer, 0, length), StringComparison.Ordinal);
        var folders = child.Group!.JoinFiles.Select(file => Path.GetDirectoryName(file)!).ToList();
        Assert.All(folders, folder => Assert.True(Directory.Exists(folder)));

        await child.DisposeAsync();
        Assert.All(folders, folder => Assert.False(Directory.Exists(folder), folder));
    }

    [GroupFact]
    public async Task More_processes_and_threads_than_the_group_may_have_cannot_be_started()
    {
        using var starter = new ProcessStarter(new ControlGroups(Options.Create(new ExecutionOptions())));
        await using var child = await ChildProcess.StartAsync(
            starter, LaunchCommand.For(["perl", "-e", "$| = 1; for (1 .. 100) { my $p = fork; if (!defined $p) { print qq($_: $!); last } if (!$p) { sleep 300; exit } } sleep 300"], 64) with { Limits = new GroupLimits(256 << 20, 20) },
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, Microsoft.Extensions.Logging.LogLevel.Trace);
        var buffer = new byte[200];
        var length = await child.Output.ReadAsync(buffer).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal("20: Resource temporarily unavailable", System.Text.Encoding.UTF8.GetString(buffer, 0, length));
    }

    [Fact]
    public async Task A_worker_says_who_holds_its_children_and_refuses_a_group_that_it_cannot_have()
    {
        await using (var off = await WorkerUnderTest.StartAsync(settings: ("Flows:Execution:ControlGroup", "none")))
        {
            Assert.Equal(RunStatus.Succeeded, (await off.RunAsync("")).Outcome!.Status);
            await ChildProbe.UntilAsync(() => !off.Api.Heartbeats.IsEmpty, "no heartbeat");
            Assert.Equal("the worker watches; no control groups: they are switched off (Flows__Execution__ControlGroup=none)", off.Api.Heartbeats.Last().Info.Limits);
        }
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => WorkerUnderTest.StartAsync(settings: ("Flows:Execution:ControlGroup", "/no/such/group")));
        Assert.Contains("Flows:Execution:ControlGroup is '/no/such/group', which cannot be used", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    // Version 2 alone, in a service; in a container with a group namespace; in one without, which sees its own group as the top.
    [InlineData("30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate", "0::/system.slice/flows.service", "/sys/fs/cgroup/system.slice/flows.service", null, null)]
    [InlineData("30 23 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw", "0::/", "/sys/fs/cgroup", null, null)]
    [InlineData("30 23 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw", "0::/docker/abc", "/sys/fs/cgroup", null, null)]
    // Both versions: the controllers are in the first.
    [InlineData("30 23 0:26 / /c/memory rw - cgroup cgroup rw,memory|31 23 0:27 / /c/pids rw - cgroup cgroup rw,pids|32 23 0:28 / /c/unified rw - cgroup2 cgroup2 rw", "4:memory:/a/b|8:pids:/|0::/", "/c/unified", "/c/memory/a/b", "/c/pids")]
    [InlineData("30 23 0:26 /docker/abc /c/memory ro master:2 - cgroup cgroup rw,memory", "4:memory:/docker/abc/inner", null, "/c/memory/inner", null)]
    // A group that lies outside of what is mounted here is none to work with.
    [InlineData("30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw", "0::/../../other", null, null, null)]
    [InlineData("30 23 0:26 / /c/cpu rw - cgroup cgroup rw,cpu,cpuacct|nonsense", "1:cpu,cpuacct:/", null, null, null)]
    public void The_workers_own_group_is_found_among_the_mounts(string mounts, string groups, string? unified, string? memory, string? processes)
    {
        var found = GroupMounts.Parse(mounts.Split('|'), groups.Split('|'));
        Assert.Equal((unified, memory, processes), (found.Unified?.Own, found.Memory?.Own, found.Processes?.Own));
    }
}

/// <summary>Left out, with the reason, where the tests may not make control groups.</summary>
internal sealed class GroupFactAttribute : FactAttribute
{
    public static string? Lack { get; } = GroupHome.Find("") is { Home: null } found ? $"No control groups here: {found.Problem}" : null;

    public GroupFactAttribute() => Skip = Lack;
}

/// <summary>As <see cref="GroupFactAttribute"/>.</summary>
internal sealed class GroupTheoryAttribute : TheoryAttribute
{
    public GroupTheoryAttribute() => Skip = GroupFactAttribute.Lack;
}
