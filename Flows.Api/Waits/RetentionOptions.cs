using System.ComponentModel.DataAnnotations;

namespace Flows.Api.Waits;

/// <summary>How long things are kept. Bound from <c>Flows:Retention</c>.</summary>
public sealed class RetentionOptions
{
    public const string Section = "Flows:Retention";

    /// <summary>
    /// Days after which a run is forgotten, counted from its acceptance, with its steps, files and values; in whole days of UTC. A day stays while one
    /// of its runs is not over. 30 by default; 0 keeps everything.
    /// </summary>
    [Range(0, 36_500)]
    public int RunDays { get; set; } = 30;

    /// <summary>Days after which a dead letter of the queue is forgotten. 30 by default; 0 keeps them.</summary>
    [Range(0, 3650)]
    public int FailedJobDays { get; set; } = 30;

    /// <summary>Days that one run may spend paused, all its pauses together, where its project has no limit of its own. 30 by default.</summary>
    [Range(1, 3650)]
    public int PausedDays { get; set; } = 30;

    public TimeSpan FailedJobs => TimeSpan.FromDays(FailedJobDays);

    public TimeSpan Paused => TimeSpan.FromDays(PausedDays);
}
