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
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out var pid) && Read(folder, "stat") is { Length: > 0 } stat
                && stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1] == $"{parent}")
            {
                yield return (pid, Read(folder, "cmdline").Replace('\0', ' '));
            }
        }
    }

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
