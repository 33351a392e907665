namespace Flows.Worker.Sandbox.Groups;

/// <summary>Where this process is in one hierarchy of control groups.</summary>
/// <param name="Mount">Where the hierarchy is mounted.</param>
/// <param name="Own">The folder of this process's own group.</param>
internal sealed record GroupPlace(string Mount, string Own);

/// <summary>
/// The hierarchies of control groups that have limits for memory and processes, read from <c>/proc/self/mountinfo</c> and <c>/proc/self/cgroup</c>: see cgroups(7).
/// Version 2 is one hierarchy with all controllers; version 1 has one for each; a machine may have both, and a controller is only in one.
/// </summary>
/// <param name="Unified">Version 2; null when it is not mounted.</param>
/// <param name="Memory">Version 1's memory; null when it is not mounted.</param>
/// <param name="Processes">Version 1's pids; null when it is not mounted.</param>
internal sealed record GroupMounts(GroupPlace? Unified, GroupPlace? Memory, GroupPlace? Processes)
{
    /// <exception cref="IOException">There is no /proc.</exception>
    public static GroupMounts Read() => Parse(File.ReadAllLines("/proc/self/mountinfo"), File.ReadAllLines("/proc/self/cgroup"));

    /// <param name="mounts">Lines like <c>36 35 0:31 ROOT MOUNTPOINT rw,nosuid shared:9 - cgroup cgroup rw,memory</c>.</param>
    /// <param name="groups">Lines like <c>4:memory:/PATH</c>, and <c>0::/PATH</c> for version 2.</param>
    public static GroupMounts Parse(IReadOnlyList<string> mounts, IReadOnlyList<string> groups)
    {
        GroupPlace? unified = null, memory = null, processes = null;
        foreach (var line in mounts)
        {
            var fields = line.Split(' ');
            var dash = Array.IndexOf(fields, "-");
            if (dash < 6 || fields.Length < dash + 4)
                continue;
            var (root, mount, kind, options) = (fields[3], fields[4].Replace("\\040", " ", StringComparison.Ordinal), fields[dash + 1], fields[dash + 3].Split(','));
            if (kind == "cgroup2")
                unified ??= PlaceOf(root, mount, PathOf(groups, ""));
            else if (kind == "cgroup" && options.Contains("memory"))
                memory ??= PlaceOf(root, mount, PathOf(groups, "memory"));
            else if (kind == "cgroup" && options.Contains("pids"))
                processes ??= PlaceOf(root, mount, PathOf(groups, "pids"));
        }
        return new GroupMounts(unified, memory, processes);
    }

    private static string? PathOf(IReadOnlyList<string> groups, string controller) => groups
        .Select(line => line.Split(':', 3))
        .FirstOrDefault(fields => fields.Length == 3 && fields[1].Split(',').Contains(controller))?[2];

    // A container without a group namespace sees its own group mounted as if it were the top one, and names itself by the machine's path.
    private static GroupPlace? PlaceOf(string root, string mount, string? path)
    {
        if (path is null || path.Contains("/..", StringComparison.Ordinal) || root.Contains("/..", StringComparison.Ordinal))
            return null; // a group that is not below what is mounted here
        if (root != "/" && (path == root || path.StartsWith(root + "/", StringComparison.Ordinal)))
            path = path[root.Length..];
        return new GroupPlace(mount, path is "" or "/" ? mount : mount + path);
    }
}
