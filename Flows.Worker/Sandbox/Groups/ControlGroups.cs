using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox.Groups;

/// <summary>What a child with all it starts may have at the most, where the kernel sees to it.</summary>
/// <param name="Bytes">Memory, with the files it keeps there.</param>
/// <param name="Tasks">Processes and threads.</param>
internal sealed record GroupLimits(long Bytes, int Tasks);

/// <summary>Control groups for this worker's children, where the machine lets it make them. Where not, <see cref="ResourceWatch"/> is alone.</summary>
internal sealed class ControlGroups(IOptions<ExecutionOptions> options)
{
    private readonly Lazy<(GroupHome? Home, string Problem)> _found = new(() => GroupHome.Find(options.Value.ControlGroup));

    /// <summary>Who holds children to their limits, in words for operators.</summary>
    public string How => _found.Value is { Home: { } home }
        ? $"the kernel holds each process to its memory{(home.Version == 2 || home.Folders.Count > 1 ? " and processes" : "")} (control groups, version {home.Version}), the worker watches"
        : $"the worker watches; no control groups: {_found.Value.Problem}";

    /// <summary>A group for a child that is about to start; null where there are none.</summary>
    /// <exception cref="ChildStartException">It worked when the worker started and does not now.</exception>
    public ControlGroup? Create(GroupLimits limits)
    {
        if (_found.Value.Home is not { } home)
            return null;
        try
        {
            return home.Create(limits.Bytes, limits.Tasks);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ChildStartException($"A control group below '{home.Folders[0]}' cannot be made: {error.Message}", error);
        }
    }
}

/// <summary>A group that was named and cannot be had is a refusal to start; one that was only hoped for is not.</summary>
internal sealed class ControlGroupCheck : IValidateOptions<ExecutionOptions>
{
    public ValidateOptionsResult Validate(string? name, ExecutionOptions options)
    {
        if (options.ControlGroup is "" or GroupHome.None)
            return ValidateOptionsResult.Success;
        var (home, problem) = GroupHome.Find(options.ControlGroup);
        return home is not null
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{ExecutionOptions.Section}:ControlGroup is '{options.ControlGroup}', which cannot be used: {problem}.");
    }
}
