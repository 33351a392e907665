using System.Text.Json;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;

namespace Flows.Worker.Sandbox;

/// <summary>A Node.js process that runs one piece of code at a time, for one project, with no secret in it.</summary>
internal sealed class CodeRunner : IPooledProcess
{
    private readonly ChildProcess _child;

    private readonly int _memoryMiB;
    private readonly bool _isBoxed;

    private CodeRunner(ChildProcess child, int memoryMiB, bool isBoxed) => (_child, _memoryMiB, _isBoxed) = (child, memoryMiB, isBoxed);

    public bool IsAlive => _child.IsAlive;
    public Task Exited => _child.Exited;
    public long Bytes => _child.LastBytes;
    public void Measure() => _child.LastBytes = ProcessTree.Measure(_child.Id).Bytes;

    /// <param name="launcher">What stands before the program: it takes the network away; or nothing.</param>
    /// <exception cref="ChildStartException">It cannot be started, is too slow, or speaks another protocol.</exception>
    public static async Task<CodeRunner> StartAsync(
        ProcessStarter starter, EngineFiles files, IReadOnlyList<string> launcher, ExecutionOptions options, ILogger logger)
    {
        if (!File.Exists(files.CodeRunner))
            throw new ChildStartException($"The code runner is not at '{files.CodeRunner}'.");

        string[] program = [options.Node, $"--max-old-space-size={options.MemoryMiB}", "--experimental-vm-modules", "--no-warnings", files.CodeRunner];
        var command = options.IsCodeBoxed
            ? LaunchCommand.Boxed(program, options.MemoryMiB, new BoxView([files.Folder, .. NodeProgram.FoldersOf(options.Node)]))
            : LaunchCommand.For([.. launcher, .. program], options.MemoryMiB);
        // Its standard error may hold what the builder's code prints past the console: not for the worker's log.
        var child = await ChildProcess.StartAsync(starter, command with { Limits = options.GroupLimits(options.IsCodeBoxed) }, logger, LogLevel.Trace);
        var ready = await Greeting.ReadAsync(child, FrameType.CodeReady, EngineJson.Default.CodeRunnerReady, "The code runner", options.StartTimeout);
        if (ready.Protocol == EngineReady.CurrentProtocol)
            return new CodeRunner(child, options.MemoryMiB, options.IsCodeBoxed);

        await child.DisposeAsync();
        throw new ChildStartException($"The code runner speaks protocol {ready.Protocol}; this worker speaks {EngineReady.CurrentProtocol}.");
    }

    /// <summary>Runs one call, watched. The second value is true when the process may serve another.</summary>
    /// <exception cref="OperationCanceledException">The run has ended; the process is killed.</exception>
    public async Task<(CodeCompleted Answer, bool IsClean)> RunAsync(CodeRequested request, ResourceWatch watch, CancellationToken cancel)
    {
        using var use = watch.Watch(_child);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        if (request.TimeoutMs > 0)
            late.CancelAfter(request.TimeoutMs);
        await using var kill = late.Token.Register(_child.Kill);
        string? broken = null;
        try
        {
            await _child.Writer.WriteAsync(
                FrameType.RunCode, new RunCode(request.StepName, request.Source, request.Input), EngineJson.Default.RunCode, late.Token);
            if (await _child.Reader.ReadAsync(late.Token) is not { } frame)
                broken = "ended in the middle of the code";
            else if (frame.Type != FrameType.CodeResult)
                broken = $"answered with a {frame.Type} frame";
            else
            {
                var result = frame.Read(EngineJson.Default.CodeResult);
                // Whatever it has taken of the process it may still hold: no other call can rely on that.
                if (result.Error is { } refused && _isBoxed && Box.LimitBehind(refused.Code) is { } limit)
                    return (new CodeCompleted(request.CallId, null, refused with { Message = $"The code of step '{request.StepName}' {limit}. {refused.Message}" }, result.Logs), false);
                return (new CodeCompleted(request.CallId, result.Error is null ? result.Output ?? RawJson.Null : null, result.Error, result.Logs), true);
            }
        }
        catch (OperationCanceledException)
        {
            // Which of the two it was is asked below, because a killed process may also show as the end of its stream.
        }
        catch (Exception error) when (error is IOException or JsonException)
        {
            broken = $"sent something unreadable ({error.Message})";
        }

        cancel.ThrowIfCancellationRequested();
        if (late.IsCancellationRequested)
            return (CodeRunners.Failed(request, "timeout", $"The code of step '{request.StepName}' was stopped after {request.TimeoutMs} ms."), false);

        _child.Kill();
        var exit = await _child.GetExitAsync();
        var answer = use.Excess is { } excess
            ? CodeRunners.Failed(request, excess.Code, $"The code of step '{request.StepName}' used more than it may. {excess.Message}.")
            : exit.IsOutOfMemory
            ? CodeRunners.Failed(request, "memory_limit", $"The code of step '{request.StepName}' needed more memory than the {_memoryMiB} MiB of heap that it may use{use.PeakInWords}.")
            : exit.WroteTooMuch
            ? CodeRunners.Failed(request, "file_limit", $"The code of step '{request.StepName}' wrote a file of more than {Box.FileBytes >> 20} MiB.")
            : CodeRunners.Failed(request, "code_crashed", $"The process of the code of step '{request.StepName}' {broken} (exit code {exit.Code}).");
        return (answer, false);
    }

    public async ValueTask DisposeAsync() => await _child.DisposeAsync();
}
