// A worker owns the processes of the runs it serves. By hand there is no worker, so this one file starts Node itself.
#pragma warning disable RS0030
using System.ComponentModel;
using System.Diagnostics;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Flows.Engine.Steps;

namespace Flows.Engine.CommandLine;

/// <summary>The code runner as a child process, for runs by hand.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    /// <summary>As a worker allows unless it is told otherwise.</summary>
    private const int HeapMiB = 512;
    /// <summary>How V8 ends (SIGABRT) when its heap is full.</summary>
    private const int OutOfMemory = 134;
    private static readonly TimeSpan s_timeToEnd = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_timeToStart = TimeSpan.FromSeconds(20);

    private readonly Process _process;
    private readonly FrameReader _reader;
    private readonly FrameWriter _writer;

    private NodeProcess(Process process)
    {
        _process = process;
        _reader = new FrameReader(process.StandardOutput.BaseStream);
        _writer = new FrameWriter(process.StandardInput.BaseStream);
    }

    /// <exception cref="StepException">Node is not there, or does not speak the protocol.</exception>
    public static async Task<NodeProcess> StartAsync(CancellationToken cancel)
    {
        var node = Environment.GetEnvironmentVariable("FLOWS_NODE") is { Length: > 0 } given ? given : "node";
        var path = Environment.GetEnvironmentVariable("PATH");
        var start = new ProcessStartInfo(node) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.ArgumentList.Add($"--max-old-space-size={HeapMiB}");
        start.ArgumentList.Add("--experimental-vm-modules");
        start.ArgumentList.Add("--no-warnings");
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "code-runner.mjs"));
        // Code sees none of what this process was given.
        start.Environment.Clear();
        start.Environment["PATH"] = path;

        NodeProcess? child = null;
        try
        {
            child = new NodeProcess(Process.Start(start)!);
            var ready = await child._reader.ReadAsync(cancel).AsTask().WaitAsync(s_timeToStart, cancel);
            return ready is { Type: FrameType.CodeReady } ? child : throw new FrameException("It ended before it was ready.");
        }
        catch (Win32Exception)
        {
            throw new StepException(StepErrorCodes.CodeError, $"code steps need Node.js 20 or later, and '{node}' cannot be started; FLOWS_NODE may hold its path.");
        }
        catch (OperationCanceledException) when (child is not null)
        {
            await child.DisposeAsync();
            throw;
        }
        catch (Exception error) when (error is FrameException or TimeoutException)
        {
            if (child is not null)
                await child.DisposeAsync();
            throw new StepException(StepErrorCodes.CodeError, $"code steps need Node.js 20 or later, and '{node}' did not start as one: {error.Message}");
        }
    }

    /// <returns>The result, and whether the process can take another call.</returns>
    public async Task<(CodeResult Result, bool IsAlive)> RunAsync(CodeRequested request, CancellationToken cancel)
    {
        await _writer.WriteAsync(FrameType.RunCode, new RunCode(request.StepName, request.Source, request.Input), EngineJson.Default.RunCode, cancel);
        try
        {
            var frame = await _reader.ReadAsync(cancel).AsTask().WaitAsync(TimeSpan.FromMilliseconds(request.TimeoutMs), cancel);
            return frame is { Type: FrameType.CodeResult } result
                ? (result.Read(EngineJson.Default.CodeResult), true)
                : (await EndedAsync(), false);
        }
        catch (TimeoutException)
        {
            return (Error(StepErrorCodes.Timeout, $"the code took longer than {TimeSpan.FromMilliseconds(request.TimeoutMs):c} and was ended."), false);
        }
        catch (FrameException error)
        {
            return (Error(StepErrorCodes.CodeError, $"the process that ran the code broke off: {error.Message}"), false);
        }
    }

    private async Task<CodeResult> EndedAsync()
    {
        using var late = new CancellationTokenSource(s_timeToEnd);
        try
        {
            await _process.WaitForExitAsync(late.Token);
            if (_process.ExitCode == OutOfMemory)
                return Error("memory_limit", $"the code needed more memory than the {HeapMiB} MiB of heap that it may use.");
        }
        catch (OperationCanceledException)
        {
            // It has closed its output and lives on: killed when this is disposed of.
        }
        return Error(StepErrorCodes.CodeError, "the process that ran the code ended before it answered.");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _writer.Dispose();
        _process.Dispose();
    }

    private static CodeResult Error(string code, string message) => new(null, new StepError(code, message), null);
}
