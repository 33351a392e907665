using Flows.Contracts.EngineProtocol;
using Flows.Contracts.Runs;
using Flows.Worker.Egress;
using Flows.Worker.Runs;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>The builders' own code, each call in a Node.js process that belongs to one project. Started with the first code step.</summary>
internal sealed class CodeRunners : IAsyncDisposable
{
    private readonly ProcessPool<CodeRunner> _pool;
    private readonly NodeProgram _node;
    private readonly ResourceWatch _watch;

    public CodeRunners(
        ProcessStarter starter, EngineFiles files, NodeProgram node, EgressBroker egress, ResourceWatch watch, IOptions<WorkerOptions> worker, IOptions<ExecutionOptions> execution,
        WorkerMetrics metrics, TimeProvider clock, ILogger<CodeRunners> logger)
    {
        (_node, _watch) = (node, watch);
        _pool = new ProcessPool<CodeRunner>(
            worker.Value.Concurrency, warm: 0, execution.Value,
            async () => await CodeRunner.StartAsync(starter, files, await egress.FindLauncherAsync(), execution.Value, logger), "code", metrics, clock, logger);
    }

    public void Tidy() => _pool.Tidy();

    /// <summary>Runs the code of one step. Whatever becomes of it is data in the answer; only the caller's own cancellation is thrown.</summary>
    public async Task<CodeCompleted> RunAsync(Guid project, CodeRequested request, CancellationToken cancel)
    {
        if (request.Language != "javascript")
            return Failed(request, "code_unavailable", $"Code in '{request.Language}' cannot be run by this worker; it runs javascript.");
        if (await _node.FindProblemAsync() is { } problem)
            return Failed(request, "code_unavailable", problem);

        ProcessPool<CodeRunner>.Rented rented;
        try
        {
            rented = await _pool.RentAsync(project, cancel);
        }
        catch (ChildStartException error)
        {
            return Failed(request, "code_unavailable", error.Message);
        }

        using (rented)
        {
            // Spoilt until it has answered: a call that was cut off leaves the process in the middle of somebody's code.
            rented.Spoil();
            rented.MarkUsed();
            var (answer, isClean) = await rented.Process.RunAsync(request, _watch, cancel);
            if (isClean)
                rented.Restore();
            return answer;
        }
    }

    public ValueTask DisposeAsync() => _pool.DisposeAsync();

    internal static CodeCompleted Failed(CodeRequested request, string code, string message) =>
        new(request.CallId, Output: null, new StepError(code, message), Logs: null);
}
