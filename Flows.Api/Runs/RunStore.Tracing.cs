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

    /// <summary>
    /// Begins the trace of a run that no request starts. Null when nobody collects spans, or the budget of traces is used up; else to be ended when the run is
    /// accepted.
    /// </summary>
    /// <param name="name">What starts the run: <c>schedule</c> or <c>poll</c>.</param>
    /// <param name="due">When it was to start, or when the service was asked.</param>
    public static Activity? Begin(string name, Guid runId, Guid flowId, Guid projectId, DateTimeOffset due)
    {
        if (!Source.HasListeners())
            return null;
        // A trace of its own, whatever is under way in this process.
        var around = Activity.Current;
        Activity.Current = null;
        var activity = Source.StartActivity(name, ActivityKind.Internal, default(ActivityContext), startTime: due,
            tags: [new("flows.run.id", runId.ToString()), new("flows.flow.id", flowId.ToString()), new("flows.project.id", projectId.ToString())]);
        Activity.Current = around;
        return activity;
    }

    /// <summary>Says that the present request belongs with another run, whose trace begins there.</summary>
    public static void Link(string? traceParent)
    {
        if (ActivityContext.TryParse(traceParent, null, isRemote: true, out var other))
            Activity.Current?.AddLink(new ActivityLink(other, new() { ["flows.link"] = "retried" }));
    }

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

    private static Statement Trace(Guid runId, string parent) => new(InsertTraces,
        [RunSql.Array([runId], NpgsqlDbType.Uuid), RunSql.Array([parent], NpgsqlDbType.Text)], static _ => { });

    // Whoever is called goes on with the caller's trace, however many levels deep; a caller without one has none to hand on.
    private const string InheritTraces = """
        INSERT INTO run_traces (run_id, trace_parent)
        SELECT r.id, t.trace_parent FROM unnest($1::uuid[]) AS c(id) JOIN runs r ON r.id = c.id CROSS JOIN LATERAL (SELECT * FROM run_traces t WHERE t.run_id = r.parent_run_id) t
        ON CONFLICT (run_id) DO NOTHING
        RETURNING 1
        """;

    /// <summary>Comes after the statement that makes the runs, or does not.</summary>
    private static Statement InheritTrace(Guid[] called) => new(InheritTraces, [RunSql.Array(called, NpgsqlDbType.Uuid)], static _ => { });

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
