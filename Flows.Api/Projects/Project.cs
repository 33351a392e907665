using Flows.Contracts.Definitions;

namespace Flows.Api.Projects;

/// <summary>What keys, flows and runs belong to. Nothing is seen across projects.</summary>
internal sealed class Project
{
    public required Guid Id { get; init; }
    public required string Name { get; set; }
    /// <summary>Runs at a time; 0 takes the installation's default.</summary>
    public int ConcurrentRuns { get; set; }
    /// <summary>Active time of one run, in seconds; 0 takes the installation's default.</summary>
    public int RunTimeoutSeconds { get; set; }
    /// <summary>Days that one run may spend paused; 0 takes the installation's default.</summary>
    public int PausedDays { get; set; }
    /// <summary>Calls a minute that the webhooks of all flows take together; 0 takes the installation's default.</summary>
    public int WebhookPerMinute { get; set; }
    /// <summary>What becomes of uncertain effects whose step does not say.</summary>
    public UncertainPolicy OnUncertain { get; set; }
    /// <summary>Something may be broken on purpose in it: a worker may be killed in the middle of a sample run.</summary>
    public bool IsTest { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
}
