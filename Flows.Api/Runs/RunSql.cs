using Flows.Contracts.Runs;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>What the statements of the run store share; above all the one UPDATE that changes a run's status.</summary>
internal static class RunSql
{
    /// <summary>Every legal (from, to) as SQL, made from <see cref="RunTransitions"/>.</summary>
    public static readonly string LegalMoves = string.Join(", ",
        from to in Enum.GetValues<RunStatus>()
        from source in RunTransitions.Into(to)
        select $"({(int)source},{(int)to})");

    /// <summary>
    /// Goes before a statement in the same transaction. Plans are made once and kept, and the planner must not be misled by a day's partition
    /// that was still empty when it looked: every statement here finds its few rows one by one through an index, whatever the sizes.
    /// </summary>
    public const string Durable = "SELECT " + Plan;

    private const string Plan = "set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true), "
        + "set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)";

    /// <summary>
    /// As <see cref="Durable"/>, and the commit does not wait for the disk. Only for what may be lost when Postgres itself
    /// crashes. The log is written in order: whatever a later, waiting commit relies on is on disk before it.
    /// </summary>
    public const string Behind = "SELECT set_config('synchronous_commit', 'off', true), " + Plan;

    /// <summary>
    /// The only UPDATE of a status. It takes its moves from a CTE <c>moves</c> with the columns of <see cref="MoveColumns"/>, and $1 is now.
    /// A row moves when its attempt is the one that the mover knows and the move is legal; otherwise nothing happens to it.
    /// A run that leaves a final status is retried: its active time and output begin anew, and its caller has had an answer.
    /// The CTE must have locked its rows in the order of their ids, so that two statements can never wait for each other.
    /// <c>r.status + 0</c>, because from the pairs Postgres would gather the statuses and go through the indexes on runs of one status:
    /// every run that waits, for each few that move.
    /// </summary>
    public static readonly string Move = MoveRows("");

    /// <summary><see cref="Move"/> of rows whose ids are all in the array <paramref name="ids"/>, which is sorted: see <see cref="Within"/>.</summary>
    public static string MoveWithin(string ids) => MoveRows($" AND {Within(ids)}");

    private static string MoveRows(string bounds) => $"""
        UPDATE runs r SET
            status            = m.to_status,
            status_changed_at = $1,
            wake              = m.to_status <> 1 AND r.wake,
            paused_ms         = r.paused_ms + CASE WHEN r.status = 2 THEN greatest(0, extract(epoch FROM $1 - r.status_changed_at) * 1000)::bigint ELSE 0 END,
            attempt           = r.attempt + (m.to_status = 1)::int,
            worker            = CASE WHEN m.to_status = 1 THEN m.worker ELSE r.worker END,
            lease_until       = CASE WHEN m.to_status = 1 THEN m.until END,
            claimed_at        = CASE WHEN m.to_status = 1 THEN $1 ELSE r.claimed_at END,
            started_at        = CASE WHEN m.to_status = 1 THEN coalesce(r.started_at, $1) ELSE r.started_at END,
            due_at            = CASE WHEN m.to_status = 0 THEN m.until END,
            finished_at       = CASE WHEN m.to_status >= 4 THEN $1 END,
            active_ms         = CASE WHEN r.status >= 4 THEN 0 ELSE r.active_ms END + CASE WHEN r.status = 1 THEN greatest(0,
                                    extract(epoch FROM (CASE WHEN m.lost THEN least(r.lease_until, $1) ELSE $1 END) - r.claimed_at) * 1000)::bigint
                                ELSE 0 END,
            lost_leases       = CASE WHEN m.lost THEN r.lost_leases + 1 WHEN m.to_status = 0 THEN 0 ELSE r.lost_leases END,
            output            = coalesce(m.output, CASE WHEN r.status < 4 THEN r.output END),
            response          = coalesce(r.response, m.response),
            waiter            = CASE WHEN r.status < 4 THEN r.waiter END,
            error             = m.error,
            failed_step       = m.failed_step,
            waiting_for       = m.waiting_for
        FROM moves m
        WHERE r.id = m.id AND r.attempt = m.attempt AND (r.status + 0, m.to_status) IN ({LegalMoves}){bounds}
        """;

    /// <summary>
    /// True for a row <c>r</c> between the first and the last id of a sorted array parameter. It says nothing new to a statement that finds
    /// its rows by those ids, but it lets Postgres leave out the partitions of all other days before it starts: without it every statement
    /// opens every day that is kept, which with a month of them costs more than its work.
    /// </summary>
    public static string Within(string ids) => $"r.id BETWEEN ({ids}::uuid[])[1] AND ({ids}::uuid[])[cardinality({ids}::uuid[])]";

    /// <summary>The columns of a move; a source that leaves one null writes null for its kind.</summary>
    public const string MoveColumns = "id, attempt, to_status, worker, until, lost, output, response, error, failed_step, waiting_for";

    /// <summary>What a mover is told of each row that moved: see <see cref="RunNews"/>. Bodies come along only when a caller waits for them.</summary>
    public const string News = """
        r.id, r.project_id, r.priority, r.status, r.waiter,
        CASE WHEN r.waiter IS NOT NULL THEN r.response END,
        CASE WHEN r.waiter IS NOT NULL THEN r.output END,
        CASE WHEN r.waiter IS NOT NULL THEN r.error END,
        r.failed_step
        """;

    public static NpgsqlParameter<T> Value<T>(T value, NpgsqlDbType type) => new() { TypedValue = value, NpgsqlDbType = type };

    public static NpgsqlParameter<T[]> Array<T>(T[] values, NpgsqlDbType type) => new() { TypedValue = values, NpgsqlDbType = NpgsqlDbType.Array | type };

    /// <summary>
    /// True for a row <c>r</c> in one of the statuses. Written so that no index on runs of one status fits it: rows are found by their ids.
    /// </summary>
    public static string IsOneOf(IEnumerable<RunStatus> statuses) => $"r.status + 0 IN ({In(statuses)})";

    /// <summary><see cref="RunTransitions.AfterLoss"/> of a row <c>r</c>; <paramref name="most"/> is a parameter.</summary>
    public static string AfterLoss(string most) =>
        $"(CASE WHEN r.lost_leases + 1 >= {most} THEN {(int)RunTransitions.AfterLoss(0, 1)} ELSE {(int)RunTransitions.AfterLoss(0, 2)} END)::smallint";

    public static string In(IEnumerable<StepStatus> statuses) => string.Join(", ", statuses.Select(status => (int)status));

    public static string In(IEnumerable<RunStatus> statuses) => string.Join(", ", statuses.Select(status => (int)status));

    /// <summary>True when Postgres refuses what one of the rows holds (its class 22, or 54: over a limit), and would take the others.</summary>
    public static bool IsRefusedData(Exception error) => error is PostgresException { SqlState: { } state }
        && (state.StartsWith("22", StringComparison.Ordinal) || state.StartsWith("54", StringComparison.Ordinal));
}
