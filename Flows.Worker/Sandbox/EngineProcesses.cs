using Flows.Worker.Egress;
using Flows.Worker.Runs;
using Microsoft.Extensions.Options;

namespace Flows.Worker.Sandbox;

/// <summary>The worker's engines: as many as it may run at a time, some of them started before the first run arrives.</summary>
internal sealed class EngineProcesses : IAsyncDisposable
{
    private readonly ProcessPool<EngineProcess> _pool;

    public EngineProcesses(
        ProcessStarter starter, EngineFiles files, EgressBroker egress, IOptions<WorkerOptions> worker, IOptions<ExecutionOptions> execution,
        WorkerMetrics metrics, TimeProvider clock, ILogger<EngineProcesses> logger)
    {
        var capacity = worker.Value.Concurrency;
        // When nothing is reused every run takes one away: then all of them are kept ready.
        var warm = execution.Value.Reuse ? Math.Min(capacity, 2) : capacity;
        _pool = new ProcessPool<EngineProcess>(
            capacity, warm, execution.Value,
            async () => await EngineProcess.StartAsync(starter, files, await egress.OpenAsync(), execution.Value, logger), "engine", metrics, clock, logger);
    }

    /// <summary>Processes alive, busy and idle.</summary>
    public int Count => _pool.Count;

    /// <summary>An engine that has never seen another project's data. Waits while as many runs as allowed are under way.</summary>
    /// <exception cref="ChildStartException">No engine can be started here.</exception>
    public Task<ProcessPool<EngineProcess>.Rented> RentAsync(Guid project, CancellationToken cancel) => _pool.RentAsync(project, cancel);

    public void Tidy() => _pool.Tidy();

    public ValueTask DisposeAsync() => _pool.DisposeAsync();
}

/// <summary>The engines for calls of pieces outside of runs: so that a slow service holds no run up, and a busy worker no poll. None is started before the first call.</summary>
internal sealed class PieceEngines : IAsyncDisposable
{
    private readonly ProcessPool<EngineProcess> _pool;

    public PieceEngines(
        ProcessStarter starter, EngineFiles files, EgressBroker egress, IOptions<WorkerOptions> worker, IOptions<ExecutionOptions> execution,
        WorkerMetrics metrics, TimeProvider clock, ILogger<PieceEngines> logger) =>
        _pool = new ProcessPool<EngineProcess>(
            Math.Max(1, worker.Value.PieceCalls), warm: 0, execution.Value,
            async () => await EngineProcess.StartAsync(starter, files, await egress.OpenAsync(), execution.Value, logger), "piece", metrics, clock, logger);

    /// <summary>Processes alive, busy and idle.</summary>
    public int Count => _pool.Count;

    /// <summary>An engine that has never seen another project's data.</summary>
    /// <exception cref="ChildStartException">No engine can be started here.</exception>
    public Task<ProcessPool<EngineProcess>.Rented> RentAsync(Guid project, CancellationToken cancel) => _pool.RentAsync(project, cancel);

    public void Tidy() => _pool.Tidy();

    public ValueTask DisposeAsync() => _pool.DisposeAsync();
}
