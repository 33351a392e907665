using Flows.Contracts.Json;
using Flows.Contracts.Runs;
using Npgsql;

namespace Flows.Api.Runs;

/// <summary>A run as it is just after a committed change: what the queue and a waiting caller have to be told.</summary>
/// <param name="Waiter">The API instance that holds a caller for this run; null when nobody waits.</param>
/// <param name="Response">A <see cref="RunResponse"/> as JSON, once a respond step has made one.</param>
/// <param name="Error">A <see cref="StepError"/> as JSON.</param>
internal sealed record RunNews(
    Guid RunId,
    Guid ProjectId,
    RunPriority Priority,
    RunStatus Status,
    string? Waiter,
    RawJson? Response,
    RawJson? Output,
    RawJson? Error,
    string? FailedStep)
{
    /// <summary>Paused, and only for runs that it has called.</summary>
    public bool GoesOn { get; init; }

    /// <summary>True when the run will not go on by itself soon: it is over, or waits for a person or a time.</summary>
    public bool IsSettled => Status is not (RunStatus.Queued or RunStatus.Running) && !GoesOn;

    /// <summary>Reads the columns of <see cref="RunSql.News"/>.</summary>
    public static RunNews Read(NpgsqlDataReader row) => new(
        row.GetGuid(0),
        row.GetGuid(1),
        (RunPriority)row.GetInt16(2),
        (RunStatus)row.GetInt16(3),
        row.TextOrNull(4),
        row.JsonOrNull(5),
        row.JsonOrNull(6),
        row.JsonOrNull(7),
        row.TextOrNull(8));
}

internal static class RowReading
{
    public static string? TextOrNull(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static RawJson? JsonOrNull(this NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : RawJson.FromUtf8(row.GetFieldValue<byte[]>(column));

    public static DateTimeOffset? TimeOrNull(this NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);
}
