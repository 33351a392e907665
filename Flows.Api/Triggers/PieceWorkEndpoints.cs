using Flows.Api.Connections;
using Flows.Api.Runs;
using Flows.Contracts.WorkerProtocol;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Flows.Api.Triggers;

/// <summary>Hands calls of pieces to workers, under their token.</summary>
internal static class PieceWorkEndpoints
{
    /// <summary>How long a worker's question is held while there is nothing to do.</summary>
    private static readonly TimeSpan s_hold = TimeSpan.FromSeconds(3);

    /// <summary>The largest that the engine lets through, a payload of 100 MiB, with room for the names around its items.</summary>
    private const int MaxAnswerBytes = 110 << 20;

    public static void MapPieceWork(this IEndpointRouteBuilder workers)
    {
        workers.MapPost(WorkerRoutes.NextPieceCall, Take);
        workers.MapPost(WorkerRoutes.PieceToken, Renew);
        workers.MapPost(WorkerRoutes.PieceAnswer, Answer).WithMetadata(new RequestSizeLimitAttribute(MaxAnswerBytes));
    }

    private static async Task<Results<JsonHttpResult<PieceOffer>, ProblemHttpResult>> Take(
        HttpRequest http, IEnumerable<IPieceWork> sources, PieceBell bell, TimeProvider clock, IHostApplicationLifetime life, CancellationToken cancel)
    {
        var request = await RequestBody.ReadAsync(http, WorkerJson.Default.PieceQuestion, cancel);
        if (request is not { Worker.Length: > 0 })
            return Problems.BadRequest("$.worker", "A worker that asks for a call names itself.");
        var rung = bell.Next;
        var call = await FirstAsync(sources, request.Worker, cancel);
        if (call is null)
        {
            // Who stops need not wait for workers that wait for nothing.
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, life.ApplicationStopping);
            await rung.WaitAsync(s_hold, clock, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (rung.IsCompleted && !either.IsCancellationRequested)
                call = await FirstAsync(sources, request.Worker, cancel);
        }
        return TypedResults.Json(new PieceOffer(call), WorkerJson.Default.PieceOffer);
    }

    private static async Task<PieceClaim?> FirstAsync(IEnumerable<IPieceWork> sources, string worker, CancellationToken cancel)
    {
        foreach (var source in sources)
        {
            if (await source.TakeAsync(worker, cancel) is { } call)
                return call;
        }
        return null;
    }

    private static async Task<Results<JsonHttpResult<PieceTaken>, ProblemHttpResult>> Answer(
        HttpRequest http, IEnumerable<IPieceWork> sources, CancellationToken cancel)
    {
        var report = await RequestBody.ReadAsync(http, WorkerJson.Default.PieceReport, cancel);
        if (report is not { Worker.Length: > 0, Answer: not null } || report.Answer.Events is { Items: null })
            return Problems.BadRequest("$.answer", "The answer of a call names its worker and holds what came of it or an error.");
        if (sources.FirstOrDefault(source => source.Does(report.Kind)) is not { } owner)
            return Problems.BadRequest("$.kind", $"No call of the kind '{report.Kind}' was given out.");
        return await owner.AnswerAsync(report, cancel) is { } runs
            ? TypedResults.Json(new PieceTaken(runs), WorkerJson.Default.PieceTaken)
            : RunProblems.Of(StatusCodes.Status409Conflict, "stale", "The call is no longer this worker's, or what it was for was changed.");
    }

    /// <summary>Another token for a call that its service has refused; never of a connection that the call was not given.</summary>
    private static async Task<Results<JsonHttpResult<OtherToken>, ProblemHttpResult>> Renew(
        HttpRequest http, IEnumerable<IPieceWork> sources, OpenConnections connections, CancellationToken cancel)
    {
        var refused = await RequestBody.ReadAsync(http, WorkerJson.Default.RefusedToken, cancel);
        if (refused is not { Worker.Length: > 0, Token.Length: > 0 })
            return Problems.BadRequest("$.token", "A worker that asks for another token names itself and the one that was refused.");
        if (sources.FirstOrDefault(source => source.Does(refused.Kind)) is not { } owner)
            return Problems.BadRequest("$.kind", $"No call of the kind '{refused.Kind}' was given out.");
        return await owner.ConnectionOfAsync(refused, cancel) is { } of
            ? TypedResults.Json(await connections.RenewAsync(of.Project, of.Key, refused.Token, cancel), WorkerJson.Default.OtherToken)
            : RunProblems.Of(StatusCodes.Status409Conflict, "stale", "The call is no longer this worker's, or has no connection.");
    }
}
