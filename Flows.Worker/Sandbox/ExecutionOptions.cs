using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>How flows are kept apart from the worker and from each other. The worker refuses to start on a bad value.</summary>
public sealed class ExecutionOptions
{
    public const string Section = "Flows:Execution";
    public const string Unsandboxed = "UNSANDBOXED";

    /// <summary>Empty takes the strongest isolation this version has here, and says at start which that is.</summary>
    public string Mode { get; set; } = "";

    /// <summary>True: an engine serves many runs of one project. False: every run gets a process of its own, started ahead.</summary>
    public bool Reuse { get; set; } = true;

    /// <summary>MiB of heap that an engine, and a code runner, may use. A run that needs more fails with <c>memory_limit</c>.</summary>
    [Range(64, 65536)]
    public int MemoryMiB { get; set; } = 512;

    /// <summary>Runs after which a process is replaced.</summary>
    [Range(1, 1_000_000)]
    public int RecycleRuns { get; set; } = 1_000;

    /// <summary>Age after which a process is replaced, once it is idle.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan RecycleAge { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Time from starting a process to its first word. A slower one is ended.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:05:00")]
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>The Node.js program for code steps: a name that is looked up in PATH, or a path.</summary>
    [Required]
    public string Node { get; set; } = "node";

    /// <summary>The mode in words for operators.</summary>
    internal string EffectiveMode => Mode.Length == 0 ? Unsandboxed : Mode;
}

/// <summary>A mode that was asked for and cannot be had is a refusal to start, never a silent downgrade.</summary>
internal sealed class ExecutionModeCheck : IValidateOptions<ExecutionOptions>
{
    public ValidateOptionsResult Validate(string? name, ExecutionOptions options) =>
        options.EffectiveMode == ExecutionOptions.Unsandboxed
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(
                $"{ExecutionOptions.Section}:Mode is '{options.Mode}', which is not available in this version; leave it empty or set {ExecutionOptions.Unsandboxed}.");
}
