using Flows.Api.Access;
using Flows.Api.Connections;
using Flows.Api.Runs;
using Flows.Api.Runs.Values;
using Flows.Api.Triggers;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Workers;

/// <summary>What workers call; see <see cref="WorkerRoutes"/>. Never reachable with a user's credentials.</summary>
internal static class WorkerEndpoints
{
    private const int MaxRuns = 10_000;
    private const int MaxWaits = 10_000;

    /// <summary>A report holds the results of many steps; a worker keeps its own batches below this.</summary>
    private const long MaxReportBytes = 256L << 20;

    public static IEndpointRouteBuilder MapWorkerEndpoints(this IEndpointRouteBuilder app)
    {
        var workers = app.MapGroup("").RequireAuthorization(Policies.Worker).AddEndpointFilter(CheckProtocolAsync).AddEndpointFilter<UnavailableFilter>()
            .ExcludeFromDescription();
        workers.MapPost(WorkerRoutes.Claim, Claim);
        workers.MapPost(WorkerRoutes.Report, Report).WithMetadata(new RequestSizeLimitAttribute(MaxReportBytes));
        workers.MapPost(WorkerRoutes.Heartbeat, Heartbeat);
        workers.MapGet(WorkerRoutes.Version, GetVersion);
        workers.MapGet(WorkerRoutes.Value, ValueEndpoints.ForWorkers);
        workers.MapPost(WorkerRoutes.HostCall, HostCallEndpoints.Handler);
        workers.MapPieceWork();
        app.MapSystemEndpoints();
        return app;
    }

    private static async Task<Results<JsonHttpResult<ClaimResponse>, ProblemHttpResult>> Claim(
        HttpRequest http, RunClaims claims, ClaimedValues values, PublicUrl url, CancellationToken cancel)
    {
        var request = await RequestBody.ReadAsync(http, WorkerJson.Default.ClaimRequest, cancel);
        if (request is not { Worker.Length: > 0, Runs.Count: <= MaxRuns })
            return Problems.BadRequest("$.runs", $"A claim names its worker and at most {MaxRuns} runs.");
        return TypedResults.Json(await values.FillAsync(await claims.ClaimAsync(request, url.Of(http, ""), cancel), cancel), WorkerJson.Default.ClaimResponse);
    }

    private static async Task<Results<JsonHttpResult<ReportResponse>, ProblemHttpResult>> Report(HttpRequest http, RunReports reports, CancellationToken cancel)
    {
        var request = await RequestBody.ReadAsync(http, WorkerJson.Default.ReportRequest, cancel);
        if (request is not { Worker.Length: > 0, Runs.Count: <= MaxRuns } || request.Runs.Any(run => run.Steps is null))
            return Problems.BadRequest("$.runs", $"A report names its worker and at most {MaxRuns} runs, each with its steps.");
        if (request.Runs.FirstOrDefault(run => run.Outcome is { } outcome && !RunStore.Outcomes.Contains(outcome.Status)) is { } bad)
            return Problems.BadRequest("$.runs", $"A worker cannot leave a run as {bad.Outcome!.Status}.");
        if (request.Runs.FirstOrDefault(run => run.Outcome?.Waits is { } waits && (run.Outcome.Status != RunStatus.Paused || waits.Count > MaxWaits
            || waits.Any(wait => wait is not { Path.Length: > 0 } || !Enum.IsDefined(wait.Kind) || (wait.Kind == WaitKind.Call) != (wait.Call is { Flow: not null })))) is { } odd)
            return Problems.BadRequest("$.runs", $"The waits of the run {odd.RunId} cannot be taken: each has a path and a kind, a call its flow, there are at most {MaxWaits}, and the run is Paused.");
        return TypedResults.Json(await reports.ReportAsync(request, http.ContentLength ?? 0, cancel), WorkerJson.Default.ReportResponse);
    }

    private static async Task<Results<JsonHttpResult<HeartbeatResponse>, ProblemHttpResult>> Heartbeat(
        HttpRequest http, RunStore store, WorkerRegistry registry, IOptions<RunOptions> options, CancellationToken cancel)
    {
        var request = await RequestBody.ReadAsync(http, WorkerJson.Default.HeartbeatRequest, cancel);
        if (request is not { Worker.Length: > 0, Held.Count: <= MaxRuns, Info: not null })
            return Problems.BadRequest("$.held", $"A heartbeat names its worker, tells of it, and holds at most {MaxRuns} runs.");
        var renewed = await store.RenewAsync(request.Worker, [.. request.Held.Select(run => (run.RunId, run.Attempt))], cancel);
        var end = await registry.SeenAsync(request.Worker, request.Info, cancel);
        var lost = request.Held.Where(run => !renewed.Contains((run.RunId, run.Attempt))).ToList();
        return TypedResults.Json(new HeartbeatResponse((int)options.Value.Lease.TotalMilliseconds, lost, end), WorkerJson.Default.HeartbeatResponse);
    }

    private static async Task<Results<JsonHttpResult<FlowVersionDocument>, ProblemHttpResult>> GetVersion(
        Guid versionId, NpgsqlDataSource db, CancellationToken cancel)
    {
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var command = new NpgsqlCommand("SELECT definition FROM flow_versions WHERE id = $1", connection)
        { Parameters = { RunSql.Value(versionId, NpgsqlDbType.Uuid) } };
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel)
            ? TypedResults.Json(new FlowVersionDocument(versionId, row.JsonOrNull(0) ?? RawJson.Null), WorkerJson.Default.FlowVersionDocument)
            : Problems.NotFound("There is no such version.");
    }

    private static async ValueTask<object?> CheckProtocolAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var spoken = context.HttpContext.Request.Headers[WorkerRoutes.ProtocolHeader].ToString();
        if (spoken == WorkerRoutes.CurrentProtocol.ToString(System.Globalization.CultureInfo.InvariantCulture))
            return await next(context);
        return RunProblems.Of(StatusCodes.Status426UpgradeRequired, "protocol",
            $"This API speaks protocol {WorkerRoutes.CurrentProtocol} with workers, not '{spoken}'. Run workers of the API's version.",
            ("protocol", WorkerRoutes.CurrentProtocol));
    }
}
