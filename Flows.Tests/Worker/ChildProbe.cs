using System.Runtime.InteropServices;

namespace Flows.Tests.Worker;

/// <summary>Looks at processes by id, without owning them.</summary>
internal static class ChildProbe
{
    /// <summary>True while the process exists and is more than a zombie.</summary>
    public static bool IsAlive(int processId)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{processId}/stat");
            return stat[(stat.LastIndexOf(')') + 2)] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>kill -9.</summary>
    public static void Kill(int processId) => Assert.Equal(0, Signal(processId, 9));

    /// <summary>What an orchestrator sends first.</summary>
    public static void Terminate(int processId) => Assert.Equal(0, Signal(processId, 15));

    /// <summary>Waits until the process is gone; fails after a limit.</summary>
    public static async Task GoneAsync(int processId, double seconds = 60)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        for (var left = seconds * 100; left > 0 && IsAlive(processId); left--)
            await timer.WaitForNextTickAsync();
        Assert.False(IsAlive(processId), $"Process {processId} is still there after {seconds} s.");
    }

    /// <summary>Waits for something that has no signal of its own.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what, double seconds = 60)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        for (var left = seconds * 100; left > 0 && !condition(); left--)
            await timer.WaitForNextTickAsync();
        Assert.True(condition(), what);
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Signal(int processId, int signal);
}
