using System.Globalization;
using System.Runtime.InteropServices;

namespace Flows.Bench.Hosted;

/// <param name="CpuMs">Processor time since the start of the processes, with that of children that have ended.</param>
/// <param name="MemoryKiB">Their proportional share: memory that several have mapped counts once in all.</param>
internal readonly record struct Usage(double CpuMs, long MemoryKiB);

/// <summary>What processes of this machine take, and on which cores they may run; from /proc: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html</summary>
internal static partial class ProcessUsage
{
    private const int TicksPerSecond = 100;

    public static Usage Of(IEnumerable<int> pids) => pids.Select(Of).Aggregate(default(Usage), Sum);

    /// <summary>A process with all that has come of it and lives.</summary>
    public static Usage OfTree(int root, bool withRoot) =>
        Signal.ChildrenOf(root).Select(child => OfTree(child.Pid, withRoot: true)).Aggregate(withRoot ? Of(root) : default, Sum);

    /// <summary>Lets the threads of this process, and whatever it starts from now on, run on some of the cores only.</summary>
    /// <exception cref="BenchException">The system refused.</exception>
    public static void RestrictSelf(int first, int count)
    {
        var mask = ((1UL << count) - 1) << first;
        foreach (var task in Directory.EnumerateDirectories("/proc/self/task"))
        {
            // A thread that has just ended is no reason to stop.
            if (SetAffinity(int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture), sizeof(ulong), in mask) != 0 && Directory.Exists(task))
                throw new BenchException($"cores {first} to {first + count - 1} cannot be had (error {Marshal.GetLastPInvokeError()}).");
        }
    }

    private static Usage Sum(Usage one, Usage other) => new(one.CpuMs + other.CpuMs, one.MemoryKiB + other.MemoryKiB);

    private static Usage Of(int pid)
    {
        const int User = 11, LastOfChildren = User + 3;
        try
        {
            var fields = Signal.StatOf(pid);
            if (fields.Length <= LastOfChildren)
                return default; // it has ended
            var ticks = fields[User..(LastOfChildren + 1)].Sum(field => double.Parse(field, CultureInfo.InvariantCulture));
            var share = File.ReadLines($"/proc/{pid}/smaps_rollup").FirstOrDefault(line => line.StartsWith("Pss:", StringComparison.Ordinal));
            return new Usage(ticks * 1000 / TicksPerSecond, share is null ? 0 : long.Parse(share.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return default; // it has ended
        }
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int task, nuint size, in ulong mask);
}
