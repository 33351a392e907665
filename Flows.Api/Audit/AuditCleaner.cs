using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Flows.Api.Audit;

/// <summary>The audit log. Bound from <c>Flows:Audit</c>.</summary>
public sealed class AuditOptions
{
    public const string Section = "Flows:Audit";

    /// <summary>How long rows are kept. 400 days by default: a year, and the time to look at it.</summary>
    [Range(typeof(TimeSpan), "1.00:00:00", "7300.00:00:00")]
    public TimeSpan Keep { get; set; } = TimeSpan.FromDays(400);
}

/// <summary>Deletes the rows of the audit log that are older than they are kept, a bounded number at a time.</summary>
internal sealed class AuditCleaner(NpgsqlDataSource source, IOptions<AuditOptions> options, TimeProvider clock)
{
    private const int MostAtOnce = 5_000;

    public async Task CleanAsync(CancellationToken cancel)
    {
        // The ids begin with their time, so the primary key finds the oldest; at decides about those of the same millisecond.
        var until = clock.GetUtcNow() - options.Value.Keep;
        await using var command = source.CreateCommand(
            $"DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < $1 ORDER BY id LIMIT {MostAtOnce}) AND at < $2");
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = Guid.CreateVersion7(until) });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = until });
        await command.ExecuteNonQueryAsync(cancel);
    }
}
