using Flows.Api.Access;
using Flows.Api.Audit;
using Flows.Api.Reference;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>Retries of runs, and what is done to many runs at once.</summary>
internal static class RetryEndpoints
{
    private const int MaxRuns = 1_000;
    private const int TriesAgainstRaces = 5;

    public static void MapRetries(this IEndpointRouteBuilder api)
    {
        api.MapPost("/runs/{runId:guid}/retry", Retry).Requires(Permission.ActOnRuns).Audited("run.retried", ahead: true)
            .WithSummary("Do a run again: from the failed step, from a step of your choice, or from the start; on the same or the latest version").MayRefuse(StatusCodes.Status409Conflict);
        api.MapPost("/runs/cancel", CancelMany).Requires(Permission.ActOnRuns).Audited("runs.cancelled", ahead: true).WithSummary("End many runs, by ids or by filter, at most 1,000 in a call");
        api.MapPost("/runs/retry", RetryMany).Requires(Permission.ActOnRuns).Audited("runs.retried", ahead: true).WithSummary("Do many runs again, by ids or by filter, at most 1,000 in a call");
    }

    /// <summary>200 when the same run goes on, 202 with the place of a new one.</summary>
    private static async Task<Results<Ok<RunView>, Accepted<RunView>, ProblemHttpResult>> Retry(
        Guid runId, RetryRequest? request, CurrentProject project, RunRetry retry, RunReader runs, AuditTrail audit, CancellationToken cancel)
    {
        request ??= new RetryRequest();
        if (Check(request) is { } problem)
            return problem;
        var result = await retry.RetryAsync(project.Id, runId, request, RunPriority.Normal, cancel);
        if (result.Problem is { } refused)
            return refused;
        audit.Tell(after: new { Run = result.RunId, request.From, request.Version, EditedInput = request.Input is not null });
        if (await runs.FindAsync(project.Id, result.RunId, cancel) is not { } run)
            return RunProblems.NoSuchRun();
        return result.RunId == runId ? TypedResults.Ok(run) : TypedResults.Accepted($"/api/v1/runs/{run.Id}", run);
    }

    private static async Task<Results<Ok<ManyRuns>, ProblemHttpResult>> CancelMany(
        CancelManyRequest request, CurrentProject project, RunStore store, RunAnnouncer announcer, RunReader runs, NpgsqlDataSource db, AuditTrail audit,
        CancellationToken cancel)
    {
        if (Check(request.Ids, request.Filter) is { } problem)
            return problem;
        var (ids, more) = await SelectAsync(request.Ids, request.Filter, project, runs, RunTransitions.Into(RunStatus.Cancelled), cancel);
        var left = ids.ToHashSet();
        for (var i = 0; i < TriesAgainstRaces && left.Count > 0; i++)
        {
            var news = await store.CancelAsync(project.Id, left, cancel);
            announcer.Announce(news);
            left.ExceptWith(news.Where(run => run.Status == RunStatus.Cancelled).Select(run => run.RunId));
        }
        var refused = await RefusedAsync(db, project.Id, left, "The run is over already", cancel);
        var done = ids.Where(id => !left.Contains(id)).ToList();
        audit.Tell(after: new { Runs = done });
        return TypedResults.Ok(new ManyRuns([.. done.Select(id => new DoneRun(id, id))], refused, more));
    }

    private static async Task<Results<Ok<ManyRuns>, ProblemHttpResult>> RetryMany(
        RetryManyRequest request, CurrentProject project, RunRetry retry, RunReader runs, AuditTrail audit, CancellationToken cancel)
    {
        var each = new RetryRequest(request.From, request.Version);
        if (Check(request.Ids, request.Filter) is { } problem || (problem = Check(each)) is not null)
            return problem;
        var (ids, more) = await SelectAsync(request.Ids, request.Filter, project, runs, RunStore.Retriable, cancel);
        var done = new List<DoneRun>();
        var refused = new List<RefusedRun>();
        foreach (var id in ids)
        {
            var result = await retry.RetryAsync(project.Id, id, each, RunPriority.Bulk, cancel);
            if (result.Problem is { ProblemDetails: var why })
                refused.Add(new RefusedRun(id, why.Extensions.TryGetValue("code", out var code) ? code as string : null, why.Detail ?? "", why.Extensions.TryGetValue("runStatus", out var status) ? status as string : null));
            else
                done.Add(new DoneRun(id, result.RunId));
        }
        audit.Tell(after: new { Runs = done.Select(run => run.RunId), request.From, request.Version });
        return TypedResults.Ok(new ManyRuns(done, refused, more));
    }

