using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Contracts.WorkerProtocol;
using Flows.Worker.Api;
using Flows.Worker.Sandbox;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Pieces;

/// <summary>
/// Takes calls of pieces from the API as long as it has a place free, has an engine do them, and sends back what they gave. A worker that dies
/// leaves a lease behind, after which another one does the call; nothing is done with what it had found.
/// </summary>
internal sealed partial class PieceWorker(
    FlowsApi api, PieceEngines engines, WorkerIdentity identity, IOptions<WorkerOptions> options, TimeProvider clock, ILogger<PieceWorker> logger) : BackgroundService
{
    /// <summary>From one question without an offer to the next. The API waits that long itself, so that a call made meanwhile is taken at once.</summary>
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(3);
    /// <summary>Beyond the call's own time, which the engine keeps: an engine that is later hangs.</summary>
    private static readonly TimeSpan s_room = TimeSpan.FromSeconds(5);
    private const int Tries = 3;
    /// <summary>With less time left than that, in ms, a service is not asked once more.</summary>
    private const int ShortestMs = 500;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var places = options.Value.PieceCalls;
        if (places == 0)
            return;
        using var free = new SemaphoreSlim(places, places);
        try
        {
            for (var failures = 0; ;)
            {
                await free.WaitAsync(stoppingToken);
                failures = await TakeAsync(free, failures, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Whoever holds a place gives it back before the semaphore goes.
            for (var place = 0; place < places; place++)
                await free.WaitAsync(CancellationToken.None);
        }
    }

    /// <summary>Holds a place, and gives it back when the call is done, or when there was none.</summary>
    /// <returns>Questions in a row that have failed.</returns>
    private async Task<int> TakeAsync(SemaphoreSlim free, int failures, CancellationToken stopping)
    {
        var asked = clock.GetTimestamp();
        var isHandedOn = false;
        try
        {
            if ((await api.NextPieceCallAsync(new PieceQuestion(identity.Id), stopping)).Call is { } call)
            {
                isHandedOn = true;
                _ = DoAsync(call, free, stopping);
                return 0;
            }
            failures = 0;
        }
        catch (ApiException error)
        {
            if (failures++ == 0)
                LogNoCalls(logger, error.Message);
        }
        finally
        {
            if (!isHandedOn)
                free.Release();
        }
        if ((failures > 0 ? s_rest + BackOff.After(failures) : s_rest - clock.GetElapsedTime(asked)) is { Ticks: > 0 } rest)
            await Task.Delay(rest, clock, stopping);
        return failures;
    }

    private async Task DoAsync(PieceClaim call, SemaphoreSlim free, CancellationToken stopping)
    {
        try
        {
            await SendAsync(call, await AskAsync(call, stopping), stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The lease runs out, and another worker does it.
        }
        finally
        {
            free.Release();
        }
    }

    private async Task<PieceAnswer> AskAsync(PieceClaim call, CancellationToken stopping)
    {
        try
        {
            var began = clock.GetTimestamp();
            PieceAnswer answer;
            using (var rented = await engines.RentAsync(call.ProjectId, stopping))
                answer = await AskAsync(rented, call.Request, stopping);
            // A service that answers 401 has done nothing, whatever it was asked for: with another token it is asked once more.
            if (answer.Error is not { } error || !AccessToken.IsRefused(error) || call.Request.Connection is not { } connection || AccessToken.Of(connection) is not { } refused)
                return answer;
            var (other, problem) = await OtherAsync(call, refused, answer, stopping);
            if (other is not { } renewed)
                return problem;
            var left = call.Request.TimeoutMs - (int)clock.GetElapsedTime(began).TotalMilliseconds;
            if (left < ShortestMs)
                return answer;
            using var second = await engines.RentAsync(call.ProjectId, stopping);
            return await AskAsync(second, call.Request with { Connection = renewed, TimeoutMs = left }, stopping);
        }
        catch (ChildStartException error)
        {
            return new PieceAnswer(call.Request.CallId, new StepError("engine_start", $"No engine can be started: {error.Message}"), IsTransient: true);
        }
    }

    // Without another token the first answer stays what came of it, unless there is more to say.
    private async Task<(RawJson? Connection, PieceAnswer Otherwise)> OtherAsync(PieceClaim call, string refused, PieceAnswer answer, CancellationToken stopping)
    {
        try
        {
            var other = await api.OtherTokenAsync(new RefusedToken(identity.Id, call.Id, call.Attempt, call.Request.Kind, TokenMark.Of(refused)), stopping);
            return other switch
            {
                { Connection: { } connection } when AccessToken.Of(connection) != refused => (connection, answer),
                { Problem: { } problem } => (null, answer with
                {
                    Error = new StepError(problem.Code, $"{answer.Error!.Message} {char.ToUpperInvariant(problem.Message[0])}{problem.Message[1..]}", answer.Error.Detail),
                    IsTransient = other.IsTransient,
                }),
                _ => (null, answer),
            };
        }
        catch (ApiException error)
        {
            LogNoToken(logger, call.Request.Kind, call.Id, error.Message);
            return (null, answer);
        }
    }

    private static async Task<PieceAnswer> AskAsync(ProcessPool<EngineProcess>.Rented rented, PieceRequest request, CancellationToken stopping)
    {
        rented.Spoil(); // until it has answered
        rented.MarkUsed();
        var engine = rented.Process;
        engine.Serve(request.CallId);
        using var late = new CancellationTokenSource(TimeSpan.FromMilliseconds(request.TimeoutMs) + s_room);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stopping, late.Token);
        await using var kill = either.Token.Register(engine.Kill);
        try
        {
            await engine.Writer.WriteAsync(FrameType.PieceRequest, request, EngineJson.Default.PieceRequest, either.Token);
            if (await engine.Reader.ReadAsync(either.Token) is { Type: FrameType.PieceAnswer } frame
                && frame.Read(EngineJson.Default.PieceAnswer) is { } answer && answer.CallId == request.CallId)
            {
                rented.Restore();
                return answer;
            }
            return Broken("the engine ended, or answered with something else.");
        }
        catch (OperationCanceledException) when (!stopping.IsCancellationRequested)
        {
            return Broken($"the engine did not answer within {request.TimeoutMs / 1000d:0.#} s and was ended.");
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            stopping.ThrowIfCancellationRequested();
            return Broken("the engine broke off.");
        }

        PieceAnswer Broken(string how) => new(request.CallId, new StepError("engine_crashed", $"{request.Piece}.{request.Part}: {how}"), IsTransient: true);
    }

    // What is not taken in a few tries is done again after the lease.
    private async Task SendAsync(PieceClaim call, PieceAnswer answer, CancellationToken stopping)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                await api.AnswerPieceCallAsync(new PieceReport(identity.Id, call.Id, call.Attempt, call.Request.Kind, answer), stopping);
                return;
            }
            catch (ApiException error)
            {
                if (failures >= Tries || error.Status == System.Net.HttpStatusCode.Conflict)
                {
                    LogDropped(logger, call.Request.Kind, call.Id, error.Message);
                    return;
                }
                if (error.IsRefusal)
                    answer = new PieceAnswer(answer.CallId, new StepError("report_refused", "What the piece gave was refused by the API; it may be too large."));
                else
                    await Task.Delay(BackOff.After(failures), clock, stopping);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "No calls of pieces can be had, and it is tried again: {Reason}")]
    private static partial void LogNoCalls(ILogger logger, string reason);

    [LoggerMessage(LogLevel.Warning, "There is no other token for {Kind} {Id}: {Reason}")]
    private static partial void LogNoToken(ILogger logger, PieceCallKind kind, Guid id, string reason);

    [LoggerMessage(LogLevel.Warning, "The answer of {Kind} {Id} was dropped: {Reason}")]
    private static partial void LogDropped(ILogger logger, PieceCallKind kind, Guid id, string reason);
}
