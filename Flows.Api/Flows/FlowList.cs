using Flows.Api.Access;
using Flows.Api.Runs;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Flows;

/// <summary>How the newest runs of a flow went.</summary>
/// <param name="Statuses">Newest first.</param>
/// <param name="Counts">The same, counted; a status that none of them has is left out.</param>
/// <param name="LastAt">When the newest was accepted.</param>
internal sealed record RecentRuns(IReadOnlyList<RunStatus> Statuses, IReadOnlyDictionary<string, int> Counts, DateTimeOffset LastAt);

/// <summary>The list of a project's flows and what it can be narrowed down to.</summary>
internal static class FlowList
{
    private const int MaximumText = 200;
    private const int MostRecent = 50;
    private const string NoFolder = "none";
    private static readonly string[] s_states = ["enabled", "disabled", "unpublished"];
    // Runs of older days are not looked for: each day is a table of its own.
    private static readonly TimeSpan s_recent = TimeSpan.FromDays(30);

    public static async Task<Results<Ok<Page<FlowView>>, ProblemHttpResult>> List(
        [AsParameters] FlowQuery query, [AsParameters] PageQuery page, CurrentProject project, FlowsDb db, NpgsqlDataSource source, PublicUrl url, TimeProvider clock,
        HttpRequest http, CancellationToken cancel)
    {
        if (!page.TryRead(out var limit, out var after, out var problem))
            return problem;
        if (Narrow(db.Flows.Where(flow => flow.ProjectId == project.Id), query, out var flows) is { } wrong)
            return wrong;
        var found = await flows
            .Where(flow => after == null || flow.Id < after)
            .OrderByDescending(flow => flow.Id)
            .Take(limit + 1)
            .Select(FlowView.From(db))
            .ToListAsync(cancel);
        var shown = Page.Of(found, limit, flow => flow.Id);
        var recent = query.Recent is > 0 and var most
            ? await RecentAsync(source, [.. shown.Items.Select(flow => flow.Id)], clock.GetUtcNow() - s_recent, most, cancel)
            : [];
        foreach (var flow in shown.Items)
        {
            flow.WebhookUrl = url.Of(http, $"/webhooks/{flow.Id}");
            flow.Recent = recent.GetValueOrDefault(flow.Id);
        }
        return TypedResults.Ok(shown);
    }

    private static ProblemHttpResult? Narrow(IQueryable<Flow> all, FlowQuery query, out IQueryable<Flow> flows)
    {
        flows = all;
        if (query.Recent is < 0 or > MostRecent)
            return Problems.BadRequest("recent", $"It must be from 0 to {MostRecent}.");
        if (!string.IsNullOrEmpty(query.Q))
        {
            if (query.Q.Length > MaximumText || query.Q.Contains('\0', StringComparison.Ordinal))
                return Problems.BadRequest("q", $"It has at most {MaximumText} characters, and none of them is NUL.");
            var words = $"%{query.Q.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("%", "\\%", StringComparison.Ordinal).Replace("_", "\\_", StringComparison.Ordinal)}%";
            flows = flows.Where(flow => EF.Functions.ILike(flow.Name, words, "\\") || (flow.Key != null && EF.Functions.ILike(flow.Key, words, "\\")));
        }
        if (query.Folder is NoFolder)
        {
            flows = flows.Where(flow => flow.FolderId == null);
        }
        else if (!string.IsNullOrEmpty(query.Folder))
        {
            if (!Guid.TryParse(query.Folder, out var folder))
                return Problems.BadRequest("folder", $"It must be the id of a folder, or '{NoFolder}'.");
            flows = flows.Where(flow => flow.FolderId == folder);
        }
        string[] tags = [.. (query.Tag ?? []).SelectMany(RunTags.Split)];
        if (FlowTags.Check("tag", tags) is { } tagProblem)
            return Problems.BadRequest("tag", tagProblem.Message);
        if (tags.Length > 0)
            flows = flows.Where(flow => tags.All(tag => flow.Tags.Contains(tag)));
        switch (query.State)
        {
            case null or "":
                break;
            case "enabled":
                flows = flows.Where(flow => flow.Enabled && flow.PublishedVersionId != null);
                break;
            case "disabled":
                flows = flows.Where(flow => !flow.Enabled);
                break;
            case "unpublished":
                flows = flows.Where(flow => flow.PublishedVersionId == null);
                break;
            default:
                return Problems.BadRequest("state", $"It must be one of {string.Join(", ", s_states)}.");
        }
        return null;
    }

    /// <summary>The newest runs of each of the flows, in one query that reads at most so many index entries of each.</summary>
    internal static async Task<Dictionary<Guid, RecentRuns>> RecentAsync(
        NpgsqlDataSource source, Guid[] flows, DateTimeOffset since, int most, CancellationToken cancel)
    {
        var recent = new Dictionary<Guid, RecentRuns>();
        if (flows.Length == 0)
            return recent;
        await using var command = source.CreateCommand("""
            SELECT f.id, array_agg(r.status ORDER BY r.id DESC), max(r.created_at)
            FROM unnest($1::uuid[]) AS f(id) CROSS JOIN LATERAL (
                SELECT r.id, r.status, r.created_at FROM runs r WHERE r.flow_id = f.id AND r.id >= $2 ORDER BY r.id DESC LIMIT $3
            ) r
            GROUP BY f.id
            """);
        command.Parameters.Add(RunSql.Array(flows, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(RunIds.Floor(since), NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(most, NpgsqlDbType.Integer));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            RunStatus[] statuses = [.. row.GetFieldValue<short[]>(1).Select(status => (RunStatus)status)];
            recent[row.GetGuid(0)] = new RecentRuns(
                statuses, statuses.CountBy(status => status.ToString()).ToDictionary(), row.GetFieldValue<DateTimeOffset>(2));
        }
        return recent;
    }

    /// <param name="Q">A part of the name or the key, in small or capital letters.</param>
    /// <param name="Folder">The id of a folder, or none for flows that lie in none.</param>
    /// <param name="Tag">Only flows with this tag; several, with commas between or as the parameter several times: with all of them.</param>
    /// <param name="State">enabled: published and switched on; disabled: switched off; unpublished: never published.</param>
    /// <param name="Recent">How many of each flow's newest runs of the last 30 days are shown with it, at most 50. 0 when left out.</param>
    internal readonly record struct FlowQuery(
        [FromQuery] string? Q, [FromQuery] string? Folder, [FromQuery] string[]? Tag, [FromQuery] string? State, [FromQuery] int? Recent);
}
