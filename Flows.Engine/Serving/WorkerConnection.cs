using System.Collections.Concurrent;
using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Pieces;
using Flows.Engine.Steps;

namespace Flows.Engine.Serving;

/// <summary>
/// The engine's end of the pipe: takes runs from a worker one at a time and reports to it. Reading goes on while a run
/// walks: durability, the results of code, and the end of the pipe arrive in between.
/// </summary>
internal sealed class WorkerConnection(
    Stream input, Stream output, RunWalk walk, PieceCalls pieces, string version, OwnFolders folders, IdleMemory memory) : IRunHost, IDisposable
{
    private readonly FrameReader _reader = new(input);
    private readonly FrameWriter _writer = new(output);
    private readonly ConcurrentDictionary<long, TaskCompletionSource<CodeCompleted>> _code = new();
    private readonly ConcurrentDictionary<long, TaskCompletionSource<HostCompleted>> _calls = new();
    // A worker ends an engine that asks without end; a loop with many lanes waits here instead.
    private readonly SemaphoreSlim _codeRoom = new(PendingCalls.MostOfAKind), _callRoom = new(PendingCalls.MostOfAKind);
    private readonly Lock _lock = new();
    private readonly List<(long Sequence, TaskCompletionSource Arrived)> _barriers = [];
    private readonly TaskCompletionSource<int> _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _durable;
    private Guid _runId;
    private volatile bool _isDraining;
    private Task _run = Task.CompletedTask;

    /// <summary>Serves until the worker closes the pipe.</summary>
    /// <returns>The exit code: 0 when the pipe was closed, 2 when something else than the protocol arrived.</returns>
    public async Task<int> ServeAsync(CancellationToken cancel)
    {
        await _writer.WriteAsync(FrameType.Ready, new EngineReady(EngineReady.CurrentProtocol, version), EngineJson.Default.EngineReady, cancel);
        memory.Rest();
        // A fault in the engine itself, not in a flow, ends the process: the worker sees it and the run goes on elsewhere.
        return await await Task.WhenAny(ReadAsync(cancel), _broken.Task);
    }

    public ValueTask JournalAsync(JournalLines lines) => _writer.WriteAsync(FrameType.Journal, lines, EngineJson.Default.JournalLines, default);

    public Task DurableAsync(long sequence, CancellationToken cancel)
    {
        lock (_lock)
        {
            if (_durable >= sequence)
                return Task.CompletedTask;
            var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _barriers.Add((sequence, arrived));
            return arrived.Task.WaitAsync(cancel);
        }
    }

    public ValueTask RespondAsync(RunResponse response) => _writer.WriteAsync(FrameType.Respond, response, EngineJson.Default.RunResponse, default);

    public async Task<CodeCompleted> RunCodeAsync(CodeRequested request, CancellationToken cancel)
    {
        await _codeRoom.WaitAsync(cancel);
        var answer = new TaskCompletionSource<CodeCompleted>(TaskCreationOptions.RunContinuationsAsynchronously);
        _code[request.CallId] = answer;
        try
        {
            await _writer.WriteAsync(FrameType.CodeRequested, request, EngineJson.Default.CodeRequested, cancel);
            return await answer.Task.WaitAsync(cancel);
        }
        finally
        {
            _code.TryRemove(request.CallId, out _);
            _codeRoom.Release();
        }
    }

    public bool IsDraining => _isDraining;

    public async Task<HostCompleted> CallAsync(HostRequested request, CancellationToken cancel)
    {
        await _callRoom.WaitAsync(cancel);
        var answer = new TaskCompletionSource<HostCompleted>(TaskCreationOptions.RunContinuationsAsynchronously);
        _calls[request.CallId] = answer;
        try
        {
            await _writer.WriteAsync(FrameType.HostRequested, request, EngineJson.Default.HostRequested, cancel);
            return await answer.Task.WaitAsync(cancel);
        }
        finally
        {
            _calls.TryRemove(request.CallId, out _);
            _callRoom.Release();
        }
    }

    public void Dispose()
    {
        _writer.Dispose();
        _codeRoom.Dispose();
        _callRoom.Dispose();
    }

    private async Task<int> ReadAsync(CancellationToken cancel)
    {
        try
        {
            while (await _reader.ReadAsync(cancel) is { } frame)
                await TakeAsync(frame, cancel);
            // A run that is under way is left where it is: the worker is gone, and its journal tells what was done.
            return 0;
        }
        catch (Exception error) when (error is FrameException or JsonException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"The engine ends: {error.Message}");
            return 2;
        }
    }

    private async ValueTask TakeAsync(Frame frame, CancellationToken cancel)
    {
        switch (frame.Type)
        {
            case FrameType.Start:
                var start = frame.Read(EngineJson.Default.StartRun);
                if (start is { Journal: null } or { Connections: null } or { Variables: null } or { Limits: null } or { FlowName: null })
                    throw new JsonException("The Start frame lacks a field.");
                // The worker may send the next run while the last one's Finished is still leaving our own method.
                if (!_run.IsCompleted)
                    await _run.WaitAsync(TimeSpan.FromSeconds(1), cancel);
                memory.Work();
                folders.Empty();
                _durable = 0;
                (_runId, _isDraining) = (start.RunId, false);
                _run = Task.Run(() => RunAsync(start, cancel), cancel);
                _ = _run.ContinueWith(
                    run => _broken.TrySetException(run.Exception!.InnerExceptions), cancel, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
                break;
            case FrameType.PieceRequest:
                var call = frame.Read(EngineJson.Default.PieceRequest);
                if (call is { Piece: null } or { Part: null })
                    throw new JsonException("The PieceRequest frame lacks a field.");
                if (!_run.IsCompleted)
                    await _run.WaitAsync(TimeSpan.FromSeconds(1), cancel);
                memory.Work();
                _run = Task.Run(() => AnswerAsync(call, cancel), cancel);
                _ = _run.ContinueWith(
                    done => _broken.TrySetException(done.Exception!.InnerExceptions), cancel, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
                break;
            case FrameType.Durable:
                MarkDurable(frame.Read(EngineJson.Default.JournalDurable).Sequence);
                break;
            case FrameType.Drain:
                _isDraining |= frame.Read(EngineJson.Default.DrainRun).RunId == _runId;
                break;
            case FrameType.CodeCompleted:
                var completed = frame.Read(EngineJson.Default.CodeCompleted);
                // An answer nobody waits for is one whose step has timed out here.
                if (_code.TryRemove(completed.CallId, out var waiting))
                    waiting.TrySetResult(completed);
                break;
            case FrameType.HostCompleted:
                var done = frame.Read(EngineJson.Default.HostCompleted);
                if (_calls.TryRemove(done.CallId, out var caller))
                    caller.TrySetResult(done);
                break;
            default:
                throw new FrameException($"A {frame.Type} frame arrived, which no worker sends.");
        }
    }

    private async Task RunAsync(StartRun start, CancellationToken cancel)
    {
        RunOutcome outcome;
        try
        {
            outcome = await walk.WalkAsync(start, this, cancel);
        }
        catch (JournalException error)
        {
            // Nothing can be told to the worker any more; the reading side meets the same end.
            await Console.Error.WriteLineAsync($"run {start.RunId}: {error.Message}");
            return;
        }
        // Before the word that ends it: the next run may begin while that is still leaving.
        memory.Rest();
        await _writer.WriteAsync(FrameType.Finished, new RunFinished(start.RunId, outcome), EngineJson.Default.RunFinished, cancel);
    }

    private async Task AnswerAsync(PieceRequest call, CancellationToken cancel)
    {
        await _writer.WriteAsync(FrameType.PieceAnswer, await pieces.AnswerAsync(call, cancel), EngineJson.Default.PieceAnswer, cancel);
        memory.Rest();
    }

    private void MarkDurable(long sequence)
    {
        lock (_lock)
        {
            _durable = Math.Max(_durable, sequence);
            for (var i = _barriers.Count - 1; i >= 0; i--)
            {
                if (_barriers[i].Sequence > sequence)
                    continue;
                _barriers[i].Arrived.TrySetResult();
                _barriers.RemoveAt(i);
            }
        }
    }
}
