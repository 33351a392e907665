using System.Runtime.InteropServices;

namespace Flows.Engine.Serving;

/// <summary>
/// Gives memory back to the system once this process has had nothing to do for a while: a warm engine waits far longer than it works, and there are many of them.
/// It is done once for each time of rest, so that runs which follow one another pay nothing for it.
/// </summary>
internal sealed class IdleMemory : IDisposable
{
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(2);

    private readonly ITimer _timer;
    private volatile bool _isBusy;

    public IdleMemory(TimeProvider clock) => _timer = clock.CreateTimer(_ => GiveBack(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>How often memory was given back.</summary>
    public int Times { get; private set; }

    public void Work() => _isBusy = true;

    public void Rest()
    {
        _isBusy = false;
        _timer.Change(s_rest, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();

    private void GiveBack()
    {
        // A run that begins a moment later waits for it: some ten milliseconds, once.
        if (_isBusy)
            return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (OperatingSystem.IsLinux())
            TrimNativeHeap();
        Times++;
    }

    // What the runtime's compiler has taken for its work and freed since stays with the C library: several MiB.
    private static void TrimNativeHeap()
    {
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library that has no such call: musl keeps little by itself.
        }
    }

    [DllImport("libc", EntryPoint = "malloc_trim")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Trim(nuint kept);
}
