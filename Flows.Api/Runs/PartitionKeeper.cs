using Flows.Api.Migrations;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Runs;

/// <summary>Makes the partitions of the days to come, so that retention can drop a day and lists read recent days only.</summary>
internal sealed class PartitionKeeper(NpgsqlDataSource db, SchemaState schema, TimeProvider clock, ILogger<PartitionKeeper> log)
    : Housekeeper(TimeSpan.FromHours(1), schema, clock, log)
{
    private const int DaysAhead = 7;
    private readonly TimeProvider _clock = clock;

    internal override async Task<bool> SweepAsync(CancellationToken cancel)
    {
        // Making a partition locks the table for a moment; behind a long query it gives up and comes back, or every accept would queue behind it.
        await using var connection = await db.OpenConnectionAsync(cancel);
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new("SELECT set_config('lock_timeout', '5s', true)"),
                new("SELECT ensure_run_partitions($1, $2)")
                {
                    Parameters =
                    {
                        RunSql.Value(DateOnly.FromDateTime(_clock.GetUtcNow().UtcDateTime), NpgsqlDbType.Date),
                        RunSql.Value(DaysAhead + 1, NpgsqlDbType.Integer),
                    },
                },
            },
        };
        await batch.ExecuteNonQueryAsync(cancel);
        return false;
    }
}
