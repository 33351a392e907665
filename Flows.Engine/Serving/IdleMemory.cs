using System.Runtime.InteropServices;

namespace Flows.Engine.Serving;

/// <summary>
/// Gives memory back to the system once this process has had nothing to do for a while: a warm engine waits far longer than it works, and there are many of them.
/// It is done once for each time of rest that follows some work, so that runs which follow one another, or come now and then, pay nothing for it.
/// </summary>
internal sealed class IdleMemory : IDisposable
{
    /// <summary>Allocated since the last time, in bytes: below it there is little to give. A run of a light flow allocates some 15 KiB.</summary>
    internal const long WorthIt = 4L << 20;

    private readonly TimeSpan _rest;
    private readonly Func<long> _allocatedSoFar;
    private readonly ITimer _timer;
    private long _allocated;
    private volatile bool _isBusy;

    /// <param name="rest">From the end of the last work. Not the same for all the engines of a worker, or a load that ends has all of them collect at once.</param>
    /// <param name="allocatedSoFar">Bytes since the start of the process, as the runtime counts them.</param>
    public IdleMemory(TimeProvider clock, TimeSpan rest, Func<long>? allocatedSoFar = null)
    {
        (_rest, _allocatedSoFar) = (rest, allocatedSoFar ?? (static () => GC.GetTotalAllocatedBytes()));
        _timer = clock.CreateTimer(_ => GiveBack(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>How often memory was given back.</summary>
    public int Times { get; private set; }

    public void Work() => _isBusy = true;

    public void Rest()
    {
        _isBusy = false;
        _timer.Change(_rest, Timeout.InfiniteTimeSpan);
    }

    public void Dispose() => _timer.Dispose();

    private void GiveBack()
    {
        // A run that begins a moment later waits for it: tens of milliseconds, once.
        if (_isBusy || _allocatedSoFar() - _allocated < WorthIt)
            return;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (OperatingSystem.IsLinux())
            TrimNativeHeap();
        _allocated = _allocatedSoFar();
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
