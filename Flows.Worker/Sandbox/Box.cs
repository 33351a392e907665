using Flows.Worker.Sandbox.SystemCalls;

namespace Flows.Worker.Sandbox;

/// <summary>What a box shows of this machine beside the system's programs.</summary>
/// <param name="Folders">Folders that are to be read in the box, at the same paths.</param>
/// <param name="Socket">The egress broker's socket; null when there is none.</param>
/// <param name="HasNetwork">False gives the box a network namespace with nothing in it but its own loopback.</param>
internal sealed record BoxView(IReadOnlyList<string> Folders, string? Socket = null, bool HasNetwork = false);

/// <summary>
/// A child's own user, process, mount, IPC, host-name, cgroup and network namespaces, made by bubblewrap: it sees the system's programs (read-only), the
/// folders it needs (read-only), a temporary folder in memory with a quota, and none of the worker's files and processes. It runs as a user that owns nothing, with no
/// capability, can gain none, cannot make namespaces of its own, and may make only the system calls of system-calls.txt. It dies with the worker.
/// </summary>
internal static class Box
{
    /// <summary>Where the worker is root: a user and group id that no account has and no file belongs to.</summary>
    private const string Nobody = "61911";
    /// <summary>Of one file; larger than the temporary folder, but a file with holes takes no room there.</summary>
    public const long FileBytes = 1L << 30;
    private const long TemporaryBytes = 64L << 20;
    private const long SharedMemoryBytes = 16L << 20;
    /// <summary>Files of a box that lie in memory, at the most.</summary>
    public const long InMemoryBytes = TemporaryBytes + SharedMemoryBytes;
    /// <summary>Descriptors of one process.</summary>
    private const int OpenFiles = 4096;
    /// <summary>Processes and threads of all the box.</summary>
    private const int Tasks = 256;
    private const int FilterDescriptor = 9; // one digit: sh knows no more

    private static readonly string? s_bwrap = OperatingSystem.IsLinux() ? LaunchCommand.FindInPath("bwrap") : null;
    private static readonly string? s_prlimit = OperatingSystem.IsLinux() ? LaunchCommand.FindInPath("prlimit") : null;

    /// <summary>Why there can be no box, as far as can be told without trying; null when nothing is missing.</summary>
    public static string? Missing =>
        !OperatingSystem.IsLinux() ? "only Linux has the namespaces for it"
        : s_bwrap is null ? "bubblewrap is not installed (Debian package bubblewrap)"
        : s_prlimit is null || !LaunchCommand.CanBeNobody ? "setsid, setpriv and prlimit are not installed (Debian package util-linux)"
        : FilterFile.Problem;

    /// <summary>For setpriv: who the child is. An ordinary user's children stay that user, in a user namespace of their own.</summary>
    public static IReadOnlyList<string> Identity => Environment.IsPrivilegedProcess ? ["--reuid", Nobody, "--regid", Nobody, "--clear-groups"] : [];

    /// <summary>
    /// What opens the filter for what follows it: the worker's file, before the child is somebody else who may not see it. A shell does it because
    /// children are started without any descriptor of the worker's.
    /// </summary>
    public static IReadOnlyList<string> FilterOpened => ["/bin/sh", "-c", $"exec \"$@\" {FilterDescriptor}<\"$0\"", FilterFile.Path];

    /// <summary>The program with its arguments, inside a box.</summary>
    public static IReadOnlyList<string> Around(IReadOnlyList<string> command, BoxView view)
    {
        List<string> line =
        [
            s_bwrap!, "--seccomp", $"{FilterDescriptor}", "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--disable-userns",
            "--uid", Nobody, "--gid", Nobody, "--hostname", "flows", "--cap-drop", "ALL", "--die-with-parent", "--new-session",
        ];
        if (!view.HasNetwork)
            line.Add("--unshare-net");
        line.AddRange(["--ro-bind", "/usr", "/usr"]);
        foreach (var folder in new[] { "/bin", "/sbin", "/lib", "/lib64" })
            line.AddRange(Directory.ResolveLinkTarget(folder, returnFinalTarget: false) is { } target ? ["--symlink", target.FullName, folder] : ["--ro-bind-try", folder, folder]);
        foreach (var file in new[] { "/etc/ld.so.cache", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/localtime", "/etc/alternatives" })
            line.AddRange(["--ro-bind-try", file, file]);
        if (view.HasNetwork)
            line.AddRange(["--ro-bind-try", "/etc/resolv.conf", "/etc/resolv.conf", "--ro-bind-try", "/etc/hosts", "/etc/hosts", "--ro-bind-try", "/etc/nsswitch.conf", "/etc/nsswitch.conf"]);

        // The temporary folder before what may lie in the machine's own one.
        line.AddRange(["--proc", "/proc", "--dev", "/dev", "--size", $"{SharedMemoryBytes}", "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--size", $"{TemporaryBytes}", "--tmpfs", "/tmp"]);
        foreach (var folder in view.Folders.Where(folder => !IsUnder(folder, "/usr")).Distinct(StringComparer.Ordinal))
            line.AddRange(["--ro-bind", folder, folder]);
        if (view.Socket is { } socket)
            line.AddRange(["--bind", socket, socket]);
        // Last, when everything is in its place: the root itself is memory without a limit.
        line.AddRange(["--remount-ro", "/", "--chdir", "/tmp", "--", s_prlimit!, .. Limits, "--"]);
        line.AddRange(command);
        return line;
    }

    // Set in the box, where the processes are counted by themselves: outside, all boxes have the same user. No core dump: it would hold a run's data.
    private static IReadOnlyList<string> Limits { get; } = ["--core=0:0", $"--nofile={OpenFiles}:{OpenFiles}", $"--fsize={FileBytes}:{FileBytes}", $"--nproc={Tasks}:{Tasks}"];

    /// <summary>The limit that a code runner's error code tells of, as the end of a sentence about the code; null when it tells of none.</summary>
    public static string? LimitBehind(string errorCode) => errorCode switch
    {
        "open_files_limit" => $"had more files open than the {OpenFiles} that it may",
        "folder_limit" => $"filled its temporary files' room, which is {TemporaryBytes >> 20} MiB in /tmp and {SharedMemoryBytes >> 20} MiB in /dev/shm",
        "file_limit" => $"wrote a file of more than {FileBytes >> 20} MiB",
        "process_limit" => $"had more processes and threads than the {Tasks} that it may",
        _ => null,
    };

    private static bool IsUnder(string folder, string parent) => folder == parent || folder.StartsWith(parent + "/", StringComparison.Ordinal);
}
