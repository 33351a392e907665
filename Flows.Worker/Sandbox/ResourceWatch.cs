using System.Collections.Concurrent;
using Flows.Contracts.Runs;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>
/// Looks, five times a second, at what the busy children use together with all they have started, and kills one that uses more than it may. It is
/// the limit that holds everywhere; the kernel's own, of a box and of a control group, come on top. Only a child that serves a run is watched: an idle one does nothing.
/// </summary>
internal sealed class ResourceWatch : IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(200);

    private readonly ConcurrentDictionary<WatchedUse, byte> _watched = new();
    private readonly ExecutionOptions _options;
    private readonly ITimer _timer;
    private int _looking;

    public ResourceWatch(IOptions<ExecutionOptions> options, TimeProvider clock)
    {
        _options = options.Value;
        _timer = clock.CreateTimer(_ => Look(), null, s_interval, s_interval);
    }

    /// <summary>Watches the child until the result is disposed.</summary>
    public WatchedUse Watch(ChildProcess child)
    {
        var use = new WatchedUse(child, _options, watched => _watched.TryRemove(watched, out _));
        _watched[use] = 0;
        return use;
    }

    public void Dispose() => _timer.Dispose();

    internal void Look()
    {
        // A machine that is slow to answer is not asked twice at a time.
        if (Interlocked.Exchange(ref _looking, 1) != 0)
            return;
        foreach (var use in _watched.Keys)
            use.Look();
        Volatile.Write(ref _looking, 0);
    }
}

/// <summary>One child's use of the machine while it serves one run.</summary>
internal sealed class WatchedUse(ChildProcess child, ExecutionOptions options, Action<WatchedUse> end) : IDisposable
{
    private readonly long _killsBefore = child.Group?.MemoryKills ?? 0;
    private TimeSpan? _cpuBefore;
    private long _peak;
    private volatile StepError? _excess;

    /// <summary>What it used too much of, for the step that ran; null while it has kept to its limits. It is known before the child is gone.</summary>
    public StepError? Excess => _excess ?? FromTheKernel();

    /// <summary>For a message: the most memory that was seen, or nothing when it ended before anybody looked.</summary>
    public string PeakInWords => Volatile.Read(ref _peak) is > 0 and var peak ? $"; it was seen to have {Mebibytes(peak)} MiB" : "";

    public void Look()
    {
        if (_excess is not null || !child.IsAlive)
            return;
        var use = ProcessTree.Measure(child.Id);
        _peak = Math.Max(_peak, use.Bytes);
        _cpuBefore ??= use.Cpu;
        child.LastBytes = use.Bytes;
        var error = FromTheKernel() ?? (
            use.Bytes > options.ProcessBytes ? new StepError("memory_limit",
                $"It had {Mebibytes(Math.Max(use.Bytes, ProcessTree.PeakBytes(child.Id)))} MiB of memory at its peak; {options.ProcessBytes >> 20} MiB are allowed (Flows__Execution__MemoryMiB={options.MemoryMiB}, and {ExecutionOptions.RuntimeMiB} MiB for the runtime)")
            : use.Cpu - _cpuBefore > options.CpuTime ? new StepError("cpu_limit",
                $"It had used {(use.Cpu - _cpuBefore).Value.TotalSeconds:0.0} s of processor time; {options.CpuTime.TotalSeconds:0.#} s are allowed a run (Flows__Execution__CpuTime)")
            : use.Processes > options.Processes ? new StepError("process_limit",
                $"It had {use.Processes} processes; {options.Processes} are allowed (Flows__Execution__Processes)")
            : null);
        if (error is null)
            return;
        // The reason before the kill: whoever sees the child end asks for it.
        _excess = error;
        child.Kill();
    }

    public void Dispose() => end(this);

    // The kernel has killed one of its processes, perhaps faster than anybody could look, perhaps one that the child itself outlives.
    private StepError? FromTheKernel() => child.Group is { } group && group.MemoryKills > _killsBefore
        ? new StepError("memory_limit",
            $"It had {Mebibytes(group.PeakBytes)} MiB of memory at its peak; {group.Bytes >> 20} MiB are allowed (Flows__Execution__MemoryMiB={options.MemoryMiB}, {ExecutionOptions.RuntimeMiB} MiB for the runtime{(group.Bytes > options.ProcessBytes ? $", and {(group.Bytes - options.ProcessBytes) >> 20} MiB for its temporary files" : "")}), and the kernel ended it there")
        : null;

    private static long Mebibytes(long bytes) => (bytes + (1 << 20) - 1) >> 20;
}
