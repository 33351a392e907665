using System.Globalization;

namespace Flows.Worker.Sandbox.Groups;

/// <summary>
/// The folders below which this worker makes a control group for each child: found out by making one, once. It lies below the worker's own group, so that
/// what holds for the worker (a container's limit, the accounting of a service) holds for its children as well.
/// </summary>
/// <param name="Version">1 or 2.</param>
/// <param name="Folders">One for version 2; for version 1 that of memory, then that of pids if there is one.</param>
internal sealed record GroupHome(int Version, IReadOnlyList<string> Folders)
{
    /// <summary>The setting that says "do not".</summary>
    public const string None = "none";

    private const string Prefix = "flows-", OwnLeaf = "flows-worker";

    // Of the process, not of a worker: a process may hold several, and a group must never have two children.
    private static int s_made;

    /// <param name="setting">Empty: below the worker's own group. <see cref="None"/>: nowhere. Else a group's path, as /proc/PID/cgroup has it.</param>
    /// <returns>The home, or why there is none, in words for the operator.</returns>
    public static (GroupHome? Home, string Problem) Find(string setting)
    {
        if (!OperatingSystem.IsLinux())
            return (null, "only Linux has control groups");
        if (setting == None)
            return (null, $"they are switched off (Flows__Execution__ControlGroup={None})");
        try
        {
            var (home, problem) = Choose(GroupMounts.Read(), setting);
            if (home is null)
                return (null, problem);
            home.Sweep();
            var trial = home.Create(64L << 20, 64);
            trial.Remove();
            return (home, "");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (null, $"the worker may not make any: {error.Message}");
        }
    }

    /// <summary>A new group with its limits, still empty.</summary>
    /// <exception cref="IOException">The system refuses it.</exception>
    public ControlGroup Create(long bytes, int tasks)
    {
        var number = Interlocked.Increment(ref s_made);
        var group = new ControlGroup(Version, [.. Folders.Select(folder => Path.Combine(folder, $"{Prefix}{Environment.ProcessId}-{number}"))]);
        group.Make(bytes, tasks);
        return group;
    }

    /// <summary>Takes away the empty groups of workers that are no more.</summary>
    private void Sweep()
    {
        foreach (var old in Folders.SelectMany(folder => Directory.GetDirectories(folder, Prefix + "*")))
        {
            var owner = Path.GetFileName(old)[Prefix.Length..].Split('-')[0];
            if (int.TryParse(owner, NumberStyles.None, CultureInfo.InvariantCulture, out var id) && !Directory.Exists($"/proc/{id}"))
                ControlGroup.TryRemove(old);
        }
    }

    internal static (GroupHome? Home, string Problem) Choose(GroupMounts mounts, string setting)
    {
        string At(GroupPlace place) => setting.Length == 0 ? place.Own : place.Mount.TrimEnd('/') + "/" + setting.Trim('/');

        if (mounts.Unified is { } unified && Lists(Path.Combine(At(unified), "cgroup.controllers"), "memory"))
            return ChooseUnified(At(unified));
        if (mounts.Memory is null)
            return (null, "no hierarchy with the memory controller is mounted here");
        var memory = At(mounts.Memory);
        if (!Directory.Exists(memory))
            return (null, $"there is no group '{memory}'");
        return mounts.Processes is { } processes && Directory.Exists(At(processes)) ? (new GroupHome(1, [memory, At(processes)]), "") : (new GroupHome(1, [memory]), "");
    }

    // Version 2 wants the processes in the leaves: a group that hands controllers to groups below it may not have processes of its own, unless it is the
    // top one. So the worker moves into a leaf first; but others are not its to move.
    private static (GroupHome?, string) ChooseUnified(string own)
    {
        if (Path.GetFileName(own) == OwnLeaf && Lists(Path.Combine(own, "..", "cgroup.subtree_control"), "memory"))
            own = Path.GetDirectoryName(own)!; // it has moved before
        var below = Path.Combine(own, "cgroup.subtree_control");
        if (Lists(below, "memory"))
            return (new GroupHome(2, [own]), "");
        var members = File.ReadAllLines(Path.Combine(own, "cgroup.procs"));
        if (members.Any(id => id != $"{Environment.ProcessId}"))
            return (null, $"the group '{own}' has other processes too; give the worker one of its own, or name one in Flows__Execution__ControlGroup");

        var leaf = Path.Combine(own, OwnLeaf);
        Directory.CreateDirectory(leaf);
        File.WriteAllText(Path.Combine(leaf, "cgroup.procs"), members.Length == 0 ? "" : members[0]);
        try
        {
            File.WriteAllText(below, Lists(Path.Combine(own, "cgroup.controllers"), "pids") ? "+memory +pids" : "+memory");
        }
        catch (IOException)
        {
            File.WriteAllText(Path.Combine(own, "cgroup.procs"), $"{Environment.ProcessId}");
            ControlGroup.TryRemove(leaf);
            throw;
        }
        return (new GroupHome(2, [own]), "");
    }

    private static bool Lists(string file, string word) => File.Exists(file) && File.ReadAllText(file).Split(' ', '\n').Contains(word);
}
