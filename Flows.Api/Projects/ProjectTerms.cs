using System.Collections.Concurrent;
using Flows.Api.Runs;
using Flows.Api.Waits;
using Flows.Api.Webhooks;
using Flows.Contracts.Definitions;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Projects;

/// <summary>What holds for the runs and webhooks of one project: its own limit where it has one, as far as the ceiling lets it, else the installation's.</summary>
/// <param name="RunTimeout">Active time of one run.</param>
/// <param name="Paused">Time that one run may spend paused, all its pauses together.</param>
/// <param name="WebhooksPerMinute">Calls that the webhooks of all its flows take together; 0 is no limit.</param>
/// <param name="OnUncertain">What becomes of uncertain effects whose step does not say.</param>
internal sealed record ProjectTerms(TimeSpan RunTimeout, TimeSpan Paused, int WebhooksPerMinute, UncertainPolicy OnUncertain = UncertainPolicy.Ask);

/// <summary>
/// The terms of projects, mostly from memory, because each claim of a run and each call of a webhook asks for them. A change made through this
/// process holds at once, one made through another replica within a second.
/// </summary>
internal sealed class ProjectTermsBook(
    NpgsqlDataSource db, IOptions<RunTimeouts> timeouts, IOptions<RetentionOptions> retention, IOptions<WebhookOptions> webhooks, IOptions<ProjectCeilings> ceilings, TimeProvider clock)
{
    private static readonly TimeSpan s_keep = TimeSpan.FromSeconds(1);
    private const int MostProjects = 10_000;
    private readonly ConcurrentDictionary<Guid, Entry> _known = new();

    /// <summary>What holds for projects that say nothing of their own.</summary>
    public ProjectTerms OfTheInstallation => new(timeouts.Value.Flow, retention.Value.Paused, webhooks.Value.ProjectPerMinute);

    /// <summary>The most that a project may have; 0 calls are no limit.</summary>
    public ProjectTerms Ceilings { get; } = new(
        ceilings.Value.RunTimeout ?? timeouts.Value.Flow,
        TimeSpan.FromDays(ceilings.Value.PausedDays ?? retention.Value.PausedDays),
        ceilings.Value.WebhooksPerMinute ?? webhooks.Value.ProjectPerMinute);

    public async ValueTask<ProjectTerms> OfAsync(Guid projectId)
    {
        var now = clock.GetTimestamp();
        if (_known.TryGetValue(projectId, out var entry) && clock.GetElapsedTime(entry.At, now) < s_keep && !entry.Terms.Value.IsFaulted)
            return await entry.Terms.Value;
        if (_known.Count >= MostProjects)
            _known.Clear();
        // It is there before the reading starts, so that a change which the query may not see takes it away again.
        var fresh = new Entry(now, new Lazy<Task<ProjectTerms>>(() => ReadAsync(projectId)));
        _known[projectId] = fresh;
        return await fresh.Terms.Value;
    }

    /// <summary>Whoever changes a project calls this after the commit.</summary>
    public void Forget(Guid projectId) => _known.TryRemove(projectId, out _);

    private async Task<ProjectTerms> ReadAsync(Guid projectId)
    {
        await using var connection = await db.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("SELECT run_timeout_seconds, paused_days, webhook_per_minute, on_uncertain FROM projects WHERE id = $1", connection)
        { Parameters = { RunSql.Value(projectId, NpgsqlDbType.Uuid) } };
        await using var row = await command.ExecuteReaderAsync();
        var others = OfTheInstallation;
        return await row.ReadAsync()
            ? new ProjectTerms(
                row.GetInt32(0) is > 0 and var seconds ? Lower(TimeSpan.FromSeconds(seconds), Ceilings.RunTimeout) : others.RunTimeout,
                row.GetInt32(1) is > 0 and var days ? Lower(TimeSpan.FromDays(days), Ceilings.Paused) : others.Paused,
                row.GetInt32(2) is > 0 and var calls ? (Ceilings.WebhooksPerMinute is > 0 and var most ? Math.Min(calls, most) : calls) : others.WebhooksPerMinute,
                (UncertainPolicy)row.GetInt16(3))
            : others;
    }

    private static TimeSpan Lower(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private sealed record Entry(long At, Lazy<Task<ProjectTerms>> Terms);
}
