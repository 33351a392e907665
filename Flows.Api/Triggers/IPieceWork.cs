using Flows.Api.Runs;
using Flows.Contracts.EngineProtocol;
using Flows.Contracts.WorkerProtocol;
using Npgsql;
using NpgsqlTypes;

namespace Flows.Api.Triggers;

/// <summary>Where calls of pieces come from: triggers that are due, hooks to register or take away, questions of people.</summary>
internal interface IPieceWork
{
    bool Does(PieceCallKind kind);

    /// <summary>The call that has waited longest, now this worker's until its lease runs out; null when there is none.</summary>
    Task<PieceClaim?> TakeAsync(string worker, CancellationToken cancel);

    /// <summary>The project and the key of the connection that a call was given, as long as it is this worker's; null otherwise, and when it was given none.</summary>
    Task<(Guid Project, string Key)?> ConnectionOfAsync(RefusedToken call, CancellationToken cancel);

    /// <summary>Takes what came of it. If we die before the commit nothing has happened, and the lease runs out.</summary>
    /// <returns>How many runs were started by it; null when the call is no longer this worker's.</returns>
    Task<int?> AnswerAsync(PieceReport report, CancellationToken cancel);
}

internal static class PieceWorkSql
{
    /// <param name="sql">Gives project and connection; its parameters are the call's id, attempt and worker.</param>
    public static async Task<(Guid Project, string Key)?> ConnectionOfAsync(this NpgsqlDataSource db, string sql, RefusedToken call, CancellationToken cancel)
    {
        await using var command = db.CreateCommand(sql);
        command.Parameters.Add(RunSql.Value(call.Id, NpgsqlDbType.Uuid));
        command.Parameters.Add(RunSql.Value(call.Attempt, NpgsqlDbType.Bigint));
        command.Parameters.Add(RunSql.Value(call.Worker, NpgsqlDbType.Text));
        await using var row = await command.ExecuteReaderAsync(cancel);
        return await row.ReadAsync(cancel) && row.TextOrNull(1) is { } key ? (row.GetGuid(0), key) : null;
    }
}
