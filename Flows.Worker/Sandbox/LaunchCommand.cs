using System.Globalization;
using System.Runtime.InteropServices;
using Flows.Worker.Sandbox.Groups;

namespace Flows.Worker.Sandbox;

/// <summary>
/// The command line and the environment of one child process. Everything that isolates a child is added here, and only here.
/// On Linux: <code>setsid setpriv --pdeathsig KILL -- program …</code>
/// setsid gives the child a process group of its own, so that it can be killed with everything it has started, and so that Ctrl-C in a
/// terminal reaches the worker alone. setpriv makes the kernel kill the child when the thread that started it is gone: then nothing outlives
/// a worker that was killed. Both replace themselves by the program, so the process id stays the child's own.
/// </summary>
internal sealed record LaunchCommand(string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>What a control group of its own holds it to, where there are any; null when it needs none.</summary>
    public GroupLimits? Limits { get; init; }

    private static readonly string? s_setsid = OperatingSystem.IsLinux() ? FindInPath("setsid") : null;
    private static readonly string? s_setpriv = OperatingSystem.IsLinux() ? FindInPath("setpriv") : null;

    /// <summary>True when a child has a process group of its own, whose id is the child's.</summary>
    public static bool HasOwnGroup => s_setsid is not null;

    /// <param name="command">The program and its arguments.</param>
    /// <param name="memoryMiB">Heap limit of a .NET program, in MiB. Other programs take theirs as an argument.</param>
    public static LaunchCommand For(IReadOnlyList<string> command, int memoryMiB)
    {
        List<string> line = [];
        if (s_setsid is not null)
            line.Add(s_setsid);
        if (s_setpriv is not null)
            line.AddRange([s_setpriv, "--pdeathsig", "KILL", "--"]);
        line.AddRange(command);
        return new LaunchCommand(line[0], line[1..], CleanEnvironment(memoryMiB));
    }

    /// <summary>The same in a box of its own: <code>setsid sh … setpriv --reuid … --pdeathsig KILL -- bwrap … -- prlimit … -- program …</code></summary>
    public static LaunchCommand Boxed(IReadOnlyList<string> command, int memoryMiB, BoxView view) => new(
        s_setsid!,
        [.. Box.FilterOpened, s_setpriv!, .. Box.Identity, "--pdeathsig", "KILL", "--", .. Box.Around([FindInPath(command[0]) ?? command[0], .. command.Skip(1)], view)],
        new Dictionary<string, string>(CleanEnvironment(memoryMiB)) { [ScrubVariable] = "/tmp:/dev/shm" });

    /// <summary>
    /// The same, in a control group: the process joins before it is the program, and while it is still the worker's user. So nothing that it starts, and no byte that
    /// it takes, is outside. What the shell would add to the environment is taken out again.
    /// </summary>
    public LaunchCommand In(ControlGroup group)
    {
        var files = group.JoinFiles;
        var script = files.Count == 1 ? "echo 0 >\"$0\" && unset PWD && exec \"$@\"" : "echo 0 >\"$0\" && echo 0 >\"$1\" && unset PWD && shift && exec \"$@\"";
        return this with { Program = "/bin/sh", Arguments = ["-c", script, .. files, Program, .. Arguments] };
    }

    /// <summary>Tells a child which folders are its own alone, to be emptied before each run.</summary>
    public const string ScrubVariable = "FLOWS_SCRUB";

    /// <summary>True when the programs are there that start a child as somebody else.</summary>
    public static bool CanBeNobody => s_setsid is not null && s_setpriv is not null;

    /// <summary>A program's full path, or null when PATH has no such file.</summary>
    public static string? FindInPath(string program)
    {
        if (program.Contains(Path.DirectorySeparatorChar))
            return File.Exists(program) ? program : null;
        var names = OperatingSystem.IsWindows() ? new[] { program + ".exe", program + ".cmd" } : [program];
        return (System.Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => names.Select(name => Path.Combine(folder, name)))
            .FirstOrDefault(File.Exists);
    }

    // Nothing of the worker's own environment but PATH: it holds the worker token and connection strings.
    private static Dictionary<string, string> CleanEnvironment(int memoryMiB)
    {
        var environment = new Dictionary<string, string>
        {
            ["PATH"] = System.Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
            ["HOME"] = "/tmp",
            ["TMPDIR"] = "/tmp",
            ["LANG"] = "C.UTF-8",
            ["DOTNET_ROOT"] = DotnetRoot,
            ["DOTNET_NOLOGO"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
            ["DOTNET_EnableDiagnostics"] = "0",
            ["DOTNET_TieredPGO"] = "0",
            ["DOTNET_gcServer"] = "0",
            ["DOTNET_gcConcurrent"] = "0",
            ["DOTNET_GCHeapHardLimit"] = "0x" + ((long)memoryMiB << 20).ToString("X", CultureInfo.InvariantCulture),
        };
        if (OperatingSystem.IsWindows() && System.Environment.GetEnvironmentVariable("SystemRoot") is { } root)
            environment["SystemRoot"] = root;
        return environment;
    }

    // <root>/shared/Microsoft.NETCore.App/<version>/
    public static string DotnetRoot { get; } =
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
}