    private static async Task<(IReadOnlyList<Guid> Ids, bool More)> SelectAsync(
        IReadOnlyList<Guid>? ids, RunSelection? filter, CurrentProject project, RunReader runs, IEnumerable<RunStatus> usual, CancellationToken cancel)
    {
        if (ids is not null)
            return ([.. ids.Distinct()], false);
        return await runs.ListIdsAsync(new RunFilter(
            project.Id, filter!.Flow, filter.Status is { Count: > 0 } statuses ? statuses : [.. usual], filter.From, filter.To, null, MaxRuns), cancel);
    }

    private static async Task<List<RefusedRun>> RefusedAsync(NpgsqlDataSource db, Guid projectId, HashSet<Guid> ids, string why, CancellationToken cancel)
    {
        if (ids.Count == 0)
            return [];
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("SELECT id, status FROM runs WHERE id = ANY($1) AND project_id = $2", connection)
        { Parameters = { RunSql.Array(ids.ToArray(), NpgsqlDbType.Uuid), RunSql.Value(projectId, NpgsqlDbType.Uuid) } };
        var found = new Dictionary<Guid, RunStatus>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            found[row.GetGuid(0)] = (RunStatus)row.GetInt16(1);
        return [.. ids.Order().Select(id => found.TryGetValue(id, out var status)
            ? new RefusedRun(id, "wrong_status", RunTransitions.IsFinal(status) ? $"{why}: {status}." : "The run keeps changing. Try again in a moment.", status.ToString())
            : new RefusedRun(id, "run_not_found", "There is no such run.", null))];
    }

    private static ProblemHttpResult? Check(RetryRequest request)
    {
        if (request.Version is not (RunRetry.Same or RunRetry.Latest))
            return Problems.BadRequest("$.version", "version must be same or latest.");
        if (request.From.Length is 0 or > 2_000)
            return Problems.BadRequest("$.from", "from must be failed, start or the path of a step.");
        return request is { Input: not null, From: RunRetry.Failed, Version: RunRetry.Same }
            ? Problems.BadRequest("$.input", "An edited input makes a new run: give the path of the step in from, or start for the trigger.")
            : null;
    }

    private static ProblemHttpResult? Check(IReadOnlyList<Guid>? ids, RunSelection? filter) =>
        (ids is null) == (filter is null) ? Problems.BadRequest("$", "Give either ids or a filter.")
        : ids is { Count: 0 or > MaxRuns } ? Problems.BadRequest("$.ids", $"There must be from 1 to {MaxRuns} ids.")
        : null;
}

/// <param name="From"><c>failed</c>: the step that failed or was cut off; <c>start</c>; or the path of a step, as in the journal.</param>
/// <param name="Version"><c>same</c> or <c>latest</c>, the published one. The same run goes on only from <c>failed</c> on the <c>same</c> version.</param>
/// <param name="Input">Stands in for the resolved input of the step, or with <c>start</c> for the trigger's output.</param>
public sealed record RetryRequest(string From = RunRetry.Failed, string Version = RunRetry.Same, RawJson? Input = null);

/// <param name="Status">Left out: every status in which that can be done.</param>
/// <param name="From">Accepted at or after this moment.</param>
/// <param name="To">Accepted before this moment.</param>
public sealed record RunSelection(Guid? Flow = null, IReadOnlyList<RunStatus>? Status = null, DateTimeOffset? From = null, DateTimeOffset? To = null);

/// <summary>Either ids or a filter.</summary>
public sealed record CancelManyRequest(IReadOnlyList<Guid>? Ids = null, RunSelection? Filter = null);

/// <inheritdoc cref="RetryRequest"/>
public sealed record RetryManyRequest(
    IReadOnlyList<Guid>? Ids = null, RunSelection? Filter = null, string From = RunRetry.Failed, string Version = RunRetry.Same);

/// <param name="More">True when the filter fits more runs than one call takes: call again.</param>
public sealed record ManyRuns(IReadOnlyList<DoneRun> Done, IReadOnlyList<RefusedRun> Refused, bool More);

/// <param name="NowRunId">The run that goes on: the same, or a new one.</param>
public sealed record DoneRun(Guid RunId, Guid NowRunId);

public sealed record RefusedRun(Guid RunId, string? Code, string Detail, string? RunStatus);
