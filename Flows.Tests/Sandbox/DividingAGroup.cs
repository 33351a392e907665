using Flows.Worker.Sandbox.Groups;

namespace Flows.Tests.Sandbox;

/// <summary>
/// What is written into control groups of version 2, in folders that look like some: machines with both versions have the controllers in the first one, and there
/// the kernel's own answers cannot be had. What a real kernel does with it: <see cref="HoldingToControlGroups"/>, wherever there are groups.
/// </summary>
public sealed class DividingAGroup : IDisposable
{
    private static readonly string[] s_limits = ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max"], s_set = ["738197504", "0", "1", "256"];

    private readonly DirectoryInfo _own = Directory.CreateTempSubdirectory("flows-group-");

    private string Own => _own.FullName;

    public DividingAGroup()
    {
        Write("cgroup.controllers", "cpu io memory pids\n");
        Write("cgroup.subtree_control", "");
        Write("cgroup.procs", $"{Environment.ProcessId}\n");
    }

    [Fact]
    public void A_worker_that_is_alone_in_its_group_moves_into_a_leaf_and_hands_the_controllers_down()
    {
        var (home, problem) = Choose();
        Assert.Equal((2, Own, ""), (home!.Version, home.Folders.Single(), problem));
        Assert.Equal($"{Environment.ProcessId}", Read("flows-worker/cgroup.procs"));
        Assert.Equal("+memory +pids", Read("cgroup.subtree_control"));
    }

    [Fact]
    public void A_worker_that_has_moved_before_finds_its_group_again()
    {
        Write("cgroup.subtree_control", "memory pids\n");
        var leaf = _own.CreateSubdirectory("flows-worker").FullName;
        File.WriteAllText(Path.Combine(leaf, "cgroup.controllers"), "memory pids\n");
        var (home, _) = GroupHome.Choose(new GroupMounts(new GroupPlace(leaf, leaf), null, null), "");
        Assert.Equal(Own, Path.GetFullPath(home!.Folders.Single()));
    }

    [Fact]
    public void A_group_with_other_processes_is_not_the_workers_to_divide()
    {
        Write("cgroup.procs", $"1\n{Environment.ProcessId}\n");
        var (home, problem) = Choose();
        Assert.Null(home);
        Assert.Equal($"the group '{Own}' has other processes too; give the worker one of its own, or name one in Flows__Execution__ControlGroup", problem);
        Assert.Equal("", Read("cgroup.subtree_control"));
    }

    [Fact]
    public void One_that_somebody_has_divided_already_is_taken_as_it_is()
    {
        Write("cgroup.subtree_control", "memory pids\n");
        Write("cgroup.procs", "1\n2\n");
        Assert.Equal(Own, Choose().Home!.Folders.Single());
        Assert.False(Directory.Exists(Path.Combine(Own, "flows-worker")));
    }

    [Fact]
    public void Without_the_memory_controller_there_is_none()
    {
        Write("cgroup.controllers", "cpu pids\n");
        var (home, problem) = Choose();
        Assert.Null(home);
        Assert.Equal("no hierarchy with the memory controller is mounted here", problem);
    }

    [Fact]
    public void A_childs_group_has_its_limits_before_anybody_is_in_it_and_tells_of_kills()
    {
        var folder = _own.CreateSubdirectory("flows-1-1").FullName;
        foreach (var file in s_limits.Append("cgroup.kill"))
            Write($"flows-1-1/{file}", "");
        var group = new ControlGroup(2, [folder]);
        group.Make(704L << 20, 256);
        Assert.Equal(s_set, s_limits.Select(file => Read($"flows-1-1/{file}")));
        Assert.Equal(Path.Combine(folder, "cgroup.procs"), Assert.Single(group.JoinFiles));

        Write("flows-1-1/memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n");
        Write("flows-1-1/memory.peak", "700000000\n");
        Assert.Equal((2L, 700_000_000L), (group.MemoryKills, group.PeakBytes));
        group.Kill();
        Assert.Equal("1", Read("flows-1-1/cgroup.kill"));
    }

    public void Dispose() => _own.Delete(recursive: true);

    private (GroupHome? Home, string Problem) Choose() => GroupHome.Choose(new GroupMounts(new GroupPlace(Own, Own), null, null), "");

    private string Read(string file) => File.ReadAllText(Path.Combine(Own, file));

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(Own, file), text);
}
