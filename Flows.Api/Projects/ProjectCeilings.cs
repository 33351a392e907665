using System.ComponentModel.DataAnnotations;
using Flows.Api.Queues;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Flows.Api.Webhooks;
using Microsoft.Extensions.Options;

namespace Flows.Api.Projects;

/// <summary>
/// The most that a project may set for itself. Bound from <c>Flows:Projects:Ceiling</c>. What is left out is what the installation sets for all, so that
/// a project may only tighten it. A limit that was set when the ceiling was higher is held to the ceiling.
/// </summary>
public sealed class ProjectCeilings
{
    public const string Section = "Flows:Projects:Ceiling";

    /// <summary>Runs of a project at a time; else <c>Flows__Projects__ConcurrentRuns</c>.</summary>
    [Range(1, ProjectOptions.MostConcurrentRuns)]
    public int? ConcurrentRuns { get; set; }

    /// <summary>Active time of one run; else <c>Flows__Timeouts__Flow</c>.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "1.00:00:00")]
    public TimeSpan? RunTimeout { get; set; }

    /// <summary>Days that one run may spend paused; else <c>Flows__Retention__PausedDays</c>.</summary>
    [Range(1, 3650)]
    public int? PausedDays { get; set; }

    /// <summary>Calls a minute that the webhooks of a project take; else <c>Flows__Webhooks__ProjectPerMinute</c>.</summary>
    [Range(1, WebhookOptions.MostPerMinute)]
    public int? WebhooksPerMinute { get; set; }
}

/// <summary>Refuses a ceiling below what every project has without asking.</summary>
internal sealed class CeilingCheck(IOptions<ProjectOptions> projects, IOptions<RunTimeouts> timeouts, IOptions<RetentionOptions> retention, IOptions<WebhookOptions> webhooks)
    : IValidateOptions<ProjectCeilings>
{
    public ValidateOptionsResult Validate(string? name, ProjectCeilings ceilings)
    {
        List<string> problems =
        [
            .. Below("ConcurrentRuns", ceilings.ConcurrentRuns, "Flows__Projects__ConcurrentRuns", () => projects.Value.ConcurrentRuns),
            .. Below("RunTimeout", ceilings.RunTimeout, "Flows__Timeouts__Flow", () => timeouts.Value.Flow),
            .. Below("PausedDays", ceilings.PausedDays, "Flows__Retention__PausedDays", () => retention.Value.PausedDays),
            .. Below("WebhooksPerMinute", ceilings.WebhooksPerMinute, "Flows__Webhooks__ProjectPerMinute", () => webhooks.Value.ProjectPerMinute),
        ];
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }

    private static IEnumerable<string> Below<T>(string name, T? ceiling, string setting, Func<T> ofAll) where T : struct, IComparable<T>
    {
        if (ceiling is not { } most)
            return [];
        try
        {
            return ofAll() is var all && most.CompareTo(all) < 0 ? [$"Flows__Projects__Ceiling__{name} ({most}) is below {setting} ({all}), which every project has."] : [];
        }
        catch (OptionsValidationException)
        {
            return []; // what is wrong with the other setting is told by its own check
        }
    }
}
