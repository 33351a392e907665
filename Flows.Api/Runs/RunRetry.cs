using System.Text.Json;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Microsoft.AspNetCore.Http.HttpResults;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>What came of a retry.</summary>
/// <param name="RunId">The run that goes on: the same, or a new one.</param>
/// <param name="Problem">Why it was refused; null when it was not.</param>
internal readonly record struct RetryResult(Guid RunId, ProblemHttpResult? Problem)
{
    public static implicit operator RetryResult(ProblemHttpResult problem) => new(default, problem);
}

/// <summary>
/// Does a run again: in place from the step that failed, or as a new run that begins with the trigger, and for a step on the way with the part
/// of the journal that lies before it. What a run has done is never written over: in place only failed lines make room, and they are kept.
/// </summary>
internal sealed class RunRetry(RunStore store, RunReader runs, RunStarter starter, RunBells bells, RunAnnouncer announcer, NpgsqlDataSource db)
{
    public const string Failed = "failed", Start = "start", Same = "same", Latest = "latest";
    private const int TriesAgainstRaces = 3;

    /// <param name="priority">Where the runs wait: bulk retries must not stand before people.</param>
    public async Task<RetryResult> RetryAsync(Guid projectId, Guid runId, RetryRequest request, RunPriority priority, CancellationToken cancel)
    {
        if (await SourceAsync(projectId, runId, cancel) is not { } source)
            return RunProblems.NoSuchRun();
        if (request is { From: Failed, Version: Same })
            return await RetryInPlaceAsync(projectId, source, priority, cancel);
        if (!RunTransitions.IsFinal(source.Status))
            return RunProblems.WrongStatus(source.Status, $"The run is not over: {source.Status}. Cancel it first, or wait until it has ended.");

        var version = new Version(source.VersionId, source.Number, source.Definition);
        if (request.Version == Latest)
        {
            if (await PublishedAsync(source.FlowId, cancel) is not { } latest)
                return RunProblems.NotPublished();
            version = latest;
        }
        RawJson? edited = null;
        IReadOnlyList<(string, bool)> lines = [];
        if (request.From != Start)
        {
            var path = request.From == Failed ? source.FailedStep : request.From;
            if (path is null)
                return RunProblems.Of(StatusCodes.Status409Conflict, "no_failed_step", "No step of the run has failed. Retry it from the start, or name a step.");
            var (point, problem) = PointOf(path, source, version);
            if (problem is not null)
                return problem;
            if (request.Input is { } input)
            {
                if (point!.Step.GetProperty("kind").GetString() is not ("action" or "code"))
                    return Problems.BadRequest("$.input", $"'{path}' is no action and no code: only those have an input that can be edited.");
                edited = RawJson.FromUtf8(JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, RawJson> { [path] = input }, RunsJson.Default.DictionaryStringRawJson));
            }
            lines = await LinesBeforeAsync(runId, point!, cancel);
        }

        var run = new RetriedRun(starter.NewId(), runId, version.Id, version.Number, version.Number is null ? RunEnvironment.Test : RunEnvironment.Production,
            version.Number is null && priority == RunPriority.Normal ? RunPriority.Test : priority, request.From == Start ? request.Input : null, edited, lines);
        if (!await store.AcceptRetriedAsync(run, cancel))
            return RunProblems.NoSuchRun();
        // After the commit, as ever.
        bells.Ring(new(run.RunId, projectId, run.Priority));
        return new RetryResult(run.RunId, null);
    }

    private async Task<RetryResult> RetryInPlaceAsync(Guid projectId, Source source, RunPriority priority, CancellationToken cancel)
    {
        for (var i = 0; i < TriesAgainstRaces; i++)
        {
            if ((await store.RetryAsync(projectId, [source.Id], cancel)).SingleOrDefault() is { } news)
            {
                announcer.Announce([news with { Priority = priority }]);
                return new RetryResult(source.Id, null);
            }
            if (await runs.FindAsync(projectId, source.Id, cancel) is not { } run)
                return RunProblems.NoSuchRun();
            if (!RunStore.Retriable.Contains(run.Status))
                return RunProblems.WrongStatus(run.Status, $"Only a run that failed, timed out or was cancelled goes on from there: {run.Status}.");
            // It ended in this very moment.
        }
        throw new UnavailableException("The run keeps changing. Try again in a moment.");
    }

    private static (RetryPoint? Point, ProblemHttpResult? Problem) PointOf(string path, Source source, Version version)
    {
        if (RetryPoint.Find(source.Definition, path) is not { } was)
            return (null, Problems.BadRequest("$.from", $"The flow has no step at '{path}'."));
        if (version.Id == source.VersionId)
            return (was, null);
        if (RetryPoint.Find(version.Definition, path) is not { } now)
        {
            return (null, RunProblems.Of(StatusCodes.Status409Conflict, "version_differs",
                $"The latest version has no step at '{path}'. Retry from the start, or on the same version.", ("step", path)));
        }
        return was.FirstDifference(now) is { } changed
            ? (null, RunProblems.Of(StatusCodes.Status409Conflict, "version_differs",
                $"The step '{changed}' stands before '{path}' and is not the same in the latest version, so its result cannot be kept. Retry from '{changed}' or from the start.",
                ("step", changed)))
            : (now, null);
    }

    private async Task<IReadOnlyList<(string, bool)>> LinesBeforeAsync(Guid runId, RetryPoint point, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("SELECT path, status FROM run_steps WHERE run_id = $1", connection)
        { Parameters = { RunSql.Value(runId, NpgsqlDbType.Uuid) } };
        var lines = new List<(string, bool)>();
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
        {
            // What failed is done again wherever it stands, and a wait begins anew.
            var (path, status) = (row.GetString(0), (StepStatus)row.GetInt16(1));
            var fate = point.FateOf(path);
            if (fate == LineFate.Reopen || (fate == LineFate.Keep && status is not (StepStatus.Failed or StepStatus.Paused)))
                lines.Add((path, fate == LineFate.Reopen));
        }
        return lines;
    }

    private async Task<Source?> SourceAsync(Guid projectId, Guid runId, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("""
            SELECT r.id, r.flow_id, r.status, r.failed_step, v.id, v.number, v.definition
            FROM runs r JOIN flow_versions v ON v.id = r.version_id WHERE r.id = $1 AND r.project_id = $2
            """, connection)
        { Parameters = { RunSql.Value(runId, NpgsqlDbType.Uuid), RunSql.Value(projectId, NpgsqlDbType.Uuid) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new Source(row.GetGuid(0), row.GetGuid(1), (RunStatus)row.GetInt16(2), row.TextOrNull(3), row.GetGuid(4),
                row.IsDBNull(5) ? null : row.GetInt32(5), row.JsonOrNull(6)!.Value.ToElement())
            : null;
    }

    private async Task<Version?> PublishedAsync(Guid flowId, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("""
            SELECT v.id, v.number, v.definition FROM flows f JOIN flow_versions v ON v.id = f.published_version_id WHERE f.id = $1 AND f.deleted_at IS NULL
            """, connection)
        { Parameters = { RunSql.Value(flowId, NpgsqlDbType.Uuid) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? new Version(row.GetGuid(0), row.IsDBNull(1) ? null : row.GetInt32(1), row.JsonOrNull(2)!.Value.ToElement())
            : null;
    }

    private sealed record Source(Guid Id, Guid FlowId, RunStatus Status, string? FailedStep, Guid VersionId, int? Number, JsonElement Definition);

    private sealed record Version(Guid Id, int? Number, JsonElement Definition);
}
