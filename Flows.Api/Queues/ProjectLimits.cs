using System.ComponentModel.DataAnnotations;
using Flows.Api.Migrations;
using Flows.Api.Projects;
using Flows.Api.Runs;
using Flows.Queue.Redis;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Api.Queues;

/// <summary>What holds for every project. Bound from <c>Flows:Projects</c>.</summary>
public sealed class ProjectOptions
{
    public const string Section = "Flows:Projects";
    public const int MostConcurrentRuns = 100_000;

    /// <summary>Runs of one project that may be in work at a time, where the project has no limit of its own. 0, the default: no limit.</summary>
    [Range(0, MostConcurrentRuns)]
    public int ConcurrentRuns { get; set; }
}

/// <summary>
/// Tells the queue which projects are paused or limited, and which flows are paused. Postgres holds it; the queue is told at every change here, and again every ten
/// seconds, which heals a Redis that has forgotten and carries what another replica or a person at the database has changed.
/// </summary>
internal sealed class ProjectLimits(
    NpgsqlDataSource source, IServiceProvider services, IOptions<ProjectOptions> options, IOptions<ProjectCeilings> ceilings, SchemaState schema, TimeProvider clock,
    ILogger<ProjectLimits> log)
    : Housekeeper(TimeSpan.FromSeconds(10), schema, clock, log)
{
    private const int Most = 10_000;

    /// <summary>The most runs at a time that a project may set for itself; 0 is no ceiling.</summary>
    public int Ceiling => ceilings.Value.ConcurrentRuns ?? options.Value.ConcurrentRuns;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        await TellAsync(cancel);
        return false;
    }

    /// <summary>Pauses or resumes a project. Runs in work go on; what waits is kept.</summary>
    /// <exception cref="Flows.Queue.QueueUnavailableException">It is written down, and the queue will be told when it is back.</exception>
    public async Task SetPausedAsync(Guid projectId, bool paused, CancellationToken cancel)
    {
        await using (var command = source.CreateCommand("UPDATE projects SET queue_paused = $2 WHERE id = $1"))
        {
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = projectId });
            command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = paused });
            await command.ExecuteNonQueryAsync(cancel);
        }
        await TellAsync(cancel);
    }

    /// <summary>Pauses or resumes a flow: its runs that have not begun wait, and are kept.</summary>
    /// <returns>False: the project has no such flow.</returns>
    /// <exception cref="Flows.Queue.QueueUnavailableException">It is written down, and the queue will be told when it is back.</exception>
    public async Task<bool> SetFlowPausedAsync(Guid projectId, Guid flowId, bool paused, CancellationToken cancel)
    {
        await using (var command = source.CreateCommand("UPDATE flows SET queue_paused = $3 WHERE id = $2 AND project_id = $1 AND deleted_at IS NULL"))
        {
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = projectId });
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = flowId });
            command.Parameters.Add(new NpgsqlParameter<bool> { TypedValue = paused });
            if (await command.ExecuteNonQueryAsync(cancel) == 0)
                return false;
        }
        await TellAsync(cancel);
        return true;
    }

    /// <summary>Tells the queue what Postgres holds now.</summary>
    /// <exception cref="Flows.Queue.QueueUnavailableException">It will be told when it is back.</exception>
    public async Task TellAsync(CancellationToken cancel)
    {
        if (services.GetService<RedisQueueDesk>() is not { } desk)
            return; // Hangfire knows no projects

        var limits = new Dictionary<Guid, int>();
        await using (var command = source.CreateCommand("""
            SELECT id, CASE WHEN queue_paused THEN 0 ELSE concurrent_runs END FROM projects
            WHERE queue_paused OR concurrent_runs > 0 ORDER BY queue_paused DESC, id LIMIT $1
            """))
        {
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Most });
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
                limits.Add(rows.GetGuid(0), Ceiling is > 0 and var most ? Math.Min(rows.GetInt32(1), most) : rows.GetInt32(1));
        }
        var flows = new List<Guid>();
        await using (var command = source.CreateCommand("SELECT id FROM flows WHERE queue_paused AND deleted_at IS NULL ORDER BY id LIMIT $1"))
        {
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Most });
            await using var rows = await command.ExecuteReaderAsync(cancel);
            while (await rows.ReadAsync(cancel))
                flows.Add(rows.GetGuid(0));
        }
        await desk.LimitAsync(limits, options.Value.ConcurrentRuns is > 0 and var forOthers ? forOthers : null, flows, cancel);
    }
}
