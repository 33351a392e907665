using Flows.Queue;
using Npgsql;

namespace Flows.Api.Runs;

internal sealed partial class RunStore
{
    /// <summary>Writes new runs as Queued in a transaction of the caller's: they are there when it commits.</summary>
    /// <returns>The jobs to ring for after the commit.</returns>
    public async Task<List<RunJob>> AcceptWithinAsync(NpgsqlConnection connection, IReadOnlyList<NewRun> runs, CancellationToken cancel)
    {
        runs = [.. runs.Select(Pack)];
        await ExecuteAsync(connection, new Statement(RunSql.Durable, [], static _ => { }), cancel);
        await ExecuteAsync(connection, new Statement(InsertRuns, ColumnsOf(runs), static _ => { }), cancel);
        var large = runs.SelectMany(run => run.Large).ToList();
        if (large.Count > 0)
            await ExecuteAsync(connection, Keep(large), cancel);
        var traced = runs.Where(run => run.TraceParent is not null).ToList();
        if (traced.Count > 0)
            await ExecuteAsync(connection, Trace(traced), cancel);
        return [.. runs.Select(run => new RunJob(run.RunId, run.ProjectId, run.Priority) { FlowId = run.FlowId })];
    }
}
