using System.Collections.Concurrent;
using Npgsql;

namespace Flows.Api;

/// <summary>
/// Statements that are prepared once for each connection, where connections are kept. A pooler in transaction mode (PgBouncer) gives every transaction
/// another server connection, on which nothing has been prepared; <c>No Reset On Close=true</c> in the connection string says that there is one.
/// </summary>
internal static class Preparing
{
    // As many as there are data sources in the process; a connection hands out the text of its source, and makes none.
    private static readonly ConcurrentDictionary<string, bool> s_kept = new(StringComparer.Ordinal);

    public static Task PrepareWhereKeptAsync(this NpgsqlBatch batch, CancellationToken cancel) =>
        IsKept(batch.Connection!.ConnectionString) ? batch.PrepareAsync(cancel) : Task.CompletedTask;

    public static Task PrepareWhereKeptAsync(this NpgsqlCommand command, CancellationToken cancel) =>
        IsKept(command.Connection!.ConnectionString) ? command.PrepareAsync(cancel) : Task.CompletedTask;

    private static bool IsKept(string connectionString) =>
        s_kept.GetOrAdd(connectionString, static text => !new NpgsqlConnectionStringBuilder(text).NoResetOnClose);
}
