using System.ComponentModel.DataAnnotations;

namespace Flows.Api.Waits;

/// <summary>How long things are kept. Bound from <c>Flows:Retention</c>.</summary>
public sealed class RetentionOptions
{
    public const string Section = "Flows:Retention";

    /// <summary>Days that one run may spend paused, all its pauses together. 30 by default.</summary>
    [Range(1, 3650)]
    public int PausedDays { get; set; } = 30;

    public TimeSpan Paused => TimeSpan.FromDays(PausedDays);
}
