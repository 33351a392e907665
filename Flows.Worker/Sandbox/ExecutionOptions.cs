using System.ComponentModel.DataAnnotations;
using Flows.Worker.Sandbox.Groups;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>How flows are kept apart from the worker and from each other. The worker refuses to start on a bad value.</summary>
public sealed class ExecutionOptions
{
    public const string Section = "Flows:Execution";
    public const string Unsandboxed = "UNSANDBOXED";
    public const string SandboxProcess = "SANDBOX_PROCESS";
    public const string SandboxCodeOnly = "SANDBOX_CODE_ONLY";
    public const string SandboxCodeAndProcess = "SANDBOX_CODE_AND_PROCESS";

    public static IReadOnlyList<string> Modes { get; } = [Unsandboxed, SandboxProcess, SandboxCodeOnly, SandboxCodeAndProcess];

    /// <summary>Which children live in boxes: engines, code runners, both or none. Empty takes the strongest that this machine has, and says at start which that is.</summary>
    public string Mode { get; set; } = "";

    /// <summary>True: an engine serves many runs of one project. False: every run gets a process of its own, started ahead.</summary>
    public bool Reuse { get; set; } = true;

    /// <summary>What the runtime of an engine or a code runner takes by itself, in MiB, beside its heap.</summary>
    internal const int RuntimeMiB = 192;

    /// <summary>
    /// MiB of heap that an engine, and a code runner, may use. With all that it has started it may have 192 MiB more of resident memory. A run that needs more
    /// fails with <c>memory_limit</c>.
    /// </summary>
    [Range(64, 65536)]
    public int MemoryMiB { get; set; } = 512;

    /// <summary>Processor time that an engine, and a code runner with everything it has started, may use for one run. A run that needs more fails with <c>cpu_limit</c>.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan CpuTime { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Processes that an engine, or a code runner, may be together with all it has started. More end the run with <c>process_limit</c>.</summary>
    [Range(8, 4096)]
    public int Processes { get; set; } = 64;

    /// <summary>
    /// The control group below which each process gets one of its own, as <c>/proc/PID/cgroup</c> writes it: <c>/system.slice/flows.service</c>. Empty: the worker's
    /// own group, where that can be had. <c>none</c>: no control groups. One that is named and cannot be had keeps the worker from starting.
    /// </summary>
    public string ControlGroup { get; set; } = "";

    /// <summary>Runs after which a process is replaced.</summary>
    [Range(1, 1_000_000)]
    public int RecycleRuns { get; set; } = 10_000;

    /// <summary>Age after which a process is replaced, once it is idle.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RecycleAge { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>MiB of resident memory above which a process is replaced when its run is over. 0: three quarters of what it may have.</summary>
    [Range(0, 65536)]
    public int RecycleMiB { get; set; }

    /// <summary>Time from starting a process to its first word. A slower one is ended.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The Node.js program for code steps: a name that is looked up in PATH, or a path.</summary>
    [Required]
    public string Node { get; set; } = "node";

    internal long ProcessBytes => (long)(MemoryMiB + RuntimeMiB) << 20;

    /// <summary>
    /// What the kernel holds a child to, where it does: more than what <see cref="ResourceWatch"/> lets it have, because a box's files in memory are counted too, and threads.
    /// </summary>
    internal GroupLimits GroupLimits(bool isBoxed) => new(ProcessBytes + (isBoxed ? Box.InMemoryBytes : 0), Math.Max(256, 4 * Processes));

    internal long RecycleBytes => RecycleMiB > 0 ? (long)RecycleMiB << 20 : ProcessBytes / 4 * 3;

    /// <summary>The mode that holds: see <see cref="ExecutionModeChoice"/>.</summary>
    internal string EffectiveMode { get; set; } = Unsandboxed;

    /// <summary>How it came to be that one, in words for operators.</summary>
    internal string WhyMode { get; set; } = "";

    /// <summary>True when engines have namespaces of their own: in STRICT then no network either.</summary>
    internal bool IsEngineBoxed => EffectiveMode is SandboxProcess or SandboxCodeAndProcess;

    /// <summary>True when the builders' code has namespaces of its own, and then never a network.</summary>
    internal bool IsCodeBoxed => EffectiveMode is SandboxCodeOnly or SandboxCodeAndProcess;
}
