namespace Flows.Api.Projects;

/// <summary>What keys, flows and runs belong to. Nothing is seen across projects.</summary>
internal sealed class Project
{
    public required Guid Id { get; init; }
    public required string Name { get; set; }
    /// <summary>Runs at a time; 0 takes the installation's default.</summary>
    public int ConcurrentRuns { get; set; }
    /// <summary>Something may be broken on purpose in it: a worker may be killed in the middle of a sample run.</summary>
    public bool IsTest { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
}
