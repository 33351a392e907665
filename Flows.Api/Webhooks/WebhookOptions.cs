using System.ComponentModel.DataAnnotations;

namespace Flows.Api.Webhooks;

/// <summary>What holds for the webhooks of every flow. Bound from <c>Flows:Webhooks</c>.</summary>
public sealed class WebhookOptions
{
    public const string Section = "Flows:Webhooks";
    public const int MostPerMinute = 10_000_000;

    /// <summary>Calls a minute that one flow takes, unless its trigger says otherwise. 0, the default, is no limit.</summary>
    [Range(0, MostPerMinute)]
    public int FlowPerMinute { get; set; }

    /// <summary>Calls a minute that all flows of one project take together, where the project has no limit of its own. 0, the default, is no limit.</summary>
    [Range(0, MostPerMinute)]
    public int ProjectPerMinute { get; set; }

    /// <summary>How long an Idempotency-Key is remembered. 24 hours by default.</summary>
    [Range(typeof(TimeSpan), "00:01:00", "30.00:00:00")]
    public TimeSpan KeyWindow { get; set; } = TimeSpan.FromHours(24);
}
