using System.ComponentModel.DataAnnotations;

namespace Flows.Api.Flows.Deleted;

/// <summary>What becomes of deleted flows. Bound from <c>Flows:DeletedFlows</c>.</summary>
public sealed class DeletedFlowOptions
{
    public const string Section = "Flows:DeletedFlows";

    /// <summary>Days in which a deleted flow can be restored; then it is purged with its runs and what they left. 30 by default; 0 purges at once.</summary>
    [Range(0, 3650)]
    public int KeepDays { get; set; } = 30;

    /// <summary>Runs that are purged in one commit. 200 by default.</summary>
    [Range(1, 5_000)]
    public int RunsPerBatch { get; set; } = 200;

    public TimeSpan Keep => TimeSpan.FromDays(KeepDays);
}
