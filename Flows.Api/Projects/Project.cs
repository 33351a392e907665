namespace Flows.Api.Projects;

/// <summary>What keys, flows and runs belong to. Nothing is seen across projects.</summary>
internal sealed class Project
{
    public required Guid Id { get; init; }
    public required string Name { get; set; }
    /// <summary>Runs at a time; 0 takes the installation's default.</summary>
    public int ConcurrentRuns { get; set; }
    public required DateTimeOffset CreatedAt { get; init; }
}
