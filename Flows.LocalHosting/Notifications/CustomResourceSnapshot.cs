using System.Collections.Immutable;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>What is known of one replica of a resource at one moment.</summary>
public sealed record CustomResourceSnapshot
{
    public required string ResourceType { get; init; }
    /// <summary>Among them executable.pid, while a process runs.</summary>
    public required ImmutableArray<ResourcePropertySnapshot> Properties { get; init; }
    public ResourceStateSnapshot? State { get; init; }
    public DateTime? StartTimeStamp { get; init; }
    public DateTime? StopTimeStamp { get; init; }
    public int? ExitCode { get; init; }
    public HealthStatus? HealthStatus { get; init; }
    public ImmutableArray<HealthReportSnapshot> HealthReports { get; init; } = [];
    public ImmutableArray<EnvironmentVariableSnapshot> EnvironmentVariables { get; init; } = [];
    public ImmutableArray<UrlSnapshot> Urls { get; init; } = [];
    public bool IsHidden { get; init; }

    /// <summary>The callbacks of OnResourceReady have run.</summary>
    internal bool IsReady { get; init; }

    internal CustomResourceSnapshot With(string property, object? value) => this with
    {
        Properties = [.. Properties.Where(existing => existing.Name != property), new ResourcePropertySnapshot(property, value)],
    };
}

public sealed record ResourceStateSnapshot(string Text, string? Style)
{
    public static implicit operator ResourceStateSnapshot?(string? text) => text is null ? null : new(text, Style: null);

    public static ResourceStateSnapshot? ToResourceStateSnapshot(string? text) => text;
}

public sealed record ResourcePropertySnapshot(string Name, object? Value);

public sealed record EnvironmentVariableSnapshot(string Name, string? Value, bool IsFromSpec);

public sealed record UrlSnapshot(string? Name, string Url, bool IsInternal);

public sealed record HealthReportSnapshot(string Name, HealthStatus? Status, string? Description, string? ExceptionText);

/// <summary>A snapshot has changed.</summary>
public class ResourceEvent(IResource resource, string resourceId, CustomResourceSnapshot snapshot)
{
    public IResource Resource { get; } = resource;
    /// <summary>Of the replica: `worker-k3v9qx`.</summary>
    public string ResourceId { get; } = resourceId;
    public CustomResourceSnapshot Snapshot { get; } = snapshot;
}

public static class KnownResourceStates
{
    /// <summary>Added, not looked at yet; or stopped by hand.</summary>
    public static readonly string NotStarted = nameof(NotStarted);
    /// <summary>Something it waits for is not healthy yet.</summary>
    public static readonly string Waiting = nameof(Waiting);
    public static readonly string Starting = nameof(Starting);
    public static readonly string Running = nameof(Running);
    /// <summary>Could not be started at all; it is not tried again by itself.</summary>
    public static readonly string FailedToStart = nameof(FailedToStart);
    public static readonly string Stopping = nameof(Stopping);
    /// <summary>Ended by itself; it is started again after a pause.</summary>
    public static readonly string Exited = nameof(Exited);
    /// <summary>Ended because it was asked to.</summary>
    public static readonly string Finished = nameof(Finished);

    public static readonly IReadOnlyList<string> TerminalStates = [Finished, FailedToStart, Exited];
}
