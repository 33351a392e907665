using System.Globalization;
using System.Runtime.InteropServices;

namespace Flows.Bench.Hosted;

/// <summary>Signals to processes of the platform under test, by their number.</summary>
internal static partial class Signal
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    /// <summary>False: there is no such process.</summary>
    public static bool Send(int pid, int signal) => pid > 1 && SendTo(pid, signal) == 0;

    /// <summary>The children of a process, with their command lines.</summary>
    public static IEnumerable<(int Pid, string Command)> ChildrenOf(int parent)
    {
        foreach (var child in AllByParent()[parent])
            yield return (child, Read($"/proc/{child}", "cmdline").Replace('\0', ' '));
    }

    /// <summary>Every process, by the number of the one that it belongs to.</summary>
    private static ILookup<int, int> AllByParent() => Directory.EnumerateDirectories("/proc")
        .Select(folder => int.TryParse(Path.GetFileName(folder), out var pid) ? pid : 0)
        .Select(pid => (Pid: pid, Stat: pid == 0 ? [] : StatOf(pid)))
        .Where(found => found.Stat.Length > 1)
        .ToLookup(found => int.Parse(found.Stat[1], CultureInfo.InvariantCulture), found => found.Pid);

    /// <summary>The fields of /proc/PID/stat behind the command, which may hold spaces: the state is the first. Empty when the process has ended.</summary>
    public static string[] StatOf(int pid) => Read($"/proc/{pid}", "stat") is { Length: > 0 } stat ? stat[(stat.LastIndexOf(')') + 2)..].Split(' ') : [];

    private static string Read(string folder, string file)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, file));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return ""; // it has ended
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendTo(int pid, int signal);
}
