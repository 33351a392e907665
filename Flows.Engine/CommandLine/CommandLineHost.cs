using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Engine.Steps;

namespace Flows.Engine.CommandLine;

/// <summary>Prints the steps of a run as they end. Nothing is durable here, so nothing waits.</summary>
/// <param name="files">Where the files of the run go.</param>
internal sealed class CommandLineHost(TextWriter output, LocalCalls files) : IRunHost, IAsyncDisposable
{
    private readonly Dictionary<string, StepRecord> _steps = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _codeTurn = new(1, 1);
    private NodeProcess? _node;

    /// <summary>The newest line of each step, in the order they started.</summary>
    public IReadOnlyList<StepRecord> Steps => [.. _steps.Values.OrderBy(step => step.StartedAt)];

    /// <summary>What a respond step has answered.</summary>
    public RunResponse? Response { get; private set; }

    public async ValueTask JournalAsync(JournalLines lines)
    {
        foreach (var line in lines.Steps)
        {
            _steps[line.Path] = line;
            if (line.IsFinished)
                await output.WriteLineAsync(RunText.Of(line));
        }
    }

    public Task DurableAsync(long sequence, CancellationToken cancel) => Task.CompletedTask;

    public ValueTask RespondAsync(RunResponse response)
    {
        Response = response;
        return default;
    }

    public async Task<CodeCompleted> RunCodeAsync(CodeRequested request, CancellationToken cancel)
    {
        await _codeTurn.WaitAsync(cancel);
        try
        {
            _node ??= await NodeProcess.StartAsync(cancel);
            var (result, isAlive) = await _node.RunAsync(request, cancel);
            if (!isAlive)
            {
                await _node.DisposeAsync();
                _node = null;
            }
            return new CodeCompleted(request.CallId, result.Output, result.Error, result.Logs);
        }
        catch (OperationCanceledException) when (_node is { } busy)
        {
            // It still runs the code that nobody waits for, and would answer the next call with that.
            await busy.DisposeAsync();
            _node = null;
            throw;
        }
        finally
        {
            _codeTurn.Release();
        }
    }

    public Task<HostCompleted> CallAsync(HostRequested request, CancellationToken cancel) => files.CallAsync(request, cancel);

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
        _codeTurn.Dispose();
    }
}
