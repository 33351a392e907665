using System.Diagnostics;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>Where the trace of a run begins: at the request that started it.</summary>
internal static class RunTraces
{
    /// <summary>The source of this process's own spans; both stacks listen to its name.</summary>
    public static ActivitySource Source { get; } = new("Flows.Api");

    /// <summary>True when somebody collects spans.</summary>
    public static bool IsOn => Source.HasListeners();

    /// <summary>The present span as a traceparent; null when it is not recorded, and then the run is not traced.</summary>
    public static string? Parent => Activity.Current is { Recorded: true, IdFormat: ActivityIdFormat.W3C } activity ? activity.Id : null;
}

internal sealed partial class RunStore
{
    // As with tags: a run that the statement before has not written has no trace.
    private const string InsertTraces = """
        INSERT INTO run_traces (run_id, trace_parent)
        SELECT t.run_id, t.trace_parent FROM unnest($1::uuid[], $2::text[]) AS t(run_id, trace_parent)
        WHERE EXISTS (SELECT FROM runs r WHERE r.id = t.run_id)
        ON CONFLICT (run_id) DO NOTHING
        RETURNING 1
        """;

    private static Statement Trace(IReadOnlyList<NewRun> runs) => new(InsertTraces,
    [
        RunSql.Array(Each(runs, run => run.RunId), NpgsqlDbType.Uuid),
        RunSql.Array(Each(runs, run => run.TraceParent!), NpgsqlDbType.Text),
    ], static _ => { });

    /// <summary>The beginnings of those traces that there are.</summary>
    public async Task<Dictionary<Guid, string>> TracesAsync(IReadOnlyCollection<Guid> runs, CancellationToken cancel)
    {
        var traces = new Dictionary<Guid, string>();
        await using var command = db.CreateCommand("SELECT t.run_id, t.trace_parent FROM unnest($1) AS r(id) CROSS JOIN LATERAL (SELECT * FROM run_traces WHERE run_id = r.id) t");
        command.CommandTimeout = CommandTimeout;
        command.Parameters.Add(RunSql.Array(runs.ToArray(), NpgsqlDbType.Uuid));
        await using var row = await command.ExecuteReaderAsync(cancel);
        while (await row.ReadAsync(cancel))
            traces[row.GetGuid(0)] = row.GetString(1);
        return traces;
    }
}
