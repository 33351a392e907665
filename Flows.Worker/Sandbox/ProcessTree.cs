using System.Globalization;

namespace Flows.Worker.Sandbox;

/// <summary>What a process and everything it has started use, added up.</summary>
/// <param name="Bytes">Resident memory now.</param>
/// <param name="Cpu">Time on processors, also of descendants that have ended and were waited for.</param>
internal readonly record struct TreeUse(long Bytes, TimeSpan Cpu, int Processes);

/// <summary>
/// Asks the kernel about a process and its descendants. In a box nobody leaves the tree: who loses its parent becomes a child of the box's first process.
/// Nothing is known elsewhere than on Linux.
/// </summary>
internal static class ProcessTree
{
    // Fields of /proc/PID/stat behind the name, which may hold anything: state is the first.
    private const int UserTime = 11, ChildrensSystemTime = 14, ResidentPages = 21;
    private const int TicksPerSecond = 100; // for programs, on every Linux
    private const int MostProcesses = 4096; // a tree that grows while it is walked

    /// <summary>Zero when the process is gone.</summary>
    public static TreeUse Measure(int processId)
    {
        TreeUse sum = default;
        Walk(processId, fields => sum = new TreeUse(
            sum.Bytes + (fields[ResidentPages] * Environment.SystemPageSize),
            sum.Cpu + TimeSpan.FromSeconds((double)(fields[UserTime] + fields[UserTime + 1] + fields[ChildrensSystemTime - 1] + fields[ChildrensSystemTime]) / TicksPerSecond),
            sum.Processes + 1));
        return sum;
    }

    /// <summary>The most resident memory that each of the processes alive has had, added up (VmHWM). It costs more than <see cref="Measure"/>.</summary>
    public static long PeakBytes(int processId)
    {
        long sum = 0;
        foreach (var id in Ids(processId))
        {
            if (Read($"/proc/{id}/status") is { } status && status.IndexOf("VmHWM:", StringComparison.Ordinal) is >= 0 and var at)
                sum += long.Parse(status[(at + 6)..].TrimStart().Split(' ', 2)[0], CultureInfo.InvariantCulture) << 10;
        }
        return sum;
    }

    /// <summary>The process and its descendants.</summary>
    public static IReadOnlyList<int> Ids(int processId) => Walk(processId, _ => { });

    private static List<int> Walk(int root, Action<long[]> seen)
    {
        List<int> ids = [];
        if (!OperatingSystem.IsLinux())
            return ids;
        var waiting = new Queue<int>([root]);
        while (ids.Count < MostProcesses && waiting.TryDequeue(out var id))
        {
            if (Read($"/proc/{id}/stat") is not { } stat)
                continue;
            ids.Add(id);
            seen(Fields(stat));
            foreach (var child in ChildrenOf(id))
                waiting.Enqueue(child);
        }
        return ids;
    }

    private static long[] Fields(string stat) =>
        [.. stat[(stat.LastIndexOf(')') + 2)..].Split(' ').Select(field => long.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0)];

    // A child belongs to the thread that has made it.
    private static IEnumerable<int> ChildrenOf(int id)
    {
        string[] threads;
        try
        {
            threads = Directory.GetDirectories($"/proc/{id}/task");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            yield break;
        }
        foreach (var thread in threads)
        {
            foreach (var child in (Read(thread + "/children") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                yield return int.Parse(child, CultureInfo.InvariantCulture);
        }
    }

    private static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // it has ended in between
        }
    }
}
