#pragma warning disable RS0030 // Tries a box once, before there are any children.
using System.ComponentModel;
using System.Diagnostics;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>Whether this machine lets the worker make boxes: found out by making one, once, when the process starts.</summary>
internal sealed class SandboxSupport(IOptions<EngineOptions> engine)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);
    private readonly Lazy<string?> _problem = new(() => FindProblem(engine.Value.Path));

    /// <summary>Why there can be no box, in words for the operator; null when there can.</summary>
    public string? Problem => _problem.Value;

    private static string? FindProblem(string enginePath)
    {
        if (Box.Missing is { } missing)
            return missing;
        if (EngineFiles.Find(enginePath) is not { } program)
            return "the engine is missing";

        // The engine must be seen and readable for the user that a child is in the box: a folder that only root may enter is the usual reason.
        var file = program[^1];
        var command = LaunchCommand.Boxed(["/bin/sh", "-c", "test -r \"$0\" && test -r /proc/self/status", file], memoryMiB: 64, new BoxView([Path.GetDirectoryName(file)!, LaunchCommand.DotnetRoot]));
        var info = new ProcessStartInfo(command.Program, command.Arguments) { RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = "/" };
        info.Environment.Clear();
        try
        {
            using var process = Process.Start(info)!;
            process.StandardInput.Close();
            var said = process.StandardError.ReadToEndAsync();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill(entireProcessTree: true);
                return $"bubblewrap did not end within {s_limit.TotalSeconds:0} s";
            }
            return process.ExitCode == 0 ? null
                : said.Result.Trim() is { Length: > 0 } words ? $"bubblewrap says: {words.Split('\n')[0]}"
                : $"the engine's folder '{Path.GetDirectoryName(file)}' cannot be read by others than its owner";
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException or IOException)
        {
            return error.Message;
        }
    }
}

/// <summary>
/// Settles the mode: the one that was asked for, else the strongest that this machine has. A mode that was asked for and cannot be had is a refusal to
/// start, never a silent downgrade.
/// </summary>
internal sealed class ExecutionModeChoice(SandboxSupport support) : IPostConfigureOptions<ExecutionOptions>, IValidateOptions<ExecutionOptions>
{
    public void PostConfigure(string? name, ExecutionOptions options)
    {
        options.EffectiveMode = options.Mode.Length > 0 ? options.Mode : support.Problem is null ? ExecutionOptions.SandboxCodeAndProcess : ExecutionOptions.Unsandboxed;
        options.WhyMode = options.Mode.Length > 0 ? "as configured" : support.Problem is { } problem ? $"a sandbox cannot be had: {problem}" : "the strongest there is";
    }

    public ValidateOptionsResult Validate(string? name, ExecutionOptions options)
    {
        if (!ExecutionOptions.Modes.Contains(options.EffectiveMode))
            return ValidateOptionsResult.Fail($"{ExecutionOptions.Section}:Mode is '{options.Mode}'; it must be one of {string.Join(", ", ExecutionOptions.Modes)}, or empty for the strongest that can be had.");
        return options.EffectiveMode != ExecutionOptions.Unsandboxed && support.Problem is { } problem
            ? ValidateOptionsResult.Fail($"{ExecutionOptions.Section}:Mode is '{options.Mode}', which cannot be had here: {problem}.")
            : ValidateOptionsResult.Success;
    }
}
